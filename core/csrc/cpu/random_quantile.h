/* The quantile of the normal distribution in portable operations (random_math.h): q = p - 1/2 and the
 * mass t = min(p, 1 - p) of the nearer tail, both exact, so that no digit of either is lost.
 *
 * M. Wichura, "Algorithm AS 241: the percentage points of the normal distribution", Applied Statistics
 * 37 (1988): PPND16 for float64, PPND7 for float32, whose mass is at least 2^-25 here: its third
 * range is never reached. */
#ifndef DVT_CPU_RANDOM_QUANTILE_H
#define DVT_CPU_RANDOM_QUANTILE_H

#include "random_math.h"

#define DVT_HORNER7(x, c7, c6, c5, c4, c3, c2, c1, c0)                                             \
    (((((((c7 * x + c6) * x + c5) * x + c4) * x + c3) * x + c2) * x + c1) * x + c0)
#define DVT_HORNER3(x, c3, c2, c1, c0) (((c3 * x + c2) * x + c1) * x + c0)

DVT_PORTABLE double dvt_quantile_middle_f64(double q) {
    const double r = 0.180625 - q * q;
    const double above =
        DVT_HORNER7(r, 2509.0809287301226727, 33430.575583588128105, 67265.770927008700853,
                    45921.953931549871457, 13731.693765509461125, 1971.5909503065514427,
                    133.14166789178437745, 3.387132872796366608);
    const double below = DVT_HORNER7(
        r, 5226.495278852854561, 28729.085735721942674, 39307.89580009271061, 21213.794301586595867,
        5394.1960214247511077, 687.1870074920579083, 42.313330701600911252, 1.0);
    return q * above / below;
}

/* Of sqrt(-log t), without a sign. */
DVT_PORTABLE double dvt_quantile_tail_f64(double root) {
    const double r = root - 1.6;
    const double above =
        DVT_HORNER7(r, 7.7454501427834140764e-4, 0.0227238449892691845833, 0.24178072517745061177,
                    1.27045825245236838258, 3.64784832476320460504, 5.7694972214606914055,
                    4.6303378461565452959, 1.42343711074968357734);
    const double below =
        DVT_HORNER7(r, 1.05075007164441684324e-9, 5.475938084995344946e-4, 0.0151986665636164571966,
                    0.14810397642748007459, 0.68976733498510000455, 1.6763848301838038494,
                    2.05319162663775882187, 1.0);
    return above / below;
}

DVT_PORTABLE double dvt_quantile_far_f64(double root) {
    const double r = root - 5.0;
    const double above =
        DVT_HORNER7(r, 2.01033439929228813265e-7, 2.71155556874348757815e-5,
                    0.0012426609473880784386, 0.026532189526576123093, 0.29656057182850489123,
                    1.7848265399172913358, 5.4637849111641143699, 6.6579046435011037772);
    const double below =
        DVT_HORNER7(r, 2.04426310338993978564e-15, 1.4215117583164458887e-7,
                    1.8463183175100546818e-5, 7.868691311456132591e-4, 0.0148753612908506148525,
                    0.13692988092273580531, 0.59983220655588793769, 1.0);
    return above / below;
}

/* Beyond the middle, |q| > 0.425. */
DVT_PORTABLE double dvt_quantile_outside_f64(double q) {
    const double root = sqrt(-dvt_log_positive_f64(0.5 - fabs(q)));
    const double near = dvt_quantile_tail_f64(root), far = dvt_quantile_far_f64(root);
    const double tail = root <= 5.0 ? near : far;
    return q < 0 ? -tail : tail;
}

DVT_PORTABLE float dvt_quantile_f32(float q, float t) {
    const float r = 0.180625f - q * q;
    const float above = DVT_HORNER3(r, 59.109374720f, 159.29113202f, 50.434271938f, 3.3871327179f);
    const float below = DVT_HORNER3(r, 67.187563600f, 78.757757664f, 17.895169469f, 1.0f);
    const float middle = q * above / below;
    const float s = sqrtf(-dvt_log_positive_f32(t)) - 1.6f;
    const float over = DVT_HORNER3(s, 0.17023821103f, 1.3067284816f, 2.7568153900f, 1.4234372777f);
    const float under = (0.12021132975f * s + 0.73700164250f) * s + 1.0f;
    const float tail = over / under;
    return fabsf(q) <= 0.425f ? middle : q < 0 ? -tail : tail;
}

/* Interval `word` of 2^53 equal ones, by the top bits of a word: its middle, less 1/2. */
DVT_PORTABLE double dvt_normal_place_f64(uint64_t word) {
    /* m + 1/2 for m = n - 2^52 has a significand of 53 bits: exact. */
    return ((dvt_whole_f64(word >> 11) - 0x1p52) + 0.5) * 0x1p-53;
}

/* The quantile there, and for float32 in the middle of one of 2^24. */
DVT_PORTABLE double dvt_normal_f64(uint64_t word) {
    const double q = dvt_normal_place_f64(word);
    return fabs(q) <= 0.425 ? dvt_quantile_middle_f64(q) : dvt_quantile_outside_f64(q);
}
DVT_PORTABLE float dvt_normal_f32(uint32_t word) {
    const int32_t odd = (int32_t)(word >> 8) * 2 + (1 - (1 << 24));
    const float q = (float)odd * 0x1p-25f;
    return dvt_quantile_f32(q, 0.5f - fabsf(q));
}

/* n <= DVT_RANDOM_PIECE normal numbers from words `step` apart. */
void dvt_normals_f64(double *to, const uint64_t *words, uint64_t step, uint64_t n);

#endif
