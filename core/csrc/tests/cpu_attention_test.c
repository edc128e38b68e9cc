/* attention and its gradient against every score in double, for random shapes, types and layouts. */
#include "cpu_products_host.h"

typedef struct problem {
    int64_t batch, heads, key_heads, m, n, d, e;
    int64_t low, high; /* both beyond every position: all keys are seen */
    double scale;
    int biased, banded;
} problem;

typedef struct operands {
    array q, k, v, bias, y, lse, delta, g, dq, dk, dv;
} operands;

static int64_t size_of(int64_t below) {
    return 1 + (int64_t)chance((uint64_t)below);
}

static problem make_problem(void) {
    static const int64_t depths[] = {1, 3, 8, 16, 17, 40};
    problem p = {.batch = size_of(2),
                 .key_heads = size_of(2),
                 .m = chance(4) ? size_of(20) : size_of(120),
                 .n = chance(3) ? size_of(30) : size_of(600),
                 .d = depths[chance(6)],
                 .e = depths[chance(6)],
                 .scale = 0.25,
                 .biased = chance(3) == 0,
                 .banded = chance(2) == 0};
    p.heads = p.key_heads * size_of(3);
    p.low = -10000;
    p.high = 10000;
    if (p.banded) {
        p.low = (int64_t)chance(40) - 30;
        p.high = p.low + (int64_t)chance(300);
    }
    return p;
}

/* The score of query i and key j, minus infinity where it is not seen. */
static double score(const problem *p, const operands *x, int64_t b, int64_t h, int64_t i,
                    int64_t j) {
    const int64_t key_head = h / (p->heads / p->key_heads);
    double sum = 0;
    if (j - i < p->low || j - i > p->high) return -INFINITY;
    for (int64_t c = 0; c < p->d; c++)
        sum += get(&x->q, ((b * p->heads + h) * p->m + i) * p->d + c) *
               get(&x->k, ((b * p->key_heads + key_head) * p->n + j) * p->d + c);
    sum *= p->scale;
    if (!p->biased) return sum;
    const int64_t *s = x->bias.shape;
    const int64_t at[4] = {b % s[0], h % s[1], i % s[2], j % s[3]};
    return sum + get(&x->bias, ((at[0] * s[1] + at[1]) * s[2] + at[2]) * s[3] + at[3]);
}

static double value(const problem *p, const operands *x, int64_t b, int64_t h, int64_t j,
                    int64_t c) {
    const int64_t key_head = h / (p->heads / p->key_heads);
    return get(&x->v, ((b * p->key_heads + key_head) * p->n + j) * p->e + c);
}

static void check_forward(const problem *p, const operands *x, int64_t row, double *scores) {
    const int64_t b = row / p->m / p->heads, h = row / p->m % p->heads, i = row % p->m;
    double top = -INFINITY, total = 0;
    for (int64_t j = 0; j < p->n; j++) {
        scores[j] = score(p, x, b, h, i, j);
        top = fmax(top, scores[j]);
    }
    for (int64_t j = 0; j < p->n; j++) {
        scores[j] = isinf(top) ? 0 : exp(scores[j] - top);
        total += scores[j];
    }
    const double lse = get(&x->lse, row);
    if (total == 0)
        CHECK(isinf(lse) && lse < 0);
    else
        CHECK(fabs(lse - (top + log(total))) <= tolerance(x->lse.type, top, 64));
    for (int64_t c = 0; c < p->e; c++) {
        double sum = 0;
        for (int64_t j = 0; j < p->n; j++) sum += scores[j] * value(p, x, b, h, j, c);
        const double expected = total == 0 ? 0 : sum / total;
        CHECK(fabs(get(&x->y, row * p->e + c) - expected) <= tolerance(x->y.type, expected, 64));
    }
}

/* Adds what one query contributes to the gradients. */
static void add_gradients(const problem *p, const operands *x, int64_t row, double *dq, double *dk,
                          double *dv) {
    const int64_t b = row / p->m / p->heads, h = row / p->m % p->heads, i = row % p->m;
    const int64_t pair = b * p->key_heads + h / (p->heads / p->key_heads);
    const double lse = get(&x->lse, row), delta = get(&x->delta, row);
    if (isinf(lse)) return;
    for (int64_t j = 0; j < p->n; j++) {
        const double weight = exp(score(p, x, b, h, i, j) - lse);
        double slope = -delta;
        for (int64_t c = 0; c < p->e; c++) {
            const double g = get(&x->g, row * p->e + c);
            slope += g * value(p, x, b, h, j, c);
            dv[(pair * p->n + j) * p->e + c] += weight * g;
        }
        slope *= weight * p->scale;
        for (int64_t c = 0; c < p->d; c++) {
            dq[row * p->d + c] += slope * get(&x->k, (pair * p->n + j) * p->d + c);
            dk[(pair * p->n + j) * p->d + c] += slope * get(&x->q, row * p->d + c);
        }
    }
}

static void check_close(const array *got, const double *expected, double terms) {
    double largest = 1;
    const int64_t n = dvt_size(&got->t);
    for (int64_t i = 0; i < n; i++) largest = fmax(largest, fabs(expected[i]));
    for (int64_t i = 0; i < n; i++)
        CHECK(fabs(get(got, i) - expected[i]) <= tolerance(got->type, largest, terms) * 4);
}

static void run_problem(const problem *p, dvt_type type) {
    const dvt_type wide = type == DVT_TYPE_F64 ? DVT_TYPE_F64 : DVT_TYPE_F32;
    const int64_t q[4] = {p->batch, p->heads, p->m, p->d}, y[4] = {p->batch, p->heads, p->m, p->e};
    const int64_t k[4] = {p->batch, p->key_heads, p->n, p->d};
    const int64_t v[4] = {p->batch, p->key_heads, p->n, p->e};
    const int64_t bias[4] = {chance(2) ? p->batch : 1, chance(2) ? p->heads : 1,
                             chance(2) ? p->m : 1, chance(2) ? p->n : 1};
    operands x;
    make(&x.q, type, 4, q), make(&x.dq, type, 4, q);
    make(&x.k, type, 4, k), make(&x.dk, type, 4, k);
    make(&x.v, type, 4, v), make(&x.dv, type, 4, v);
    make(&x.y, type, 4, y), make(&x.g, type, 4, y);
    make(&x.bias, type, 4, bias);
    make(&x.lse, wide, 3, q), make(&x.delta, wide, 3, q);
    fill(&x.q), fill(&x.k), fill(&x.v), fill(&x.g), fill(&x.bias), fill(&x.delta);
    dvt_attr attrs[3] = {
        {.name = "scale", .values = &p->scale, .count = 1, .kind = DVT_ATTR_FLOAT64},
        SCALAR("low", &p->low),
        SCALAR("high", &p->high)};
    const uint32_t n_attrs = p->banded ? 3 : 1;
    const array *const in[4] = {&x.q, &x.k, &x.v, &x.bias}, *const out[2] = {&x.y, &x.lse};
    run_op("attention", in, p->biased ? 4 : 3, out, 2, attrs, n_attrs);

    const int64_t rows = p->batch * p->heads * p->m;
    double *const scores = malloc((size_t)p->n * sizeof(double));
    double *const dq = calloc((size_t)dvt_size(&x.q.t), sizeof(double));
    double *const dk = calloc((size_t)dvt_size(&x.k.t), sizeof(double));
    double *const dv = calloc((size_t)dvt_size(&x.v.t), sizeof(double));
    CHECK(scores && dq && dk && dv);
    for (int64_t row = 0; row < rows; row++) check_forward(p, &x, row, scores);

    const array *const back[7] = {&x.q, &x.k, &x.v, &x.lse, &x.delta, &x.g, &x.bias};
    const array *const slopes[3] = {&x.dq, &x.dk, &x.dv};
    run_op("attention_gradient", back, p->biased ? 7 : 6, slopes, 3, attrs, n_attrs);
    for (int64_t row = 0; row < rows; row++) add_gradients(p, &x, row, dq, dk, dv);
    check_close(&x.dq, dq, (double)p->n);
    check_close(&x.dk, dk, (double)(p->m * p->heads));
    check_close(&x.dv, dv, (double)(p->m * p->heads));
    free(scores), free(dq), free(dk), free(dv);
    array *const all[] = {&x.q, &x.k,     &x.v,  &x.bias, &x.y, &x.lse,
                          &x.g, &x.delta, &x.dq, &x.dk,   &x.dv};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) free(all[i]->bytes);
}

int main(int argc, char **argv) {
    static const dvt_type types[] = {DVT_TYPE_F32, DVT_TYPE_F64, DVT_TYPE_F16, DVT_TYPE_BF16};
    open_plugin(argc, argv);
    for (int i = 0; i < 60; i++) {
        const problem p = make_problem();
        host.n_threads = (uint32_t)(1 + chance(2));
        run_problem(&p, types[i % 4]);
    }
    puts("attention: ok");
    return 0;
}
