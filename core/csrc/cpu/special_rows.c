/* The special functions as element-wise kernels. float32 and the 16-bit floats are computed in
 * float64 and rounded once. */
#include "loops.h"
#include "rows.h"
#include "special_expressions.h"
#include "special_functions.h"

/* name, picoseconds per element */
#define ALIKE(X)                                                                                   \
    X(gammaln, 25000)                                                                              \
    X(digamma, 60000)                                                                              \
    X(erfc, 25000)                                                                                 \
    X(erfcx, 20000)                                                                                \
    X(erfcinv, 150000)                                                                             \
    X(ndtr, 25000)                                                                                 \
    X(ndtri, 200000)                                                                               \
    X(log_ndtr, 40000)                                                                             \
    X(i0, 25000)                                                                                   \
    X(i0e, 25000)                                                                                  \
    X(i1, 25000)                                                                                   \
    X(i1e, 25000)                                                                                  \
    X(exp1, 100000)                                                                                \
    X(expi, 200000)                                                                                \
    X(entr, 10000)                                                                                 \
    X(logit, 15000)                                                                                \
    X(log_expit, 20000)                                                                            \
    X(sinc, 25000)

#define UNARY(X) ALIKE(X) X(gamma, 300000)

#define BINARY(X)                                                                                  \
    X(zeta, 300000)                                                                                \
    X(polygamma, 500000)                                                                           \
    X(beta, 700000)                                                                                \
    X(betaln, 600000)                                                                              \
    X(gammainc, 1500000)                                                                           \
    X(gammaincc, 1500000)                                                                          \
    X(gammaincinv, 15000000)                                                                       \
    X(gammainccinv, 15000000)                                                                      \
    X(xlogy, 10000)                                                                                \
    X(xlog1py, 15000)                                                                              \
    X(rel_entr, 15000)                                                                             \
    X(kl_div, 20000)

#define TERNARY(X)                                                                                 \
    X(betainc, 3000000)                                                                            \
    X(betaincc, 3000000)                                                                           \
    X(betaincinv, 30000000)

/* x and y as expressions of the element; their third is read by the macro itself */
#define DEFINE_UNARY(name, cost)                                                                   \
    DVT_UNARY_LOOP(name##_f32, float, float, dvt_##name((double)x))                                \
    DVT_UNARY_LOOP(name##_f64, double, double, dvt_##name(x))
#define DEFINE_BINARY(name, cost)                                                                  \
    DVT_BINARY_LOOP(name##_f32, float, float, dvt_##name((double)x, (double)y))                    \
    DVT_BINARY_LOOP(name##_f64, double, double, dvt_##name(x, y))
#define TERNARY_LOOP(name, type, function, ...)                                                    \
    static void name(void *const *p, size_t n) {                                                   \
        type *const to = p[0];                                                                     \
        const type *const a = p[1];                                                                \
        const type *const b = p[2];                                                                \
        const type *const c = p[3];                                                                \
        for (size_t i = 0; i < n; i++)                                                             \
            to[i] = (type)function((double)a[i], (double)b[i], (double)c[i] __VA_ARGS__);          \
    }
#define DEFINE_TERNARY(name, cost)                                                                 \
    TERNARY_LOOP(name##_f32, float, dvt_##name, )                                                  \
    TERNARY_LOOP(name##_f64, double, dvt_##name, )

#define MAPS(ARITY, name, cost)                                                                    \
    {                                                                                              \
        [DVT_TYPE_F16] = DVT_##ARITY##_HALF(name##_f32, DVT_HALF_F16, cost),                       \
        [DVT_TYPE_BF16] = DVT_##ARITY##_HALF(name##_f32, DVT_HALF_BF16, cost),                     \
        [DVT_TYPE_F32] = DVT_##ARITY##_MAP(name##_f32, float, cost),                               \
        [DVT_TYPE_F64] = DVT_##ARITY##_MAP(name##_f64, double, cost),                              \
    }
#define UNARY_TABLE(name, cost)                                                                    \
    static const dvt_map name##_maps[DVT_N_TYPES] = MAPS(UNARY, name, cost);
#define BINARY_TABLE(name, cost)                                                                   \
    static const dvt_map name##_maps[DVT_N_TYPES] = MAPS(BINARY, name, cost);
#define TERNARY_TABLE(name, cost)                                                                  \
    static const dvt_map name##_maps[DVT_N_TYPES] = MAPS(TERNARY, name, cost);

ALIKE(DEFINE_UNARY)
/* The C library's gamma is some units off in float64, which float32 does not see, and quicker. */
DVT_UNARY_LOOP(gamma_f32, float, float, tgamma((double)x))
DVT_UNARY_LOOP(gamma_f64, double, double, dvt_gamma(x))
BINARY(DEFINE_BINARY)
TERNARY(DEFINE_TERNARY)
UNARY(UNARY_TABLE)
BINARY(BINARY_TABLE)
TERNARY(TERNARY_TABLE)

/* The derivatives: a kernel for each order, of the first parameter and of the second. */
#define GAMMA_ORDERS(X) X(1) X(2) X(3) X(4)
#define BETA_ORDERS(X)                                                                             \
    X(0, 1)                                                                                        \
    X(0, 2)                                                                                        \
    X(0, 3) X(0, 4) X(1, 0) X(1, 1) X(1, 2) X(1, 3) X(2, 0) X(2, 1) X(2, 2) X(3, 0) X(3, 1) X(4, 0)

#define DEFINE_GAMMA(i)                                                                            \
    DVT_BINARY_LOOP(gamma_##i##_f32, float, float,                                                 \
                    dvt_gammainc_derivative((double)x, (double)y, i))                              \
    DVT_BINARY_LOOP(gamma_##i##_f64, double, double, dvt_gammainc_derivative(x, y, i))
#define DEFINE_BETA(i, j)                                                                          \
    TERNARY_LOOP(beta_##i##j##_f32, float, dvt_betainc_derivative, , i, j)                         \
    TERNARY_LOOP(beta_##i##j##_f64, double, dvt_betainc_derivative, , i, j)
GAMMA_ORDERS(DEFINE_GAMMA)
BETA_ORDERS(DEFINE_BETA)

#define GAMMA_MAPS(i) [i] = MAPS(BINARY, gamma_##i, 3000000),
#define BETA_MAPS(i, j) [i][j] = MAPS(TERNARY, beta_##i##j, 8000000),
static const dvt_map gamma_order_maps[DVT_DERIVATIVE_ORDER + 1][DVT_N_TYPES] = {
    GAMMA_ORDERS(GAMMA_MAPS)};
static const dvt_map beta_order_maps[DVT_DERIVATIVE_ORDER + 1][DVT_DERIVATIVE_ORDER + 1]
                                    [DVT_N_TYPES] = {BETA_ORDERS(BETA_MAPS)};

#define ENTRY(name, cost) {#name, name##_maps},
static const dvt_map_op ops[] = {UNARY(ENTRY) BINARY(ENTRY) TERNARY(ENTRY)};

static dvt_status prepare(const dvt_op *op, dvt_kernel_info *info, dvt_error *error) {
    (void)error;
    return dvt_map_prepare(ops, sizeof ops / sizeof ops[0], op, info);
}

/* The order is an integer, or a list of two for a beta function. */
static dvt_status prepare_derivative(const dvt_op *op, dvt_kernel_info *info, dvt_error *error) {
    (void)error;
    const dvt_attr *const order = dvt_find_attr(op->attrs, op->n_attrs, "order");
    const dvt_type type = dvt_type_of(op->inputs[0]->dtype);
    const dvt_map *map = NULL;
    if (order && order->kind == DVT_ATTR_INT64 && type < DVT_N_TYPES) {
        const int64_t *const v = order->values;
        const uint64_t most = DVT_DERIVATIVE_ORDER;
        if (op->n_inputs == 2 && order->count == 1 && (uint64_t)v[0] <= most)
            map = &gamma_order_maps[v[0]][type];
        if (op->n_inputs == 3 && order->count == 2 && (uint64_t)v[0] <= most &&
            (uint64_t)v[1] <= most)
            map = &beta_order_maps[v[0]][v[1]][type];
    }
    if (!map || !map->fn) {
        info->reason = "the CPU device has no kernel of this order";
        return DVT_UNSUPPORTED;
    }
    dvt_map_answer(map, op, info);
    return DVT_OK;
}

#define ROW(name, cost) DVT_MAP_ROW(#name, "T=" DVT_FLOAT_WORDS, prepare),
#define DERIVATIVE_ROW(name) DVT_MAP_ROW(name, "T=" DVT_FLOAT_WORDS, prepare_derivative)
const dvt_kernel_def dvt_cpu_special_rows[] = {
    UNARY(ROW) BINARY(ROW) TERNARY(ROW) DERIVATIVE_ROW("gammainc_derivative"),
    DERIVATIVE_ROW("betainc_derivative"),
};
const uint32_t dvt_cpu_special_count = sizeof dvt_cpu_special_rows / sizeof dvt_cpu_special_rows[0];
