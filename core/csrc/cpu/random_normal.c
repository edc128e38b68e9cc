/* The op random_normal: the normal quantile at the middle of one of 2^24 or 2^53 equal intervals. */
#include "random_keys.h"
#include "random_philox.h"
#include "random_quantile.h"
#include "random_rows.h"

#define PICOSECONDS_F32 4000
#define PICOSECONDS_F64 12000

typedef union words {
    uint32_t singles[2 * DVT_RANDOM_PIECE];
    uint64_t doubles[DVT_RANDOM_PIECE];
} words;

static void fill_f32(const void *context, const uint32_t key[2], uint64_t first, uint64_t n,
                     uint64_t at) {
    float *const to = (float *)context + at;
    words w;
    dvt_philox(w.singles, first / 4, (n + 3) / 4, key);
    for (uint64_t i = 0; i < n; i++) to[i] = dvt_normal_f32(w.singles[i]);
}

static void fill_f64(const void *context, const uint32_t key[2], uint64_t first, uint64_t n,
                     uint64_t at) {
    double *const to = (double *)context + at;
    words w;
    dvt_philox(w.singles, first / 2, (n + 1) / 2, key);
    dvt_normals_f64(to, w.doubles, 1, n);
}

dvt_status dvt_random_normal_run(const dvt_call *call, dvt_error *error) {
    const dvt_tensor *const to = call->outputs[0];
    const int single = dvt_type_of(to->dtype) == DVT_TYPE_F32;
    (void)error;
    dvt_random_run(call, single ? PICOSECONDS_F32 : PICOSECONDS_F64, single ? fill_f32 : fill_f64,
                   dvt_tensor_data(to));
    return DVT_OK;
}

dvt_status dvt_random_normal_prepare(const dvt_op *op, dvt_kernel_info *info, dvt_error *error) {
    const int single = dvt_type_of(op->outputs[0]->dtype) == DVT_TYPE_F32;
    return dvt_random_prepare(op, single ? PICOSECONDS_F32 : PICOSECONDS_F64, info, error);
}
