/* Activation functions of networks as one pass each. */
#include <math.h>
#include <string.h>

#include "float_expressions.h"
#include "loops.h"
#include "rows.h"

#define HALF_ROOT 0.70710678118654752440
#define SLOPE 0.79788456080286535588 /* sqrt(2/pi) */
#define CUBIC 0.044715

DVT_VF_UNARY(relu_f32, dvt_vf_select(dvt_vf_ne(x, x), x, dvt_vf_max(x, dvt_vf_set1(0))))
DVT_VD_UNARY(relu_f64, dvt_vd_select(dvt_vd_ne(x, x), x, dvt_vd_max(x, dvt_vd_set1(0))))

DVT_VF_UNARY(silu_f32, dvt_vf_mul(x, dvt_vf_sigmoid(x)))
DVT_VD_UNARY(silu_f64, dvt_vd_mul(x, dvt_vd_sigmoid(x)))

/* max(x, 0) + log(1 + e^-|x|): nothing overflows. */
DVT_INLINE dvt_vf softplus_vf(dvt_vf x) {
    const dvt_vf above = dvt_vf_select(dvt_vf_ne(x, x), x, dvt_vf_max(x, dvt_vf_set1(0)));
    return dvt_vf_add(above, dvt_vf_log1p_unit(dvt_vf_exp(dvt_vf_neg(dvt_vf_abs(x)))));
}
DVT_VF_UNARY(softplus_f32, softplus_vf(x))
#if DVT_VF_FUSED
DVT_VD_UNARY(softplus_f64, dvt_softplus_vd(x))
#else
DVT_UNARY_LOOP(softplus_f64, double, double, (x < 0 ? 0 : x) + log1p(exp(-fabs(x))))
#endif

/* x/2 (1 + erf(x / sqrt 2)) */
DVT_INLINE dvt_vf gelu_vf(dvt_vf x) {
    const dvt_vf half = dvt_vf_mul(x, dvt_vf_set1(0.5f));
    return dvt_vf_fma(half, dvt_vf_erf(dvt_vf_mul(x, dvt_vf_set1((float)HALF_ROOT))), half);
}
DVT_VF_UNARY(gelu_f32, gelu_vf(x))
DVT_UNARY_LOOP(gelu_f64, double, double, 0.5 * x * erfc(-x * HALF_ROOT))

/* x/2 (1 + tanh(u)) with u = sqrt(2/pi) (x + 0.044715 x^3), which is x * sigmoid(2u): no sum that
 * cancels on the left, and one exponential. */
DVT_INLINE dvt_vf gelu_tanh_vf(dvt_vf x) {
    const dvt_vf square = dvt_vf_mul(x, x);
    const dvt_vf inner = dvt_vf_fma(square, dvt_vf_set1((float)(2 * SLOPE * CUBIC)),
                                    dvt_vf_set1((float)(2 * SLOPE)));
    const dvt_vf u = dvt_vf_mul(x, inner);
    /* Below -88 the exponential is infinite and the result is -0. */
    const dvt_vf e = dvt_vf_exp(dvt_vf_neg(u));
    return dvt_vf_div(x, dvt_vf_add(dvt_vf_set1(1.0f), e));
}
DVT_VF_UNARY(gelu_tanh_f32, gelu_tanh_vf(x))
DVT_UNARY_LOOP(gelu_tanh_f64, double, double, x / (1 + exp(-2 * SLOPE * (x + CUBIC * x * x * x))))

#define TABLE(name, single, twice)                                                                 \
    static const dvt_map name##_maps[DVT_N_TYPES] = {                                              \
        [DVT_TYPE_F16] = DVT_UNARY_HALF(name##_f32, DVT_HALF_F16, single),                         \
        [DVT_TYPE_BF16] = DVT_UNARY_HALF(name##_f32, DVT_HALF_BF16, single),                       \
        [DVT_TYPE_F32] = DVT_UNARY_MAP(name##_f32, float, single),                                 \
        [DVT_TYPE_F64] = DVT_UNARY_MAP(name##_f64, double, twice)}
TABLE(relu, 200, 400);
TABLE(silu, 1000, 2200);
TABLE(softplus, 1700, 4000);
TABLE(gelu, 1200, 18000);
TABLE(gelu_tanh, 900, 12000);

static const dvt_map_op ops[] = {
    {"relu", relu_maps}, {"silu", silu_maps}, {"softplus", softplus_maps}, {"gelu", gelu_maps}};
static const dvt_map_op tanh_ops[] = {{"gelu", gelu_tanh_maps}};

static dvt_status prepare(const dvt_op *op, dvt_kernel_info *info, dvt_error *error) {
    const dvt_attr *const form = dvt_find_attr(op->attrs, op->n_attrs, "approximate");
    (void)error;
    if (form && form->kind == DVT_ATTR_STRING && form->count == 1 &&
        strcmp(((const char *const *)form->values)[0], "tanh") == 0)
        return dvt_map_prepare(tanh_ops, 1, op, info);
    return dvt_map_prepare(ops, sizeof ops / sizeof ops[0], op, info);
}

#define ROW(name) DVT_MAP_ROW(name, "T=" DVT_FLOAT_WORDS, prepare)

const dvt_kernel_def dvt_cpu_activation_rows[] = {
    ROW("relu"),
    ROW("silu"),
    ROW("softplus"),
    ROW("gelu"),
};
const uint32_t dvt_cpu_activation_count =
    sizeof dvt_cpu_activation_rows / sizeof dvt_cpu_activation_rows[0];
