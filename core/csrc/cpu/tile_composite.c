/* Block functions of composites that a tile program takes whole, and the one fused pair. */
#include <math.h>
#include <string.h>

#include "float_expressions.h"
#include "loops.h"
#include "tile_program.h"

#define LOOP_F32(name, expression) DVT_VF_UNARY(name##_f32, expression)
#define LOOP_F64(name, expression) DVT_VD_UNARY(name##_f64, expression)
DVT_COMPOSITE_F32(LOOP_F32)
DVT_COMPOSITE_F64(LOOP_F64)
DVT_UNARY_LOOP(gelu_f64, double, double, 0.5 * x * erfc(-x * DVT_HALF_ROOT))
#if DVT_VF_FUSED
DVT_COMPOSITE_FUSED_F64(LOOP_F64)
#else
DVT_UNARY_LOOP(softplus_f64, double, double, (x > 0 ? x : 0) + log1p(exp(-fabs(x))))
#endif

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
COMPOSITE(softplus, 1600, 4000)

const char *dvt_tile_word(const dvt_node *node) {
    if (strcmp(node->op, "gelu") != 0) return node->op;
    const dvt_attr *form = dvt_find_attr(node->attrs, node->n_attrs, "approximate");
    const char *word = form && form->kind == DVT_ATTR_STRING && form->count == 1
                           ? ((const char *const *)form->values)[0]
                           : "none";
    return strcmp(word, "tanh") == 0 ? "gelu_tanh" : strcmp(word, "none") == 0 ? "gelu" : "";
}

const dvt_map *dvt_tile_composite(const dvt_node *node, dvt_type type) {
    static const dvt_map_op composites[] = {{"relu", relu_maps},
                                            {"silu", silu_maps},
                                            {"softplus", softplus_maps},
                                            {"gelu", gelu_maps},
                                            {"gelu_tanh", gelu_tanh_maps}};
    if (node->n_inputs != 1 || node->version != 1 || type == DVT_N_TYPES) return 0;
    const char *word = dvt_tile_word(node);
    for (size_t i = 0; i < sizeof composites / sizeof *composites; i++)
        if (strcmp(composites[i].name, word) == 0 && composites[i].by_type[type].fn)
            return &composites[i].by_type[type];
    return 0;
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
