/* From a tile program to machine code. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jit.h"
#include "jit_encode.h"

#define REASON 80 /* bytes of one that is made up here */

#if defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)
#define LINE 48 /* characters of a line of the listing, mostly less */
#define MOST_COPIES 4
#define MOST_UNROLLED 400 /* nodes */

typedef struct work {
    dvt_jit jit;
    const dvt_tile_program *program;
    dvt_jit_value *slots; /* what each holds; jit is null where nothing is known yet */
    int wide;             /* of float64 */
    char *reason;         /* room for one that is made up here */
} work;

/* The value of an operand: of an input it is loaded now. */
static dvt_jit_value read(work *w, uint32_t slot, char kind, uint8_t half) {
    dvt_jit_value *value = &w->slots[slot];
    if (value->jit) return *value;
    const uint32_t size = w->program->slots[slot].size;
    dvt_jit_op op = DVT_JIT_LOAD;
    if (kind == 'b')
        op = w->wide ? DVT_JIT_LOAD_MASK_64 : DVT_JIT_LOAD_MASK_32;
    else if (size == 2)
        op = half == DVT_HALF_F16 ? DVT_JIT_LOAD_F16 : DVT_JIT_LOAD_BF16;
    return *value = dvt_jit_load(&w->jit, op, slot);
}

/* Stores come last, in the order of their instructions. */
typedef struct result {
    uint32_t slot;
    dvt_jit_op op;
    dvt_jit_value value;
} result;

static dvt_jit_op store_of(const work *w, uint32_t slot, char kind, uint8_t half) {
    if (kind == 'b') return w->wide ? DVT_JIT_STORE_MASK_64 : DVT_JIT_STORE_MASK_32;
    if (w->program->slots[slot].size != 2) return DVT_JIT_STORE;
    return half == DVT_HALF_F16 ? DVT_JIT_STORE_F16 : DVT_JIT_STORE_BF16;
}

/* The width of all floats of the program; null, or the reason why it has no code. */
static const char *find_width(work *w) {
    int single = 0;
    for (uint32_t i = 0; i < w->program->n_instructions; i++) {
        const dvt_tile_instruction *x = &w->program->instructions[i];
        if (x->kind == DVT_TILE_WIDEN || x->kind == DVT_TILE_NARROW) {
            single = 1;
            continue;
        }
        if (!x->function) {
            snprintf(w->reason, REASON, "there is no code for %.32s of these types", x->op);
            return w->reason;
        }
        for (const char *kind = x->function->kinds; *kind; kind++) {
            single |= *kind == 'f';
            w->wide |= *kind == 'd';
        }
    }
    w->jit.vector = w->jit.lanes = w->wide ? 4 : 8;
    return single && w->wide ? "float32 and float64 in one program" : 0;
}

static const char *record(work *w, result *results) {
    const dvt_tile_program *program = w->program;
    uint32_t n_results = 0;
    const char *reason = find_width(w);
    if (reason) return reason;
    for (uint32_t i = 0; i < program->n_instructions && !w->jit.refused; i++) {
        const dvt_tile_instruction *x = &program->instructions[i];
        const char *kinds = x->function ? x->function->kinds : "ff";
        dvt_jit_value value, operands[DVT_MAP_MAX_OPERANDS];
        for (uint32_t k = 1; k < x->n_slots; k++)
            operands[k - 1] = read(w, x->slot[k], kinds[k], x->half);
        value = operands[0];
        if (x->kind == DVT_TILE_COMPUTE) value = x->function->record(operands);
        if (x->kind == DVT_TILE_NARROW) value = dvt_jit_narrow((dvt_half)x->half, value);
        if (!value.jit) return "a result that is a constant";
        w->slots[x->slot[0]] = value;
        if (program->slots[x->slot[0]].place == DVT_TILE_OUTPUT)
            results[n_results++] = (result){.slot = x->slot[0],
                                            .op = store_of(w, x->slot[0], kinds[0], x->half),
                                            .value = value};
    }
    for (uint32_t r = 0; r < n_results; r++)
        dvt_jit_store(&w->jit, results[r].op, results[r].slot, results[r].value);
    return w->jit.refused;
}

/* The listing behind a line that sums it up; null without memory. */
static char *described(const dvt_jit_assembly *a) {
    char head[128];
    const int n = snprintf(head, sizeof head,
                           "a tile program in registers: %u instructions, %u spills, %zu bytes\n",
                           a->instructions, a->spills, a->size);
    char *text = malloc((size_t)n + a->text + 1);
    if (!text) return 0;
    memcpy(text, head, (size_t)n);
    memcpy(text + n, a->listing, a->text + 1);
    return text;
}

/* The most values that wait for a use at one time, but for those that lie in memory anyway. */
static uint32_t live_at_once(const dvt_jit *jit) {
    uint32_t live = 0, most = 0;
    for (uint32_t n = 0; n < jit->n_nodes; n++) jit->nodes[n].live = 0;
    for (uint32_t n = jit->n_nodes; n-- > 0;) {
        dvt_jit_node *node = &jit->nodes[n];
        const uint32_t count = dvt_jit_n_operands(node->op);
        live -= node->live;
        for (uint32_t i = 0; i < count; i++) {
            dvt_jit_node *operand = &jit->nodes[node->operand[i]];
            if (operand->live || dvt_jit_encodings[operand->op].form == DVT_FORM_SOURCE) continue;
            operand->live = 1;
            live++;
        }
        most = live > most ? live : most;
    }
    return most;
}

/* A loop over several vectors a turn, as many as have their values in registers: a chain waits for its own
 * results most of the time, and the processor does not look ahead as far as the next vector's. */
static const char *unrolled(const dvt_jit *jit, dvt_jit_assembly *a) {
    const uint32_t n = jit->n_nodes;
    dvt_jit more = *jit;
    const char *reason = 0;
    uint16_t *moved = malloc(n * sizeof *moved);
    const uint32_t live = live_at_once(jit);
    uint32_t copies = DVT_JIT_REGISTERS / (live + !live);
    if (copies > MOST_COPIES) copies = MOST_COPIES;
    more.nodes = malloc(MOST_COPIES * (size_t)n * sizeof *more.nodes);
    if (!moved || !more.nodes) reason = "there was no memory to unroll it";
    for (; copies > 1 && !reason; copies--) {
        const dvt_jit_assembly before = *a;
        dvt_jit_unroll(jit, copies, &more, moved);
        more.lanes = copies * jit->vector;
        if (dvt_jit_assign(&more, a) < 0) reason = more.refused;
        if (a->spills == 0 && !a->full) break;
        *a = before;
    }
    free(more.nodes);
    free(moved);
    return reason;
}

/* Machine code of what was recorded. */
static const char *assemble(dvt_jit *jit, dvt_jit_code *code) {
    const size_t n = jit->n_nodes, m = (1 + MOST_COPIES) * n;
    dvt_jit_assembly a = {.capacity = 1024 + 48 * m + 32 * n,
                          .text_capacity = 1024 + LINE * m,
                          .most_fixes = (uint32_t)(2 * m + 8),
                          .most_pool = (uint32_t)n};
    char *block = malloc(a.capacity + a.most_fixes * sizeof *a.fixes + n * sizeof *a.pool);
    char *listing = malloc(a.text_capacity);
    const char *reason = "there was no memory for code";
    if (block && listing) {
        a.pool = (uint64_t *)(void *)block;
        a.fixes = (void *)(a.pool + n);
        a.code = (uint8_t *)(a.fixes + a.most_fixes);
        a.listing = listing;
        listing[0] = 0;
        dvt_jit_begin(&a);
        dvt_jit_load_pointers(&a, jit->n_edges);
        reason = n <= MOST_UNROLLED ? unrolled(jit, &a) : 0;
        if (!reason && dvt_jit_assign(jit, &a) < 0) reason = jit->refused;
        dvt_jit_finish(&a);
        if (!reason && a.full) reason = "its code is too long";
    }
    if (!reason) {
        code->listing = described(&a);
        code->memory = dvt_jit_make_executable(a.code, a.size);
        code->size = a.size;
        code->lanes = jit->vector;
        memcpy(&code->entry, &code->memory, sizeof code->entry);
        if (!code->memory) reason = "this system refuses executable memory";
        if (!code->listing) reason = "there was no memory for its listing";
    }
    free(listing);
    free(block);
    return reason;
}

/* The reason why there is none, or null with the code. */
static const char *compile(const dvt_tile_program *program, dvt_jit_code *code, char *room) {
    work w = {.program = program,
              .reason = room,
              .jit = {.edges = program->slots, .n_edges = program->n_edges}};
    const size_t nodes = DVT_JIT_MOST_NODES * sizeof *w.jit.nodes;
    const size_t slots = program->n_slots * sizeof *w.slots;
    const size_t results = program->n_instructions * sizeof(result);
    const size_t buckets = DVT_JIT_BUCKETS * sizeof *w.jit.buckets;
    char *block = malloc(nodes + slots + results + buckets);
    if (!block || !code) {
        free(block);
        return "there was no memory to record it";
    }
    w.jit.nodes = (dvt_jit_node *)(void *)block;
    w.slots = (dvt_jit_value *)(void *)(block + nodes);
    memset(w.slots, 0, slots);
    w.jit.buckets = (uint16_t *)(void *)(block + nodes + slots + results);
    memset(w.jit.buckets, 0xff, buckets);
    const char *reason = record(&w, (result *)(void *)(block + nodes + slots));
    if (!reason) reason = assemble(&w.jit, code);
    free(block);
    return reason;
}
#else
static const char *compile(const dvt_tile_program *program, dvt_jit_code *code, char *room) {
    (void)room;
    (void)program;
    (void)code;
    return "code is written for AVX2 with FMA";
}
#endif

dvt_jit_code *dvt_jit_compile(dvt_tile_program *program) {
    dvt_jit_code *code = calloc(1, sizeof *code);
    char room[REASON];
    const char *reason = compile(program, code, room);
    if (!reason) return code;
    snprintf(program->why, sizeof program->why, "a tile program, interpreted: %s", reason);
    dvt_jit_free(code);
    return 0;
}

void dvt_jit_free(dvt_jit_code *code) {
    if (!code) return;
    if (code->memory) dvt_jit_release(code->memory, code->size);
    free(code->listing);
    free(code);
}
