/* Running element-wise kernels: contiguous at once, everything else through blocks in L1. */
#include "map.h"

#include <string.h>

#include "half.h"
#include "map_tile.h"
#include "parallel.h"
#include "strided_loop.h"

/* Elements per block: four operands of eight bytes take 16 KiB. */
#define BLOCK 512
/* A shorter contiguous run is not worth a call of its own. */
#define SHORT_RUN 128

typedef struct task {
    const dvt_map *map;
    const dvt_call *call;
    char *data[DVT_MAP_MAX_OPERANDS];
} task;

/* Contiguous operands of any type: 16-bit floats are widened and narrowed around the function. */
void dvt_map_compute(const dvt_map *map, char *const *data, int64_t n) {
    void *p[DVT_MAP_MAX_OPERANDS];
    const uint32_t count = map->n_inputs + 1;
    if (!map->any_half) {
        for (uint32_t k = 0; k < count; k++) p[k] = data[k];
        map->fn(p, (size_t)n);
        return;
    }
    float wide[DVT_MAP_MAX_OPERANDS][BLOCK];
    for (int64_t done = 0; done < n; done += BLOCK) {
        const size_t part = (size_t)(n - done < BLOCK ? n - done : BLOCK);
        for (uint32_t k = 0; k < count; k++) {
            char *const here = data[k] + done * map->size[k];
            p[k] = map->half[k] ? (void *)wide[k] : (void *)here;
            if (k > 0 && map->half[k]) dvt_half_widen(map->half[k], wide[k], here, part);
        }
        map->fn(p, part);
        if (map->half[0]) dvt_half_narrow(map->half[0], data[0] + done * 2, wide[0], part);
    }
}

static void contiguous_range(void *context, uint64_t begin, uint64_t end, uint32_t worker) {
    const task *const t = context;
    (void)worker;
    char *data[DVT_MAP_MAX_OPERANDS];
    for (uint32_t k = 0; k <= t->map->n_inputs; k++) data[k] = t->data[k] + begin * t->map->size[k];
    dvt_map_compute(t->map, data, (int64_t)(end - begin));
}

static const dvt_tensor *operand(const dvt_call *call, uint32_t k) {
    return k == 0 ? call->outputs[0] : call->inputs[k - 1];
}

/* Elements [begin, end) in row-major order, each operand where it lies or through its block. */
static void strided_range(void *context, uint64_t begin, uint64_t end, uint32_t worker) {
    const task *const t = context;
    const dvt_map *const map = t->map;
    const uint32_t count = map->n_inputs + 1;
    (void)worker;
    dvt_cursor cursor[DVT_MAP_MAX_OPERANDS];
    uint64_t block[DVT_MAP_MAX_OPERANDS][BLOCK];
    char *data[DVT_MAP_MAX_OPERANDS] = {0};
    int constant[DVT_MAP_MAX_OPERANDS] = {0}, direct[DVT_MAP_MAX_OPERANDS] = {0};
    for (uint32_t k = 0; k < count; k++) {
        dvt_cursor_start(&cursor[k], operand(t->call, k), map->size[k], (int64_t)begin);
        constant[k] = k > 0 && dvt_cursor_is_constant(&cursor[k]);
        if (constant[k])
            dvt_copy_strided((char *)block[k], map->size[k], cursor[k].at, 0, BLOCK, map->size[k]);
    }
    for (int64_t left = (int64_t)(end - begin); left > 0;) {
        int64_t n = left;
        for (uint32_t k = 0; k < count; k++) {
            const int64_t run = constant[k] ? BLOCK : dvt_cursor_run(&cursor[k]);
            direct[k] = run >= left || run >= SHORT_RUN;
            const int64_t most = direct[k] ? run : BLOCK;
            n = most < n ? most : n;
        }
        for (uint32_t k = 0; k < count; k++) {
            data[k] = direct[k] && !constant[k] ? cursor[k].at : (char *)block[k];
            if (constant[k]) continue;
            if (direct[k])
                dvt_cursor_skip(&cursor[k], n);
            else if (k > 0)
                dvt_cursor_read(&cursor[k], block[k], n);
        }
        dvt_map_compute(map, data, n);
        if (!direct[0]) dvt_cursor_write(&cursor[0], block[0], n);
        left -= n;
    }
}

/* Small and not contiguous (a broadcast scalar or row, a transposed matrix): laid out in a block. */
static void lay_out(const dvt_tensor *t, uint32_t size, void *block, int64_t n) {
    int constant = 1;
    for (int32_t i = 0; i < t->ndim && constant; i++)
        constant = t->shape[i] == 1 || t->strides[i] == 0;
    if (constant) {
        dvt_copy_strided(block, size, dvt_tensor_data(t), 0, n, size);
        return;
    }
    dvt_cursor cursor;
    dvt_cursor_start(&cursor, t, size, 0);
    dvt_cursor_read(&cursor, block, n);
}

static __attribute__((noinline)) dvt_status run_small(const dvt_call *call, const dvt_map *map,
                                                      int64_t n) {
    uint64_t block[DVT_MAP_MAX_OPERANDS - 1][BLOCK];
    char *data[DVT_MAP_MAX_OPERANDS] = {dvt_tensor_data(call->outputs[0])};
    for (uint32_t k = 1; k <= map->n_inputs; k++) {
        const dvt_tensor *const input = call->inputs[k - 1];
        data[k] = dvt_tensor_data(input);
        if (dvt_contiguous_size(input) != n) {
            lay_out(input, map->size[k], block[k - 1], n);
            data[k] = (char *)block[k - 1];
        }
    }
    dvt_map_compute(map, data, n);
    return DVT_OK;
}

static __attribute__((noinline)) dvt_status run_contiguous(const dvt_call *call, const dvt_map *map,
                                                           void *const *data, int64_t n) {
    task t = {.map = map, .call = call};
    for (uint32_t k = 0; k <= map->n_inputs; k++) t.data[k] = data[k];
    dvt_parallel(call->host, (uint64_t)n, map->picoseconds, contiguous_range, &t);
    return DVT_OK;
}

dvt_status dvt_map_run(const dvt_call *call, dvt_error *error) {
    const dvt_map *const map = (const dvt_map *)(const void *)call->kernel;
    const int64_t n = dvt_contiguous_size(call->outputs[0]);
    void *data[DVT_MAP_MAX_OPERANDS];
    (void)error;
    int flat = n >= 0;
    data[0] = dvt_tensor_data(call->outputs[0]);
    for (uint32_t k = 0; k < map->n_inputs && flat; k++) {
        const dvt_tensor *const input = call->inputs[k];
        data[k + 1] = dvt_tensor_data(input);
        flat = dvt_contiguous_size(input) == n;
    }
    if (flat) {
        /* The shortest way for the small: no division, no call to the host. */
        if (!map->any_half && (uint64_t)n * map->picoseconds < 2 * DVT_PIECE_PICOSECONDS) {
            map->fn(data, (size_t)n);
            return DVT_OK;
        }
        return run_contiguous(call, map, data, n);
    }
    if (n >= 0 && n <= BLOCK) return run_small(call, map, n);
    if (dvt_map_run_tiled(call, map)) return DVT_OK;
    const int64_t size = dvt_size(call->outputs[0]);
    task t = {.map = map, .call = call};
    if (size > 0)
        dvt_parallel(call->host, (uint64_t)size, map->picoseconds + 300, strided_range, &t);
    return DVT_OK;
}

void dvt_map_answer(const dvt_map *map, const dvt_op *op, dvt_kernel_info *info) {
    const uint64_t n = (uint64_t)dvt_size(op->outputs[0]);
    const uint64_t half = map->any_half ? 300 : 0;
    info->flags = DVT_INFO_DETERMINISTIC;
    info->run = dvt_map_run;
    info->kernel = (dvt_kernel *)(uintptr_t)map; /* constant: nothing to free, never written */
    info->cost_ns = 10 + n * (map->picoseconds + half) / 1000;
    for (uint32_t k = 0; k < map->n_inputs; k++) {
        if (map->size[k + 1] == map->size[0]) info->may_alias |= UINT64_C(1) << k;
    }
}

dvt_status dvt_map_prepare(const dvt_map_op *ops, size_t n_ops, const dvt_op *op,
                           dvt_kernel_info *info) {
    const dvt_type type = dvt_type_of(op->inputs[0]->dtype);
    for (size_t i = 0; i < n_ops; i++) {
        if (strcmp(ops[i].name, op->name) != 0) continue;
        if (type == DVT_N_TYPES || !ops[i].by_type[type].fn) break;
        dvt_map_answer(&ops[i].by_type[type], op, info);
        return DVT_OK;
    }
    info->reason = "the CPU device has no kernel of this op for this type";
    return DVT_UNSUPPORTED;
}
