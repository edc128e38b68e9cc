/* Block functions of composites that a tile program takes whole, and the one fused pair. */
#include <math.h>
#include <string.h>

#include "loops.h"
#include "tile_program.h"
#include "vec_math.h"

#define HALF_ROOT 0.70710678118654752440 /* sqrt(1/2) */
#define TWICE_ROOT 1.5957691216057307117 /* 2 sqrt(2/pi) */
#define CUBIC 0.044715

DVT_VF_UNARY(relu_f32, dvt_vf_select(dvt_vf_ne(x, x), x, dvt_vf_max(x, dvt_vf_set1(0))))
DVT_VD_UNARY(relu_f64, dvt_vd_select(dvt_vd_ne(x, x), x, dvt_vd_max(x, dvt_vd_set1(0))))

/* The logistic function within 2 ulp: half the price of dvt_vf_sigmoid, whose last bit is lost
 * in the product that follows here. */
DVT_INLINE dvt_vf logistic_vf(dvt_vf x) {
    const dvt_vf one = dvt_vf_set1(1);
    return dvt_vf_div(one, dvt_vf_add(one, dvt_vf_exp(dvt_vf_neg(x))));
}

DVT_VF_UNARY(silu_f32, dvt_vf_mul(x, logistic_vf(x)))
DVT_VD_UNARY(silu_f64, dvt_vd_mul(x, dvt_vd_sigmoid(x)))

DVT_INLINE dvt_vf gelu_vf(dvt_vf x) {
    const dvt_vf one = dvt_vf_set1(1);
    const dvt_vf erf = dvt_vf_erf(dvt_vf_mul(x, dvt_vf_set1((float)HALF_ROOT)));
    return dvt_vf_mul(dvt_vf_mul(dvt_vf_set1(0.5f), x), dvt_vf_add(one, erf));
}
DVT_VF_UNARY(gelu_f32, gelu_vf(x))
DVT_UNARY_LOOP(gelu_f64, double, double, 0.5 * x * erfc(-x * HALF_ROOT))

/* (1 + tanh(u)) / 2 is the logistic function of 2 u, which keeps its digits in the lower tail. */
DVT_INLINE dvt_vf gelu_tanh_vf(dvt_vf x) {
    const dvt_vf cubic = dvt_vf_set1((float)(TWICE_ROOT * CUBIC));
    const dvt_vf slope = dvt_vf_fma(dvt_vf_mul(x, x), cubic, dvt_vf_set1((float)TWICE_ROOT));
    return dvt_vf_mul(x, logistic_vf(dvt_vf_mul(x, slope)));
}
DVT_INLINE dvt_vd gelu_tanh_vd(dvt_vd x) {
    const dvt_vd slope =
        dvt_vd_fma(dvt_vd_mul(x, x), dvt_vd_set1(TWICE_ROOT * CUBIC), dvt_vd_set1(TWICE_ROOT));
    return dvt_vd_mul(x, dvt_vd_sigmoid(dvt_vd_mul(x, slope)));
}
DVT_VF_UNARY(gelu_tanh_f32, gelu_tanh_vf(x))
DVT_VD_UNARY(gelu_tanh_f64, gelu_tanh_vd(x))

/* log(1 + e^x) = max(x, 0) + log1p(e^-|x|) */
DVT_INLINE dvt_vf softplus_vf(dvt_vf x) {
    const dvt_vf rest = dvt_vf_log1p(dvt_vf_exp(dvt_vf_neg(dvt_vf_abs(x))));
    const dvt_vf sum = dvt_vf_add(dvt_vf_max(x, dvt_vf_set1(0)), rest);
    return dvt_vf_select(dvt_vf_ne(x, x), x, sum);
}
DVT_VF_UNARY(softplus_f32, softplus_vf(x))
DVT_UNARY_LOOP(softplus_f64, double, double, (x > 0 ? x : 0) + log1p(exp(-fabs(x))))

#define COMPOSITE(name, single, twice)                                                             \
    static const dvt_map name##_maps[DVT_N_TYPES] = {                                              \
        [DVT_TYPE_F16] = DVT_UNARY_HALF(name##_f32, DVT_HALF_F16, single),                         \
        [DVT_TYPE_BF16] = DVT_UNARY_HALF(name##_f32, DVT_HALF_BF16, single),                       \
        [DVT_TYPE_F32] = DVT_UNARY_MAP(name##_f32, float, single),                                 \
        [DVT_TYPE_F64] = DVT_UNARY_MAP(name##_f64, double, twice)};

COMPOSITE(relu, 200, 400)
COMPOSITE(silu, 900, 2000)
COMPOSITE(gelu, 1200, 15000)
COMPOSITE(gelu_tanh, 1000, 2200)
COMPOSITE(softplus, 1600, 15000)

const dvt_map *dvt_tile_composite(const dvt_node *node, dvt_type type) {
    const dvt_map *maps = 0;
    if (node->n_inputs != 1 || node->version != 1 || type == DVT_N_TYPES) return 0;
    if (strcmp(node->op, "relu") == 0)
        maps = relu_maps;
    else if (strcmp(node->op, "silu") == 0)
        maps = silu_maps;
    else if (strcmp(node->op, "softplus") == 0)
        maps = softplus_maps;
    else if (strcmp(node->op, "gelu") == 0) {
        const dvt_attr *form = dvt_find_attr(node->attrs, node->n_attrs, "approximate");
        const char *word = form && form->kind == DVT_ATTR_STRING && form->count == 1
                               ? ((const char *const *)form->values)[0]
                               : "none";
        maps = strcmp(word, "tanh") == 0   ? gelu_tanh_maps
               : strcmp(word, "none") == 0 ? gelu_maps
                                           : 0;
    }
    return maps && maps[type].fn ? &maps[type] : 0;
}

/* Rounded after the product and after the sum, as the two ops are. */
static void multiply_add_f32(void *const *p, size_t n) {
    float *const to = p[0];
    const float *const x = p[1], *const y = p[2], *const z = p[3];
    _Pragma("GCC ivdep") for (size_t i = 0; i < n; i++) to[i] = x[i] * y[i] + z[i];
}

static void multiply_add_f64(void *const *p, size_t n) {
    double *const to = p[0];
    const double *const x = p[1], *const y = p[2], *const z = p[3];
    _Pragma("GCC ivdep") for (size_t i = 0; i < n; i++) to[i] = x[i] * y[i] + z[i];
}

const dvt_map *dvt_tile_multiply_add(dvt_type type) {
    static const dvt_map maps[DVT_N_TYPES] = {
        [DVT_TYPE_F16] = DVT_TERNARY_HALF(multiply_add_f32, DVT_HALF_F16, 350),
        [DVT_TYPE_BF16] = DVT_TERNARY_HALF(multiply_add_f32, DVT_HALF_BF16, 350),
        [DVT_TYPE_F32] = DVT_TERNARY_MAP(multiply_add_f32, float, 350),
        [DVT_TYPE_F64] = DVT_TERNARY_MAP(multiply_add_f64, double, 700)};
    return type < DVT_N_TYPES && maps[type].fn ? &maps[type] : 0;
}
