/* Arrays from nothing: full and iota. */
#include "create.h"

#include "parallel.h"
#include "rows.h"
#include "strided_loop.h"

/* Storing goes at some 16 bytes per nanosecond in cache and half of that in memory. */
#define PICOSECONDS_PER_BYTE 100

typedef struct filling {
    char *to;
    uint32_t size;
    uint64_t element;
} filling;

static void fill_range(void *context, uint64_t begin, uint64_t end, uint32_t worker) {
    const filling *const f = context;
    (void)worker;
    dvt_copy_strided(f->to + begin * f->size, f->size, (const char *)&f->element, 0,
                     (int64_t)(end - begin), f->size);
}

static dvt_status run_full(const dvt_call *call, dvt_error *error) {
    const dvt_tensor *const to = call->outputs[0];
    const dvt_type type = dvt_type_of(to->dtype);
    filling f = {.to = dvt_tensor_data(to), .size = dvt_type_size(type)};
    (void)error;
    dvt_scalar_element(dvt_find_attr(call->attrs, call->n_attrs, "value"), type, &f.element);
    dvt_parallel(call->host, (uint64_t)dvt_size(to), PICOSECONDS_PER_BYTE * f.size, fill_range, &f);
    return DVT_OK;
}

static dvt_status prepare_full(const dvt_op *op, dvt_kernel_info *info, dvt_error *error) {
    const dvt_type type = dvt_type_of(op->outputs[0]->dtype);
    uint64_t element;
    if (type == DVT_N_TYPES) {
        info->reason = "the CPU device creates bool, integers and floats of 8 to 64 bits";
        return DVT_UNSUPPORTED;
    }
    if (!dvt_scalar_element(dvt_find_attr(op->attrs, op->n_attrs, "value"), type, &element))
        return dvt_set_error(error, DVT_INVALID_ARGUMENT,
                             "full: value must be one number, of kind int64 or float64");
    info->flags = DVT_INFO_DETERMINISTIC;
    info->cost_ns =
        10 + (uint64_t)dvt_size(op->outputs[0]) * dvt_type_size(type) * PICOSECONDS_PER_BYTE / 1000;
    return DVT_OK;
}

const dvt_kernel_def dvt_cpu_create_rows[] = {
    {.op = "full",
     .types = "T=" DVT_ALL_WORDS,
     .min_version = 1,
     .max_version = 1,
     .run = run_full,
     .prepare = prepare_full},
    {.op = "iota",
     .types = "T=" DVT_NUMBER_WORDS,
     .min_version = 1,
     .max_version = 1,
     .run = dvt_iota_run,
     .prepare = dvt_iota_prepare},
};
const uint32_t dvt_cpu_create_count = sizeof dvt_cpu_create_rows / sizeof dvt_cpu_create_rows[0];
