/* A call on copies of its operands: each copy ends where a page begins that may not be touched. After
 * the call the copies tell whether the inputs are as they were and the outputs are complete, and only
 * then do the outputs reach the user's memory. */
#include "validate_call.h"
#include "validate_guard.h"

#include <stdlib.h>
#include <string.h>

/* What fills an output before the call. No bool has such a byte, and few numbers have only such. */
static const uint8_t patterns[] = {0xB7, 0x6A, 0x93};
#define RUNS 3
#define SPARSE_BYTES (64u << 10)

typedef struct operand {
    const dvt_tensor *real; /* the user's */
    dvt_tensor view;        /* what the plugin is given */
    dvv_span span;
    dvv_region *region;  /* null: it is given the user's */
    uint64_t hash;       /* of an input without a region */
    bool hashed, shared; /* shared: an input in an output's region */
    bool in_place;       /* an output that begins as an input */
    uint8_t filled;      /* the pattern an output began with */
} operand;

typedef struct guarded {
    dvv_frame *frame;
    const dvt_call *call;
    const char *device;
    uint32_t n_inputs, n_outputs;
    operand *inputs, *outputs;
    const dvt_tensor **views;
    dvv_region *workspace;
} guarded;

static char *first_of(const dvt_tensor *t) {
    return (char *)t->data + t->byte_offset;
}

static bool copy_piece(void *unused, char *to, char *from, size_t bytes) {
    (void)unused;
    memcpy(to, from, bytes);
    return true;
}

static bool hash_piece(void *context, char *at, char *unused, size_t bytes) {
    uint64_t h = *(uint64_t *)context, word = 0;
    (void)unused;
    for (; bytes >= 8; bytes -= 8, at += 8) {
        memcpy(&word, at, 8);
        h = (h ^ word) * 0x9E3779B97F4A7C15u;
        h ^= h >> 29;
    }
    for (; bytes > 0; bytes--, at++) h = (h ^ (uint8_t)*at) * 0x100000001B3u;
    *(uint64_t *)context = h;
    return true;
}

typedef struct difference {
    uint64_t seen; /* bytes compared so far */
    bool found;
} difference;

static bool same_piece(void *context, char *a, char *b, size_t bytes) {
    difference *d = context;
    if (memcmp(a, b, bytes) != 0) {
        while (*a == *b) a++, b++, d->seen++;
        d->found = true;
        return false;
    }
    d->seen += bytes;
    return true;
}

/* Point a view into a region that holds [low, high) of the real memory, by address. */
static void place(operand *x, dvv_region *region, uintptr_t low) {
    x->view = *x->real;
    x->view.data = region->start;
    x->view.byte_offset = (uint64_t)((uintptr_t)first_of(x->real) - low);
}

static void set_up_output(guarded *g, uint32_t index) {
    operand *x = &g->outputs[index];
    if (x->span.elements == 0) return;
    uintptr_t first = (uintptr_t)first_of(x->real);
    uintptr_t low = first + (uintptr_t)x->span.low, high = first + (uintptr_t)x->span.high;
    for (uint32_t i = 0; i < g->n_inputs; i++) {
        operand *in = &g->inputs[i];
        if (in->shared || !dvv_overlap(x->real, in->real, false)) continue;
        uintptr_t start = (uintptr_t)first_of(in->real);
        if (start + (uintptr_t)in->span.low < low) low = start + (uintptr_t)in->span.low;
        if (start + (uintptr_t)in->span.high > high) high = start + (uintptr_t)in->span.high;
        in->shared = x->in_place = true;
    }
    x->region = dvv_region_take(g->frame, g->device, "output", index, high - low,
                                dvv_alignment(x->real->dtype));
    if (x->region != NULL) place(x, x->region, low);
    for (uint32_t i = 0; i < g->n_inputs; i++) {
        operand *in = &g->inputs[i];
        if (!in->shared || in->view.data != NULL || !dvv_overlap(x->real, in->real, false))
            continue;
        if (x->region == NULL) {
            in->view = *in->real;
            continue;
        }
        place(in, x->region, low);
        dvv_walk(in->real, first_of(&in->view), first_of(in->real), copy_piece, NULL);
    }
}

static void set_up_input(guarded *g, uint32_t index) {
    operand *x = &g->inputs[index];
    if (x->shared) return;
    x->view = *x->real;
    if (x->span.elements == 0) return;
    uint64_t bytes = (uint64_t)(x->span.high - x->span.low);
    /* A few elements far apart are cheaper to hash where they are. */
    if (x->span.contiguous || bytes <= 4 * x->span.elements * x->span.item + SPARSE_BYTES)
        x->region = dvv_region_take(g->frame, g->device, "input", index, bytes,
                                    dvv_alignment(x->real->dtype));
    if (x->region != NULL) {
        place(x, x->region, (uintptr_t)first_of(x->real) + (uintptr_t)x->span.low);
        dvv_walk(x->real, first_of(&x->view), first_of(x->real), copy_piece, NULL);
    } else {
        dvv_walk(x->real, first_of(x->real), first_of(x->real), hash_piece, &x->hash);
        x->hashed = true;
    }
}

static void fill_output(operand *x, uint8_t pattern) {
    x->filled = pattern;
    if (x->region != NULL && !x->in_place) memset(x->region->start, pattern, x->region->bytes);
}

static bool set_up(guarded *g) {
    size_t n = (size_t)g->n_inputs + g->n_outputs;
    g->inputs = calloc(n + 1, sizeof *g->inputs);
    g->views = calloc(n + 1, sizeof *g->views);
    if (g->inputs == NULL || g->views == NULL) return false;
    g->outputs = g->inputs + g->n_inputs;
    for (size_t i = 0; i < n; i++) {
        operand *x = &g->inputs[i];
        x->real = i < g->n_inputs ? g->call->inputs[i] : g->call->outputs[i - g->n_inputs];
        if (!dvv_measure(x->real, &x->span)) return false;
        g->views[i] = &x->view;
    }
    for (uint32_t i = 0; i < g->n_outputs; i++) {
        g->outputs[i].view = *g->outputs[i].real;
        set_up_output(g, i);
    }
    for (uint32_t i = 0; i < g->n_inputs; i++) set_up_input(g, i);
    return true;
}

static void set_up_workspace(guarded *g, dvt_call *call, uint64_t alignment) {
    if (call->workspace == NULL || call->workspace_size == 0) return;
    g->workspace = dvv_region_take(g->frame, g->device, "workspace", 0, call->workspace_size,
                                   alignment != 0 ? alignment : 64);
    if (g->workspace == NULL) return;
    call->workspace = g->workspace->start;
    memset(g->workspace->start, patterns[0], call->workspace_size);
}

static void tear_down(guarded *g) {
    size_t n = g->inputs != NULL ? (size_t)g->n_inputs + g->n_outputs : 0;
    for (size_t i = 0; i < n; i++)
        if (g->inputs[i].region != NULL) dvv_region_give(g->inputs[i].region);
    if (g->workspace != NULL) dvv_region_give(g->workspace);
    free(g->inputs);
    free(g->views);
}

static void check_regions(guarded *g) {
    for (uint32_t i = 0; i < g->n_inputs + g->n_outputs; i++)
        if (g->inputs[i].region != NULL) dvv_region_check(g->frame, g->inputs[i].region);
    if (g->workspace != NULL) dvv_region_check(g->frame, g->workspace);
}

static void check_inputs(guarded *g) {
    for (uint32_t i = 0; i < g->n_inputs; i++) {
        operand *x = &g->inputs[i];
        difference d = {0};
        uint64_t hash = 0;
        if (x->region != NULL)
            dvv_walk(x->real, first_of(&x->view), first_of(x->real), same_piece, &d);
        else if (x->hashed)
            dvv_walk(x->real, first_of(x->real), first_of(x->real), hash_piece, &hash);
        else
            continue;
        dvv_count(g->frame->layer, DVV_INPUTS);
        uint32_t item = x->span.item != 0 ? x->span.item : 1;
        if (d.found)
            dvv_blame_plugin(g->frame,
                             "it changed input %u, at element %llu of %llu; inputs are only "
                             "read",
                             i, (unsigned long long)(d.seen / item),
                             (unsigned long long)x->span.elements);
        else if (x->hashed && hash != x->hash)
            dvv_blame_plugin(g->frame, "it changed input %u; inputs are only read", i);
    }
}

/* ---- outputs are written completely -------------------------------------------------------------- */

typedef struct unwritten {
    size_t item;
    uint8_t first, second; /* patterns of the two runs that are compared */
    bool twice;
    uint64_t seen, count, example; /* elements */
} unwritten;

static bool only(const char *at, size_t bytes, uint8_t pattern) {
    for (size_t i = 0; i < bytes; i++)
        if ((uint8_t)at[i] != pattern) return false;
    return true;
}

/* real: after the first run; copy: after the present one */
static bool find_unwritten(void *context, char *real, char *copy, size_t bytes) {
    unwritten *u = context;
    for (size_t i = 0; i < bytes; i += u->item, u->seen++) {
        if ((uint8_t)real[i] != u->first || !only(real + i, u->item, u->first)) continue;
        if (u->twice && !only(copy + i, u->item, u->second)) continue;
        if (u->count++ == 0) u->example = u->seen;
    }
    return true;
}

/* How many elements of an output are still as they were filled, in the first and in the present run. */
static unwritten look(const operand *x, int run) {
    unwritten u = {.item = x->span.item != 0 ? x->span.item : 1,
                   .first = patterns[0],
                   .second = patterns[run],
                   .twice = run > 0};
    if (x->region != NULL && !x->in_place)
        dvv_walk(x->real, first_of(x->real), first_of(&x->view), find_unwritten, &u);
    return u;
}

static bool any_unwritten(const guarded *g, int run) {
    for (uint32_t i = 0; i < g->n_outputs; i++)
        if (look(&g->outputs[i], run).count > 0) return true;
    return false;
}

/* An element that equals the pattern may have been written so: other patterns tell. A call in place
 * has used up its input and cannot be repeated. */
static dvt_status check_outputs(guarded *g, const dvt_call *call, dvv_invoke invoke,
                                const void *target) {
    for (uint32_t i = 0; i < g->n_outputs; i++)
        if (g->outputs[i].in_place) return DVT_OK;
    for (uint32_t i = 0; i < g->n_outputs; i++)
        if (g->outputs[i].region != NULL) dvv_count(g->frame->layer, DVV_OUTPUTS);
    if (!any_unwritten(g, 0)) return DVT_OK;
    for (int run = 1; run < RUNS; run++) {
        dvv_count(g->frame->layer, DVV_RERUNS);
        for (uint32_t i = 0; i < g->n_outputs; i++) fill_output(&g->outputs[i], patterns[run]);
        if (g->workspace != NULL) memset(g->workspace->start, patterns[run], g->workspace->bytes);
        dvt_status status = invoke(target, call, &g->frame->error);
        check_regions(g);
        if (status != DVT_OK) return status;
        if (!any_unwritten(g, run)) return DVT_OK;
    }
    for (uint32_t i = 0; i < g->n_outputs; i++) {
        unwritten u = look(&g->outputs[i], RUNS - 1);
        if (u.count == 0) continue;
        dvv_blame_plugin(g->frame,
                         "it left %llu of %llu elements of output %u unwritten, the first at "
                         "position %llu; outputs are written completely",
                         (unsigned long long)u.count,
                         (unsigned long long)g->outputs[i].span.elements, i,
                         (unsigned long long)u.example);
    }
    return DVT_OK;
}

static bool erase_piece(void *context, char *at, char *unused, size_t bytes) {
    (void)unused;
    memset(at, *(const uint8_t *)context, bytes);
    return true;
}

/* What lies between the elements of a strided output belongs to somebody else. */
static void check_gaps(guarded *g, operand *x, uint32_t index) {
    if (x->region == NULL || x->in_place || x->span.contiguous) return;
    /* With the elements erased, one byte value is left. */
    dvv_walk(&x->view, first_of(&x->view), first_of(&x->view), erase_piece, &x->filled);
    for (uint64_t i = 0; i < x->region->bytes; i++) {
        if ((uint8_t)x->region->start[i] == x->filled) continue;
        dvv_blame_plugin(g->frame,
                         "it wrote between the elements of the strided output %u, at byte "
                         "%llu of %llu",
                         index, (unsigned long long)i, (unsigned long long)x->region->bytes);
        return;
    }
}

dvt_status dvv_run_guarded(dvv_frame *f, const dvv_promise *promise, const dvt_call *call,
                           const char *device, dvv_invoke invoke, const void *target) {
    guarded g = {.frame = f,
                 .call = call,
                 .device = device,
                 .n_inputs = call->n_inputs,
                 .n_outputs = call->n_outputs};
    dvt_call inner = *call;
    dvt_status status;
    if (!set_up(&g)) {
        tear_down(&g);
        dvv_calling(f);
        return invoke(target, call, &f->error);
    }
    inner.inputs = g.views;
    inner.outputs = g.views + g.n_inputs;
    set_up_workspace(&g, &inner, promise->workspace_alignment);
    for (uint32_t i = 0; i < g.n_outputs; i++) fill_output(&g.outputs[i], patterns[0]);
    dvv_calling(f);
    status = invoke(target, &inner, &f->error);
    check_regions(&g);
    check_inputs(&g);
    if (status == DVT_OK) {
        for (uint32_t i = 0; i < g.n_outputs; i++)
            if (g.outputs[i].region != NULL)
                dvv_walk(g.outputs[i].real, first_of(g.outputs[i].real),
                         first_of(&g.outputs[i].view), copy_piece, NULL);
        if (atomic_load(&f->found) == 0) status = check_outputs(&g, &inner, invoke, target);
        for (uint32_t i = 0; i < g.n_outputs; i++) check_gaps(&g, &g.outputs[i], i);
    }
    tear_down(&g);
    return status;
}
