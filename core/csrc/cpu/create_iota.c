/* The op iota: indices along one axis. The output is lines of `extent` runs of `inner` equal
 * elements, and any range of it is written without a division per element. */
#include "create.h"

#include "half.h"
#include "parallel.h"

#define PICOSECONDS_PER_BYTE 150
#define PICOSECONDS_PER_RUN 2000
/* Floats that become 16-bit floats at a time. */
#define BLOCK 512

typedef struct counting counting;
typedef void (*count_fn)(void *to, const counting *c, int64_t at, int64_t n);

struct counting {
    char *to;
    int64_t extent, inner;
    count_fn fn;
    dvt_half half;
    uint32_t size;
};

/* n elements from element `at` of the output on. */
#define COUNT(name, type, index, convert)                                                          \
    static void name(void *to_bytes, const counting *c, int64_t at, int64_t n) {                   \
        type *to = to_bytes;                                                                       \
        int64_t k = at / c->inner % c->extent, left = c->inner - at % c->inner;                    \
        while (n > 0) {                                                                            \
            if (c->inner == 1) {                                                                   \
                const int64_t run = c->extent - k < n ? c->extent - k : n;                         \
                const index first = (index)k, count = (index)run;                                  \
                for (index i = 0; i < count; i++) to[i] = convert(first + i);                      \
                k += run;                                                                          \
                to += run;                                                                         \
                n -= run;                                                                          \
            } else {                                                                               \
                const int64_t run = left < n ? left : n;                                           \
                const type value = convert((index)k);                                              \
                for (int64_t i = 0; i < run; i++) to[i] = value;                                   \
                k++;                                                                               \
                left = c->inner;                                                                   \
                to += run;                                                                         \
                n -= run;                                                                          \
            }                                                                                      \
            if (k == c->extent) k = 0;                                                             \
        }                                                                                          \
    }

/* A float that rounds to a shorter one as the index itself does: above 24 bits whatever is cut off
 * is kept as a last bit that is set. */
static inline float to_odd_float(int64_t index) {
    int64_t lost = 0, kept = index;
    int shift = 0;
    for (; kept >> 24; kept >>= 1, shift++) lost |= kept & 1;
    return (float)((kept | lost) << shift);
}

COUNT(count_u8, uint8_t, int64_t, (uint8_t))
COUNT(count_u16, uint16_t, int64_t, (uint16_t))
COUNT(count_u32, uint32_t, int64_t, (uint32_t))
COUNT(count_u64, uint64_t, int64_t, (uint64_t))
/* Few processors convert vectors of 64-bit integers. */
COUNT(count_f32, float, int32_t, (float))
COUNT(count_f64, double, int32_t, (double))
COUNT(count_long_f32, float, int64_t, (float))
COUNT(count_long_f64, double, int64_t, (double))
COUNT(count_odd, float, int64_t, to_odd_float)

static count_fn find(dvt_type type, int64_t extent) {
    const int is_short = extent <= INT32_MAX;
    switch (type) {
    case DVT_TYPE_F16:
    case DVT_TYPE_BF16:
        return extent <= 1 << 24 ? count_f32 : count_odd;
    case DVT_TYPE_F32:
        return is_short ? count_f32 : count_long_f32;
    case DVT_TYPE_F64:
        return is_short ? count_f64 : count_long_f64;
    default: /* signed integers wrap as unsigned ones do */
        break;
    }
    switch (dvt_type_size(type)) {
    case 1:
        return count_u8;
    case 2:
        return count_u16;
    case 4:
        return count_u32;
    default:
        return count_u64;
    }
}

static void count_range(void *context, uint64_t begin, uint64_t end, uint32_t worker) {
    const counting *const c = context;
    (void)worker;
    if (c->half == DVT_HALF_NONE) {
        c->fn(c->to + begin * c->size, c, (int64_t)begin, (int64_t)(end - begin));
        return;
    }
    float wide[BLOCK];
    for (uint64_t at = begin; at < end; at += BLOCK) {
        const uint64_t n = end - at < BLOCK ? end - at : BLOCK;
        c->fn(wide, c, (int64_t)at, (int64_t)n);
        dvt_half_narrow(c->half, c->to + at * c->size, wide, n);
    }
}

static int64_t inner_of(const dvt_tensor *to, int64_t axis) {
    int64_t inner = 1;
    for (int32_t i = (int32_t)axis + 1; i < to->ndim; i++) inner *= to->shape[i];
    return inner;
}

static uint64_t picoseconds(const dvt_tensor *to, int64_t inner) {
    const uint64_t bytes = PICOSECONDS_PER_BYTE * dvt_type_size(dvt_type_of(to->dtype));
    return inner > 1 ? bytes + PICOSECONDS_PER_RUN / (uint64_t)inner : bytes;
}

dvt_status dvt_iota_run(const dvt_call *call, dvt_error *error) {
    const dvt_tensor *const to = call->outputs[0];
    const dvt_type type = dvt_type_of(to->dtype);
    const int64_t axis = dvt_attr_int(call->attrs, call->n_attrs, "axis", 0), n = dvt_size(to);
    (void)error;
    if (n == 0) return DVT_OK;
    counting c = {.to = dvt_tensor_data(to),
                  .extent = to->shape[axis],
                  .inner = inner_of(to, axis),
                  .fn = find(type, to->shape[axis]),
                  .half = dvt_half_of(type),
                  .size = dvt_type_size(type)};
    dvt_parallel(call->host, (uint64_t)n, picoseconds(to, c.inner), count_range, &c);
    return DVT_OK;
}

dvt_status dvt_iota_prepare(const dvt_op *op, dvt_kernel_info *info, dvt_error *error) {
    const dvt_tensor *const to = op->outputs[0];
    const int64_t axis = dvt_attr_int(op->attrs, op->n_attrs, "axis", -1);
    if (dvt_type_of(to->dtype) == DVT_N_TYPES) {
        info->reason = "the CPU device creates integers and floats of 8 to 64 bits";
        return DVT_UNSUPPORTED;
    }
    if (axis < 0 || axis >= to->ndim)
        return dvt_set_error(error, DVT_INVALID_ARGUMENT,
                             "iota: axis must be an axis of the output, counted from 0");
    info->flags = DVT_INFO_DETERMINISTIC;
    info->cost_ns = 15 + (uint64_t)dvt_size(to) * picoseconds(to, inner_of(to, axis)) / 1000;
    return DVT_OK;
}
