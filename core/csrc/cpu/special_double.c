/* log, exp and the gamma function of numbers of twice the precision. */
#include "special_double.h"

/* log(2), log(2 pi)/2 and the first coefficients of Stirling's series, B(2k) / (2k (2k-1)). */
static const dvt_dd ln2 = {0x1.62e42fefa39efp-1, 0x1.abc9e3b39803fp-56};
static const dvt_dd half_log_2pi = {0x1.d67f1c864beb5p-1, -0x1.65b5a1b7ff5dfp-55};
static const dvt_dd stirling_dd[] = {
    {0x1.5555555555555p-4, 0x1.5555555555555p-58},
    {-0x1.6c16c16c16c17p-9, 0x1.f49f49f49f49fp-64},
    {0x1.a01a01a01a01ap-11, 0x1.a01a01a01a01ap-71},
    {-0x1.3813813813814p-11, 0x1.fb1fb1fb1fb2p-65},
};
static const double stirling_rest[] = {
    5.0 / 5940,       -691.0 / 360360,    1.0 / 156,      -3617.0 / 122400,
    43867.0 / 244188, -174611.0 / 125400, 77683.0 / 5796,
};

/* 1 / (2k + 1): of the first some in full. */
static const dvt_dd odd_dd[] = {
    {0x1.5555555555555p-2, 0x1.5555555555555p-56},  {0x1.999999999999ap-3, -0x1.999999999999ap-57},
    {0x1.2492492492492p-3, 0x1.2492492492492p-57},  {0x1.c71c71c71c71cp-4, 0x1.c71c71c71c71cp-58},
    {0x1.745d1745d1746p-4, -0x1.745d1745d1746p-59}, {0x1.3b13b13b13b14p-4, -0x1.3b13b13b13b14p-58},
};

/* 2 atanh(s) for |s| <= 0.172: log((1 + s) / (1 - s)). */
static dvt_dd twice_atanh(dvt_dd s) {
    const dvt_dd t = dvt_dd_mul(s, s);
    double tail = 0;
    for (int k = 21; k >= 7; k--) tail = tail * t.high + 1.0 / (2 * k + 1);
    dvt_dd sum = dvt_dd_mul_d(t, tail);
    for (int k = 5; k >= 0; k--) sum = dvt_dd_mul(t, dvt_dd_add(sum, odd_dd[k]));
    return dvt_dd_scale(dvt_dd_add(s, dvt_dd_mul(s, sum)), 2);
}

dvt_dd dvt_dd_log(dvt_dd a) {
    int n;
    const double m = frexp(a.high, &n); /* in [1/2, 1) */
    if (m < 0.70710678118654752) n--;
    const dvt_dd x = {ldexp(a.high, -n), ldexp(a.low, -n)};
    const dvt_dd s = dvt_dd_div(dvt_dd_add_d(x, -1), dvt_dd_add_d(x, 1));
    return dvt_dd_add(dvt_dd_mul_d(ln2, n), twice_atanh(s));
}

dvt_dd dvt_dd_log1p(dvt_dd a) {
    if (fabs(a.high) > 0.25) return dvt_dd_log(dvt_dd_add_d(a, 1));
    return twice_atanh(dvt_dd_div(a, dvt_dd_add_d(a, 2)));
}

/* Taylor's series of e^r - 1 at r / 256, then eight times the square. */
dvt_dd dvt_dd_exp_scaled(dvt_dd a, int *k) {
    const double n = nearbyint(a.high / ln2.high);
    /* n log(2) to 150 bits */
    dvt_dd r = dvt_dd_sub(a, dvt_dd_product(n, 0x1.62e42fefa39efp-1));
    r = dvt_dd_sub(r, dvt_dd_product(n, 0x1.abc9e3b39803fp-56));
    r = dvt_dd_scale(r, 0x1p-8);
    const double tail = 1.0 / 120 + r.high * (1.0 / 720 + r.high * (1.0 / 5040));
    dvt_dd sum =
        dvt_dd_add((dvt_dd){0x1.5555555555555p-5, 0x1.5555555555555p-59}, dvt_dd_mul_d(r, tail));
    sum = dvt_dd_add((dvt_dd){0x1.5555555555555p-3, 0x1.5555555555555p-57}, dvt_dd_mul(r, sum));
    sum = dvt_dd_add_d(dvt_dd_mul(r, sum), 0.5);
    sum = dvt_dd_add(r, dvt_dd_mul(dvt_dd_mul(r, r), sum));
    for (int i = 0; i < 8; i++) /* (1 + p)^2 - 1 */
        sum = dvt_dd_add(dvt_dd_scale(sum, 2), dvt_dd_mul(sum, sum));
    *k = (int)n;
    return dvt_dd_add_d(sum, 1);
}

dvt_dd dvt_dd_exp(dvt_dd a) {
    if (!(a.high < 709.9)) return dvt_dd_of(a.high > 0 ? HUGE_VAL : a.high);
    if (a.high < -746) return dvt_dd_of(0);
    int k;
    const dvt_dd e = dvt_dd_exp_scaled(a, &k);
    return (dvt_dd){ldexp(e.high, k), ldexp(e.low, k)};
}

/* Stirling's series from 30 on; below, gamma(a) = gamma(a + n) / (a (a + 1) ... (a + n - 1)). */
dvt_dd dvt_dd_log_gamma(dvt_dd a) {
    dvt_dd product = dvt_dd_of(1);
    while (a.high < 30) {
        product = dvt_dd_mul(product, a);
        a = dvt_dd_add_d(a, 1);
    }
    const dvt_dd u = dvt_dd_div(dvt_dd_of(1), a), t = dvt_dd_mul(u, u);
    double tail = 0;
    for (int i = 6; i >= 0; i--) tail = tail * t.high + stirling_rest[i];
    dvt_dd sum = dvt_dd_mul_d(t, tail);
    for (int i = 3; i >= 0; i--) {
        sum = dvt_dd_add(stirling_dd[i], sum);
        if (i > 0) sum = dvt_dd_mul(t, sum);
    }
    sum = dvt_dd_add(dvt_dd_mul(u, sum), half_log_2pi);
    dvt_dd log = dvt_dd_mul(dvt_dd_add_d(a, -0.5), dvt_dd_log(a));
    log = dvt_dd_add(dvt_dd_sub(log, a), sum);
    return product.high == 1 && product.low == 0 ? log : dvt_dd_sub(log, dvt_dd_log(product));
}
