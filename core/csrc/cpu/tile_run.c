/* Running a tile program. */
#include "tile_program.h"

#include <string.h>

#include "half.h"
#include "jit.h"
#include "parallel.h"
#include "strided_loop.h"

#define FEW 12 /* instructions that are interpreted on some elements sooner than those are copied */
#define LANES 8   /* most that code in registers computes at once */
#define VECTOR 64 /* bytes of a slot's part of a vector that is not whole, and room */

/* How one slot is reached during one call. */
typedef struct place {
    char *data;
    int64_t step;       /* bytes from one element to the next in memory, 0: the tile is reused */
    dvt_cursor *cursor; /* not null: gathered before each tile, or scattered after it */
} place;

typedef struct run {
    const dvt_tile_program *program;
    const dvt_call *call;
} run;

static const dvt_tensor *tensor_of(const run *r, const dvt_tile_slot *slot) {
    return slot->place == DVT_TILE_INPUT    ? r->call->inputs[slot->index]
           : slot->place == DVT_TILE_OUTPUT ? r->call->outputs[slot->index]
                                            : r->program->constants[slot->index];
}

/* One element for the whole program. */
static int is_constant(const dvt_tensor *t) {
    for (int32_t i = 0; i < t->ndim; i++)
        if (t->shape[i] != 1 && t->strides[i] != 0) return 0;
    return 1;
}

/* Stand at element `begin` of the program's shape, in a view that is broadcast to it. */
static void start(const dvt_tile_program *program, dvt_cursor *cursor, const dvt_tensor *t,
                  uint32_t size, int64_t begin) {
    int64_t strides[DVT_MAX_NDIM];
    const int32_t skipped = program->ndim - t->ndim;
    for (int32_t i = 0; i < program->ndim; i++) {
        const int32_t j = i - skipped;
        strides[i] = j < 0 || t->shape[j] != program->shape[i] ? 0 : t->strides[j] * (int64_t)size;
    }
    dvt_cursor_start_at(cursor, dvt_tensor_data(t), size, program->ndim, program->shape, strides,
                        begin);
}

static void find_places(const run *r, place *places, dvt_cursor *cursors, char *tiles,
                        int64_t begin, int64_t count) {
    const dvt_tile_program *program = r->program;
    for (uint32_t s = 0; s < program->n_edges; s++) {
        const dvt_tile_slot *slot = &program->slots[s];
        const dvt_tensor *t = tensor_of(r, slot);
        char *data = dvt_tensor_data(t);
        places[s] = (place){.data = tiles + slot->offset};
        if (dvt_contiguous_size(t) == program->size) {
            places[s].data = data;
            places[s].step = slot->size;
        } else if (slot->place != DVT_TILE_OUTPUT && is_constant(t)) {
            dvt_copy_strided(places[s].data, slot->size, data, 0, count > LANES ? count : LANES,
                             slot->size);
        } else {
            places[s].cursor = &cursors[s];
            start(program, &cursors[s], t, slot->size, begin);
        }
    }
    for (uint32_t s = program->n_edges; s < program->n_slots; s++)
        places[s] = (place){.data = tiles + program->slots[s].offset};
}

/* Where element at + offset of a slot is, of a tile that begins with element `at`. */
static char *element(const dvt_tile_program *program, const place *places, uint32_t slot,
                     int64_t at, int64_t offset) {
    const place *x = &places[slot];
    if (x->step != 0) return x->data + (at + offset) * x->step;
    const int gathered = slot < program->n_edges && !program->slots[slot].scalar;
    return x->data + (gathered ? offset * program->slots[slot].size : 0);
}

static void instructions(const dvt_tile_program *program, const place *places, int64_t at,
                         int64_t offset, size_t n) {
    for (uint32_t i = 0; i < program->n_instructions; i++) {
        const dvt_tile_instruction *x = &program->instructions[i];
        void *p[DVT_MAP_MAX_OPERANDS];
        for (uint32_t k = 0; k < x->n_slots; k++)
            p[k] = element(program, places, x->slot[k], at, offset);
        if (x->kind == DVT_TILE_COMPUTE)
            x->fn(p, n);
        else if (x->kind == DVT_TILE_WIDEN)
            dvt_half_widen((dvt_half)x->half, p[0], p[1], n);
        else if (x->kind == DVT_TILE_NARROW)
            dvt_half_narrow((dvt_half)x->half, p[0], p[1], n);
        else if (p[0] != p[1])
            memcpy(p[0], p[1], n * x->size);
    }
}

/* A worker's tables. */
typedef struct tables {
    dvt_cursor *cursors;
    place *places;
    void **pointers; /* of edges, for code in registers */
    char *rest;      /* VECTOR bytes for each edge */
} tables;

static tables tables_at(const dvt_tile_program *program, char *memory) {
    tables t = {.cursors = (dvt_cursor *)(void *)memory};
    t.places = (place *)(void *)(t.cursors + program->n_edges);
    t.pointers = (void **)(void *)(t.places + program->n_slots);
    t.rest = (char *)(t.pointers + program->n_edges);
    return t;
}

uint64_t dvt_tile_table_bytes(const dvt_tile_program *program) {
    return program->n_edges * (sizeof(dvt_cursor) + sizeof(void *) + VECTOR) +
           program->n_slots * sizeof(place);
}

/* Fewer elements than a vector has: through memory that has room for a whole one. */
static void rest_in_registers(const dvt_tile_program *program, const tables *t, int64_t at,
                              int64_t offset, size_t n) {
    memset(t->rest, 0, program->n_edges * (size_t)VECTOR);
    for (uint32_t s = 0; s < program->n_edges; s++) {
        const dvt_tile_slot *slot = &program->slots[s];
        const char *from = element(program, t->places, s, at, offset);
        char *to = t->rest + (size_t)s * VECTOR;
        t->pointers[s] = to;
        if (slot->place == DVT_TILE_OUTPUT) continue;
        if (slot->scalar)
            dvt_copy_strided(to, slot->size, from, 0, LANES, slot->size);
        else
            memcpy(to, from, n * slot->size);
    }
    if (program->code->entry(t->pointers, 0, program->code->lanes) < program->code->lanes) {
        instructions(program, t->places, at, offset, n);
        return;
    }
    for (uint32_t s = 0; s < program->n_edges; s++)
        if (program->slots[s].place == DVT_TILE_OUTPUT)
            memcpy(element(program, t->places, s, at, offset), t->pointers[s],
                   n * program->slots[s].size);
}

/* n elements from `at` on; where the code gives a vector back, the interpreter computes it. */
static void in_registers(const dvt_tile_program *program, const tables *t, int64_t at, int64_t n) {
    const int64_t lanes = program->code->lanes, whole = n / lanes * lanes;
    for (uint32_t s = 0; s < program->n_edges; s++)
        t->pointers[s] = element(program, t->places, s, at, 0);
    for (int64_t i = 0; i < whole;) {
        i = program->code->entry(t->pointers, i, whole);
        if (i == whole) break;
        instructions(program, t->places, at, i, (size_t)lanes);
        i += lanes;
    }
    if (n == whole) return;
    if (program->n_instructions <= FEW)
        instructions(program, t->places, at, whole, (size_t)(n - whole));
    else
        rest_in_registers(program, t, at, whole, (size_t)(n - whole));
}

/* Whether every edge lies in memory as a whole, so that there need be no tiles. */
static int lies_whole(const dvt_tile_program *program, const place *places) {
    for (uint32_t s = 0; s < program->n_edges; s++)
        if (places[s].cursor || (places[s].step == 0 && !program->slots[s].scalar)) return 0;
    return 1;
}

static void range(void *context, uint64_t first, uint64_t last, uint32_t worker) {
    const run *r = context;
    const dvt_tile_program *program = r->program;
    char *mine = (char *)r->call->workspace + worker * program->worker_bytes;
    const tables t = tables_at(program, mine);
    const int64_t begin = (int64_t)first * program->tile, limit = (int64_t)last * program->tile;
    const int64_t end = limit < program->size ? limit : program->size;
    int64_t tile = program->tile;
    find_places(r, t.places, t.cursors, mine + program->tiles_at, begin,
                end - begin < tile ? end - begin : tile);
    if (program->code && lies_whole(program, t.places)) tile = end - begin;
    for (int64_t at = begin; at < end; at += tile) {
        const int64_t n = end - at < tile ? end - at : tile;
        for (uint32_t s = 0; s < program->n_edges; s++)
            if (t.places[s].cursor && program->slots[s].place != DVT_TILE_OUTPUT)
                dvt_cursor_read(t.places[s].cursor, t.places[s].data, n);
        if (program->code)
            in_registers(program, &t, at, n);
        else
            instructions(program, t.places, at, 0, (size_t)n);
        for (uint32_t s = 0; s < program->n_edges; s++)
            if (t.places[s].cursor && program->slots[s].place == DVT_TILE_OUTPUT)
                dvt_cursor_write(t.places[s].cursor, t.places[s].data, n);
    }
}

dvt_status dvt_tile_run(const dvt_tile_program *program, const dvt_call *call, dvt_error *error) {
    run r = {.program = program, .call = call};
    const uint64_t tiles = (uint64_t)((program->size + program->tile - 1) / program->tile);
    if (call->host->n_threads > program->threads)
        return dvt_set_error(error, DVT_INTERNAL,
                             "a tile program was compiled for fewer threads than this host now "
                             "has; compile it again");
    if (tiles == 1)
        range(&r, 0, 1, 0);
    else if (tiles > 1)
        dvt_parallel(call->host, tiles, program->picoseconds * program->tile, range, &r);
    return DVT_OK;
}
