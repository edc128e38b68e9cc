/* max_pool2d of one element type: S in memory, T computed, FROM converts. The value is copied as it
 * stands in memory. Channels lie side by side in blocks, so that the compiler makes vectors. */
#include "pool.h"

#define BLOCK 64 /* channels at a time */

#ifndef ISNAN
#define ISNAN(x) 0
#endif

static void max_block(const dvt_pool_shape *x, const S *in, S *out, int64_t *index, int64_t count,
                      int64_t h0, int64_t h1, int64_t w0, int64_t w1, const int dense) {
    const int64_t step = dense ? 1 : x->large.channel;
    T best[BLOCK];
    S stored[BLOCK];
    int32_t at[BLOCK];
    /* Positions count inside the window's rows; 32 bits keep the vectors narrow. */
    for (int64_t h = h0; h < h1; h++)
        for (int64_t w = w0; w < w1; w++) {
            const S *from = in + h * x->large.h + w * x->large.w;
            const int32_t here = (int32_t)((h - h0) * (w1 - w0) + (w - w0));
            if (here == 0) {
                for (int64_t c = 0; c < count; c++) {
                    stored[c] = from[c * step];
                    best[c] = FROM(stored[c]);
                    at[c] = 0;
                }
                continue;
            }
            for (int64_t c = 0; c < count; c++) {
                const S raw = from[c * step];
                const T value = FROM(raw);
                const int wins = (value > best[c]) | (ISNAN(value) & !ISNAN(best[c]));
                stored[c] = wins ? raw : stored[c];
                best[c] = wins ? value : best[c];
                at[c] = wins ? here : at[c];
            }
        }
    for (int64_t c = 0; c < count; c++) {
        out[c * x->small.channel] = stored[c];
        index[c * x->index.channel] = (h0 + at[c] / (w1 - w0)) * x->width + w0 + at[c] % (w1 - w0);
    }
}

/* A window that lies in the padding altogether has nothing to take the maximum of. */
static void max_nothing(const dvt_pool_shape *x, S *out, int64_t *index, int64_t count) {
    for (int64_t c = 0; c < count; c++) {
        out[c * x->small.channel] = LOWEST;
        index[c * x->index.channel] = 0;
    }
}

static void max(const dvt_pool_shape *x, const void *in, void *out, int64_t *index, int64_t begin,
                int64_t end) {
    for (int64_t row = begin; row < end; row++) {
        const int64_t image = row / x->out_h, i = row % x->out_h;
        const S *from = (const S *)in + image * x->large.image;
        int64_t h0, h1, w0, w1;
        dvt_pool_window(i, x->stride_h, x->top, x->window_h, x->height, &h0, &h1);
        for (int64_t j = 0; j < x->out_w; j++) {
            S *to = (S *)out + image * x->small.image + i * x->small.h + j * x->small.w;
            int64_t *which = index + image * x->index.image + i * x->index.h + j * x->index.w;
            dvt_pool_window(j, x->stride_w, x->left, x->window_w, x->width, &w0, &w1);
            for (int64_t c = 0; c < x->channels; c += BLOCK) {
                const int64_t count = x->channels - c < BLOCK ? x->channels - c : BLOCK;
                S *value = to + c * x->small.channel;
                int64_t *place = which + c * x->index.channel;
                if (h1 <= h0 || w1 <= w0)
                    max_nothing(x, value, place, count);
                else if (x->large.channel == 1)
                    max_block(x, from + c, value, place, count, h0, h1, w0, w1, 1);
                else
                    max_block(x, from + c * x->large.channel, value, place, count, h0, h1, w0, w1,
                              0);
            }
        }
    }
}
