/* Running a tile program. */
#include "tile_program.h"

#include <string.h>

#include "half.h"
#include "parallel.h"
#include "strided_loop.h"

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
            dvt_copy_strided(places[s].data, slot->size, data, 0, count, slot->size);
        } else {
            places[s].cursor = &cursors[s];
            start(program, &cursors[s], t, slot->size, begin);
        }
    }
    for (uint32_t s = program->n_edges; s < program->n_slots; s++)
        places[s] = (place){.data = tiles + program->slots[s].offset};
}

static void instructions(const dvt_tile_program *program, const place *places, int64_t at,
                         size_t n) {
    for (uint32_t i = 0; i < program->n_instructions; i++) {
        const dvt_tile_instruction *x = &program->instructions[i];
        void *p[DVT_MAP_MAX_OPERANDS];
        for (uint32_t k = 0; k < x->n_slots; k++)
            p[k] = places[x->slot[k]].data + at * places[x->slot[k]].step;
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

static void range(void *context, uint64_t first, uint64_t last, uint32_t worker) {
    const run *r = context;
    const dvt_tile_program *program = r->program;
    char *mine = (char *)r->call->workspace + worker * program->worker_bytes;
    dvt_cursor *cursors = (dvt_cursor *)(void *)mine;
    place *places = (place *)(void *)(cursors + program->n_edges);
    const int64_t tile = program->tile, begin = (int64_t)first * tile;
    const int64_t limit = (int64_t)last * tile;
    const int64_t end = limit < program->size ? limit : program->size;
    find_places(r, places, cursors, mine + program->tiles_at, begin,
                end - begin < tile ? end - begin : tile);
    for (int64_t at = begin; at < end; at += tile) {
        const int64_t n = end - at < tile ? end - at : tile;
        for (uint32_t s = 0; s < program->n_edges; s++)
            if (places[s].cursor && program->slots[s].place != DVT_TILE_OUTPUT)
                dvt_cursor_read(places[s].cursor, places[s].data, n);
        instructions(program, places, at, (size_t)n);
        for (uint32_t s = 0; s < program->n_edges; s++)
            if (places[s].cursor && program->slots[s].place == DVT_TILE_OUTPUT)
                dvt_cursor_write(places[s].cursor, places[s].data, n);
    }
}

uint64_t dvt_tile_table_bytes(const dvt_tile_program *program) {
    return program->n_edges * sizeof(dvt_cursor) + program->n_slots * sizeof(place);
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
