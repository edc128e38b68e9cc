/* Element-wise functions of two floats that are no arithmetic. */
#include <math.h>

#include "loops.h"
#include "rows.h"

DVT_BINARY_LOOP(hypot_f32, float, float, hypotf(x, y))
DVT_BINARY_LOOP(hypot_f64, double, double, hypot(x, y))
DVT_BINARY_LOOP(copysign_f32, float, float, copysignf(x, y))
DVT_BINARY_LOOP(copysign_f64, double, double, copysign(x, y))

/* log(e^x + e^y): the larger plus what the smaller adds. */
static inline double logaddexp_f64_one(double x, double y) {
    if (x == y) return x + 0.69314718055994530942; /* equal infinities have no difference */
    return x > y ? x + log1p(exp(y - x)) : x < y ? y + log1p(exp(x - y)) : x + y;
}
DVT_BINARY_LOOP(logaddexp_f32, float, float, logaddexp_f64_one((double)x, (double)y))
DVT_BINARY_LOOP(logaddexp_f64, double, double, logaddexp_f64_one(x, y))

DVT_BINARY_LOOP(nextafter_f32, float, float, nextafterf(x, y))
DVT_BINARY_LOOP(nextafter_f64, double, double, nextafter(x, y))

/* The neighbour of a 16-bit float, of which the bits without the sign count upwards from zero. */
static inline uint16_t next_half(uint16_t x, uint16_t y, uint16_t infinity, uint16_t nan) {
    const uint16_t x_size = x & 0x7fff, y_size = y & 0x7fff;
    if (x_size > infinity || y_size > infinity) return nan;
    if (x == y || (x_size | y_size) == 0) return y;
    if (x_size == 0) return (uint16_t)((y & 0x8000) | 1);
    const int inwards = x_size > y_size || ((x ^ y) & 0x8000) != 0;
    return (uint16_t)(inwards ? x - 1 : x + 1);
}
DVT_BINARY_LOOP(nextafter_f16, uint16_t, uint16_t, next_half(x, y, 0x7c00, 0x7e00))
DVT_BINARY_LOOP(nextafter_bf16, uint16_t, uint16_t, next_half(x, y, 0x7f80, 0x7fc0))

#define FLOAT_TABLE(name, single, twice)                                                           \
    static const dvt_map name##_maps[DVT_N_TYPES] = {                                              \
        [DVT_TYPE_F16] = DVT_BINARY_HALF(name##_f32, DVT_HALF_F16, single),                        \
        [DVT_TYPE_BF16] = DVT_BINARY_HALF(name##_f32, DVT_HALF_BF16, single),                      \
        [DVT_TYPE_F32] = DVT_BINARY_MAP(name##_f32, float, single),                                \
        [DVT_TYPE_F64] = DVT_BINARY_MAP(name##_f64, double, twice)};
/* name, picoseconds per element in float32 and in float64 */
#define FLOAT_OPS(X)                                                                               \
    X(hypot, 4000, 8000)                                                                           \
    X(copysign, 250, 500)                                                                          \
    X(logaddexp, 25000, 25000)
FLOAT_OPS(FLOAT_TABLE)
static const dvt_map nextafter_maps[DVT_N_TYPES] = {
    [DVT_TYPE_F16] = DVT_BINARY_MAP(nextafter_f16, uint16_t, 2000),
    [DVT_TYPE_BF16] = DVT_BINARY_MAP(nextafter_bf16, uint16_t, 2000),
    [DVT_TYPE_F32] = DVT_BINARY_MAP(nextafter_f32, float, 4000),
    [DVT_TYPE_F64] = DVT_BINARY_MAP(nextafter_f64, double, 4000)};

#define FLOAT_OP(name, single, twice) {#name, name##_maps},
static const dvt_map_op ops[] = {FLOAT_OPS(FLOAT_OP){"nextafter", nextafter_maps}};

static dvt_status prepare(const dvt_op *op, dvt_kernel_info *info, dvt_error *error) {
    (void)error;
    return dvt_map_prepare(ops, sizeof ops / sizeof ops[0], op, info);
}

#define FLOATS(name) DVT_MAP_ROW(name, "T=" DVT_FLOAT_WORDS, prepare)
#define FLOAT_ROW(name, single, twice) FLOATS(#name),
const dvt_kernel_def dvt_cpu_special_binary_rows[] = {FLOAT_OPS(FLOAT_ROW) FLOATS("nextafter")};
const uint32_t dvt_cpu_special_binary_count =
    sizeof dvt_cpu_special_binary_rows / sizeof dvt_cpu_special_binary_rows[0];
