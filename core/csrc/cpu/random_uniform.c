/* The op random_uniform: the top 24 or 53 bits of a word as a multiple of 2^-24 or 2^-53; or, for the
 * open interval, the middle of one of 2^23 or 2^52 equal intervals. */
#include "random_keys.h"
#include "random_math.h"
#include "random_philox.h"
#include "random_rows.h"

#define PICOSECONDS_EACH 1300

typedef union words {
    uint32_t singles[2 * DVT_RANDOM_PIECE];
    uint64_t doubles[DVT_RANDOM_PIECE];
} words;

static void fill_f32(const void *context, const uint32_t key[2], uint64_t first, uint64_t n,
                     uint64_t at) {
    float *const to = (float *)context + at;
    words w;
    dvt_philox(w.singles, first / 4, (n + 3) / 4, key);
    for (uint64_t i = 0; i < n; i++) to[i] = (float)(int32_t)(w.singles[i] >> 8) * 0x1p-24f;
}

static void fill_f64(const void *context, const uint32_t key[2], uint64_t first, uint64_t n,
                     uint64_t at) {
    double *const to = (double *)context + at;
    words w;
    dvt_philox(w.singles, first / 2, (n + 1) / 2, key);
    for (uint64_t i = 0; i < n; i++) to[i] = dvt_whole_f64(w.doubles[i] >> 11) * 0x1p-53;
}

static void open_f32(const void *context, const uint32_t key[2], uint64_t first, uint64_t n,
                     uint64_t at) {
    float *const to = (float *)context + at;
    words w;
    dvt_philox(w.singles, first / 4, (n + 3) / 4, key);
    for (uint64_t i = 0; i < n; i++)
        to[i] = ((float)(int32_t)(w.singles[i] >> 9) + 0.5f) * 0x1p-23f;
}

static void open_f64(const void *context, const uint32_t key[2], uint64_t first, uint64_t n,
                     uint64_t at) {
    double *const to = (double *)context + at;
    words w;
    dvt_philox(w.singles, first / 2, (n + 1) / 2, key);
    for (uint64_t i = 0; i < n; i++) to[i] = (dvt_whole_f64(w.doubles[i] >> 12) + 0.5) * 0x1p-52;
}

dvt_status dvt_random_uniform_run(const dvt_call *call, dvt_error *error) {
    const dvt_tensor *const to = call->outputs[0];
    const int open = dvt_attr_int(call->attrs, call->n_attrs, "open", 0) != 0;
    const int single = dvt_type_of(to->dtype) == DVT_TYPE_F32;
    (void)error;
    dvt_random_run(call, PICOSECONDS_EACH,
                   open     ? single ? open_f32 : open_f64
                   : single ? fill_f32
                            : fill_f64,
                   dvt_tensor_data(to));
    return DVT_OK;
}

dvt_status dvt_random_uniform_prepare(const dvt_op *op, dvt_kernel_info *info, dvt_error *error) {
    return dvt_random_prepare(op, PICOSECONDS_EACH, info, error);
}
