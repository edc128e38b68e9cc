/* A transposed operand read row by row of the output would use one element of each cache line; so
 * tiles of it are turned into a block first, and all operands are worked on tile by tile. */
#include "map_tile.h"

#include "copy.h"
#include "parallel.h"
#include "strided_loop.h"

/* A tile: rows, and bytes of each row. Long rows, so that the other operands are read in pieces that
 * the processor prefetches; 16 KiB per operand. */
#define ROWS 16
#define ROW_BYTES 1024
/* Below this the operands fit into the first cache, and the order does not matter. */
#define SMALL 4096

typedef struct task {
    const dvt_map *map;
    char *data[DVT_MAP_MAX_OPERANDS];
    int32_t ndim, fast; /* the axis that is contiguous in the transposed operand */
    int64_t shape[DVT_MAX_NDIM];
    int64_t stride[DVT_MAP_MAX_OPERANDS][DVT_MAX_NDIM]; /* in bytes */
    int64_t columns;                                    /* of a tile */
    int64_t row_blocks, column_blocks;
} task;

/* The axes of all operands, with those that follow each other in every one made one. */
static void join_axes(task *t, const dvt_tensor *const *operands, uint32_t count) {
    const dvt_tensor *const y = operands[0];
    t->ndim = 0;
    for (int32_t i = 0; i < y->ndim; i++) {
        const int64_t extent = y->shape[i];
        if (extent == 1) continue;
        int follows = t->ndim > 0;
        for (uint32_t k = 0; k < count && follows; k++) {
            const int64_t stride = operands[k]->strides[i] * t->map->size[k];
            follows = t->stride[k][t->ndim - 1] == stride * extent;
        }
        if (follows)
            t->shape[--t->ndim] *= extent;
        else
            t->shape[t->ndim] = extent;
        for (uint32_t k = 0; k < count; k++)
            t->stride[k][t->ndim] = operands[k]->strides[i] * t->map->size[k];
        t->ndim++;
    }
}

static int is_turned(const task *t, uint32_t k, int32_t axis) {
    const int64_t size = t->map->size[k], last = t->stride[k][t->ndim - 1];
    return last != size && last != 0 && t->stride[k][axis] == size;
}

static int32_t find_fast(const task *t) {
    for (uint32_t k = 1; k <= t->map->n_inputs; k++)
        for (int32_t i = 0; i + 1 < t->ndim; i++)
            if (is_turned(t, k, i) && t->shape[i] >= 8) return i;
    return -1;
}

static void tile(const task *t, char *const *at, int64_t rows, int64_t columns) {
    const dvt_map *const map = t->map;
    const int32_t last = t->ndim - 1, fast = t->fast;
    uint64_t turned[DVT_MAP_MAX_OPERANDS][ROWS * ROW_BYTES / 8];
    for (uint32_t k = 1; k <= map->n_inputs; k++) {
        if (is_turned(t, k, fast))
            dvt_copy_tile((char *)turned[k], t->columns * map->size[k], at[k], t->stride[k][last],
                          rows, columns, map->size[k]);
    }
    for (int64_t r = 0; r < rows; r++) {
        char *data[DVT_MAP_MAX_OPERANDS];
        for (uint32_t k = 0; k <= map->n_inputs; k++) {
            const int64_t size = map->size[k];
            if (is_turned(t, k, fast)) {
                data[k] = (char *)turned[k] + r * t->columns * size;
                continue;
            }
            data[k] = at[k] + r * t->stride[k][fast];
            if (t->stride[k][last] != size) {
                dvt_copy_strided((char *)turned[k], size, data[k], t->stride[k][last], columns,
                                 map->size[k]);
                data[k] = (char *)turned[k];
            }
        }
        dvt_map_compute(map, data, columns);
    }
}

static void range(void *context, uint64_t begin, uint64_t end, uint32_t worker) {
    const task *const t = context;
    const int32_t last = t->ndim - 1;
    (void)worker;
    for (int64_t item = (int64_t)begin; item < (int64_t)end; item++) {
        int64_t rest = item;
        const int64_t column = rest % t->column_blocks * t->columns;
        rest /= t->column_blocks;
        const int64_t row = rest % t->row_blocks * ROWS;
        rest /= t->row_blocks;
        char *at[DVT_MAP_MAX_OPERANDS];
        for (uint32_t k = 0; k <= t->map->n_inputs; k++)
            at[k] = t->data[k] + row * t->stride[k][t->fast] + column * t->stride[k][last];
        for (int32_t i = last; i-- > 0;) {
            if (i == t->fast) continue;
            for (uint32_t k = 0; k <= t->map->n_inputs; k++)
                at[k] += rest % t->shape[i] * t->stride[k][i];
            rest /= t->shape[i];
        }
        const int64_t rows = t->shape[t->fast] - row, columns = t->shape[last] - column;
        tile(t, at, rows < ROWS ? rows : ROWS, columns < t->columns ? columns : t->columns);
    }
}

int dvt_map_run_tiled(const dvt_call *call, const dvt_map *map) {
    const dvt_tensor *operands[DVT_MAP_MAX_OPERANDS] = {call->outputs[0]};
    const int64_t n = dvt_size(call->outputs[0]);
    task t;
    if (n < SMALL) return 0;
    t.map = map;
    for (uint32_t k = 1; k <= map->n_inputs; k++) operands[k] = call->inputs[k - 1];
    join_axes(&t, operands, map->n_inputs + 1);
    t.fast = find_fast(&t);
    if (t.fast < 0 || t.stride[0][t.ndim - 1] != map->size[0] || t.shape[t.ndim - 1] < 8) return 0;
    for (uint32_t k = 0; k <= map->n_inputs; k++) t.data[k] = dvt_tensor_data(operands[k]);
    const int64_t rows = t.shape[t.fast], columns = t.shape[t.ndim - 1];
    t.row_blocks = (rows + ROWS - 1) / ROWS;
    t.columns = ROW_BYTES;
    for (uint32_t k = 0; k <= map->n_inputs; k++)
        if (ROW_BYTES / map->size[k] < t.columns) t.columns = ROW_BYTES / map->size[k];
    t.column_blocks = (columns + t.columns - 1) / t.columns;
    const int64_t items = n / rows / columns * t.row_blocks * t.column_blocks;
    dvt_parallel(call->host, (uint64_t)items, (uint64_t)(n / items + 1) * (map->picoseconds + 800),
                 range, &t);
    return 1;
}
