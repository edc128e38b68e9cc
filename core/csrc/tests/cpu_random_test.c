/* Draws: blocks against the definition of Philox, many keys against one at a time, one thread against
 * two, and the portable functions against the C library in long double. */
#include "cpu_products_host.h"

#include "random_keys.h"
#include "random_philox.h"
#include "random_quantile.h"

static void philox_by_definition(uint32_t c[4], uint32_t key0, uint32_t key1) {
    for (int round = 0; round < 10; round++) {
        const uint64_t p0 = (uint64_t)c[0] * 0xd2511f53u, p1 = (uint64_t)c[2] * 0xcd9e8d57u;
        c[0] = (uint32_t)(p1 >> 32) ^ c[1] ^ key0;
        c[1] = (uint32_t)p1;
        c[2] = (uint32_t)(p0 >> 32) ^ c[3] ^ key1;
        c[3] = (uint32_t)p0;
        key0 += 0x9e3779b9u;
        key1 += 0xbb67ae85u;
    }
}

static uint32_t word(void) {
    return (uint32_t)chance(1ull << 32);
}

static void blocks_with_high_words(void) {
    const uint32_t key[2] = {word(), word()}, high[2] = {word(), word()};
    const uint64_t first = (1ull << 32) - chance(100), n = chance(150);
    uint32_t *const words = malloc(n * 16 + 1);
    CHECK(words);
    dvt_philox_at(words, first, n, key, high);
    for (uint64_t i = 0; i < n; i++) {
        uint32_t c[4] = {(uint32_t)(first + i), (uint32_t)((first + i) >> 32), high[0], high[1]};
        uint32_t block[4];
        dvt_philox_block(block, first + i, key, high);
        philox_by_definition(c, key[0], key[1]);
        CHECK(memcmp(c, words + 4 * i, sizeof c) == 0);
        CHECK(memcmp(c, block, sizeof c) == 0);
    }
    free(words);
}

static void make_plain(array *x, dvt_type type, int32_t ndim, const int64_t *shape) {
    make(x, type, ndim, shape);
    while (dvt_contiguous_size(&x->t) < 0) {
        free(x->bytes);
        make(x, type, ndim, shape);
    }
}

static void put_words(const array *keys, const uint32_t *words, int64_t count) {
    for (int64_t i = 0; i < count; i++) memcpy(element(keys, i), &words[i], 4);
}

/* A sampler with one or two parameters on many keys, with one thread and two, and on each key. */
static void one_sampler(const char *op, dvt_type type, dvt_type result, uint32_t parameters,
                        double low, double high) {
    const int64_t many = 1 + (int64_t)chance(3), each = (int64_t)chance(2) ? 5 : 700;
    const int64_t keys_shape[2] = {many, 2}, shape[2] = {many, each}, two[1] = {2};
    uint32_t words[8];
    array keys, first, second, y, again;
    const array *in[] = {&keys, &first, &second}, *out[] = {&y}, *out_again[] = {&again};
    for (int i = 0; i < 8; i++) words[i] = word();
    make_plain(&keys, DVT_TYPE_U32, 2, keys_shape);
    put_words(&keys, words, 2 * many);
    make_plain(&first, type, 2, shape);
    make_plain(&second, type, 2, shape);
    for (int64_t i = 0; i < many * each; i++) {
        put(&first, i, low);
        put(&second, i, high);
    }
    make_plain(&y, result, 2, shape);
    make_plain(&again, result, 2, shape);
    host.n_threads = 1;
    run_op(op, in, 1 + parameters, out, 1, NULL, 0);
    host.n_threads = 2;
    run_op(op, in, 1 + parameters, out_again, 1, NULL, 0);
    for (int64_t i = 0; i < many * each; i++)
        CHECK(memcmp(element(&y, i), element(&again, i), dvt_type_size(result)) == 0);
    for (int64_t k = 0; k < many; k++) {
        array key, a, b, row;
        const array *one[] = {&key, &a, &b}, *to[] = {&row};
        make_plain(&key, DVT_TYPE_U32, 1, two);
        put_words(&key, words + 2 * k, 2);
        make_plain(&a, type, 1, &each);
        make_plain(&b, type, 1, &each);
        for (int64_t i = 0; i < each; i++) {
            put(&a, i, low);
            put(&b, i, high);
        }
        make_plain(&row, result, 1, &each);
        run_op(op, one, 1 + parameters, to, 1, NULL, 0);
        for (int64_t i = 0; i < each; i++)
            CHECK(memcmp(element(&row, i), element(&y, k * each + i), dvt_type_size(result)) == 0);
        free(key.bytes);
        free(a.bytes);
        free(b.bytes);
        free(row.bytes);
    }
    free(keys.bytes);
    free(first.bytes);
    free(second.bytes);
    free(y.bytes);
    free(again.bytes);
}

static void samplers(void) {
    static const dvt_type words[] = {DVT_TYPE_U8, DVT_TYPE_U16, DVT_TYPE_U32, DVT_TYPE_U64};
    for (int i = 0; i < 4; i++) one_sampler("random_bits_batch", DVT_TYPE_F32, words[i], 0, 0, 0);
    for (int i = 0; i < 2; i++) {
        const dvt_type real = i ? DVT_TYPE_F64 : DVT_TYPE_F32;
        one_sampler("random_uniform", real, real, 0, 0, 0);
        one_sampler("random_normal", real, real, 0, 0, 0);
        one_sampler("random_gamma", real, real, 1, chance(2) ? 0.25 : 3, 0);
        one_sampler("random_poisson", real, DVT_TYPE_I64, 1, chance(2) ? 2 : 50, 0);
        one_sampler("random_binomial", real, DVT_TYPE_I64, 2, chance(2) ? 12 : 300, 0.25);
        one_sampler("random_truncated_normal", real, real, 2, chance(2) ? -1 : 1.5, 2);
        one_sampler("random_von_mises", real, real, 1, 2.5, 0);
    }
}

/* |found - expected| in units in the last place of the expected value. */
static double ulps(double found, long double expected, int digits) {
    int exponent;
    frexpl(expected, &exponent);
    return (double)(fabsl((long double)found - expected) / ldexpl(1, exponent - digits));
}

static void portable_functions(void) {
    for (int i = 0; i < 20000; i++) {
        const double u = (double)(chance(1ull << 52) + 1) * 0x1p-52,
                     x = ldexp(u, (int)chance(600) - 300);
        const float single = (float)ldexp(u, (int)chance(200) - 100);
        CHECK(ulps(dvt_portable_log_f64(x), logl(x), 53) <= 1.5);
        CHECK(ulps(dvt_portable_log_f32(single), logl(single), 24) <= 1.5);
        const double power = (u - 0.5) * 1400;
        CHECK(ulps(dvt_portable_exp_f64(power), expl(power), 53) <= 1.5);
        const float short_power = (float)((u - 0.5) * 170);
        CHECK(ulps(dvt_portable_exp_f32(short_power), expl(short_power), 24) <= 1.5);
        /* The mass below the quantile, relative to it: its slope there is below 1 + |z|. */
        const uint64_t bits = chance(2) ? (uint64_t)word() << 32 | word() : word();
        const long double n = (long double)(bits >> 11), p = (2 * n + 1) * 0x1p-54L;
        const double z = dvt_normal_f64(bits);
        const long double mass = erfcl(-(long double)z * 0.70710678118654752440L) / 2;
        CHECK(fabsl(mass - p) <=
              4e-15L * (1 + fabsl((long double)z)) * (1 + fabsl((long double)z)) * p);
        CHECK(dvt_normal_f64(~bits) == -z);
        CHECK(dvt_normal_f32((uint32_t)~bits) == -dvt_normal_f32((uint32_t)bits));
    }
    CHECK(dvt_portable_log_f64(0) == -INFINITY && isnan(dvt_portable_log_f64(-1)));
    CHECK(dvt_portable_log_f32(INFINITY) == INFINITY && isnan(dvt_portable_log_f32(NAN)));
    CHECK(dvt_portable_exp_f64(-INFINITY) == 0 && dvt_portable_exp_f64(INFINITY) == INFINITY);
    CHECK(dvt_portable_exp_f32(-200) == 0 && isnan(dvt_portable_exp_f32(NAN)));
}

int main(int argc, char **argv) {
    open_plugin(argc, argv);
    for (int i = 0; i < 30; i++) {
        blocks_with_high_words();
        samplers();
    }
    portable_functions();
    return 0;
}
