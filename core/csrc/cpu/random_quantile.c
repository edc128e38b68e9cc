/* Normal numbers in rows. Both ranges of the quantile for every element would be work wasted on the
 * tails' logarithm and its two ranges: 15 of 100 elements need them, and those are gathered first. The
 * results are those of dvt_normal_f64, element by element. */
#include "random_quantile.h"

#include "random_keys.h"

void dvt_normals_f64(double *to, const uint64_t *words, uint64_t step, uint64_t n) {
    double q[DVT_RANDOM_PIECE], tails[DVT_RANDOM_PIECE];
    uint32_t where[DVT_RANDOM_PIECE];
    uint64_t count = 0;
    for (uint64_t i = 0; i < n; i++) {
        q[i] = dvt_normal_place_f64(words[i * step]);
        to[i] = dvt_quantile_middle_f64(q[i]);
    }
    for (uint64_t i = 0; i < n; i++) {
        where[count] = (uint32_t)i;
        count += fabs(q[i]) > 0.425;
    }
    for (uint64_t i = 0; i < count; i++) tails[i] = q[where[i]];
    for (uint64_t i = 0; i < count; i++) tails[i] = dvt_quantile_outside_f64(tails[i]);
    for (uint64_t i = 0; i < count; i++) to[where[i]] = tails[i];
}
