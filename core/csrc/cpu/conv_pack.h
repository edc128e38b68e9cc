/* Reading patches out of images for one element type, included after matmul_simd.h and with S, FROM
 * and TO as for matmul_pack.h. */
#include "conv.h"

static const S conv_zeros[8];

/* Where one pixel of the grid stands. */
typedef struct conv_pixel {
    int64_t image, i, j;
} conv_pixel;

static conv_pixel pixel_at(const dvt_conv_patches *x, int64_t index) {
    conv_pixel at = {.j = index % x->grid_w, .i = index / x->grid_w};
    at.image = at.i / x->grid_h;
    at.i %= x->grid_h;
    return at;
}

static void pixel_next(const dvt_conv_patches *x, conv_pixel *at) {
    if (++at->j < x->grid_w) return;
    at->j = 0;
    if (++at->i < x->grid_h) return;
    at->i = 0;
    at->image++;
}

/* The first channel of what a pixel sees through a tap, or null outside the image. */
static inline const S *seen(const dvt_conv_patches *x, const S *data, const conv_pixel *at,
                            const dvt_conv_tap *tap) {
    const int64_t h = at->i * x->step_h + tap->h, w = at->j * x->step_w + tap->w;
    if ((uint64_t)h >= (uint64_t)x->height || (uint64_t)w >= (uint64_t)x->width) return 0;
    return data + at->image * x->image.image + h * x->image.h + w * x->image.w;
}

/* Channels [0, k) of `width` rows into panel[p * width + i]; a row outside has stride 0 and
 * zeros. */
DVT_GEMM_INLINE void pack_rows(const S *const *rows, const int64_t *strides, int dense, int64_t k,
                               const int width, T *to) {
    int64_t p = 0;
#ifdef DVT_CONV_TURN
    if (dense) p = dvt_gemm_turn_rows(rows, strides, k, width, to);
#else
    (void)dense;
#endif
    for (; p < k; p++)
        for (int i = 0; i < width; i++) to[p * width + i] = FROM(rows[i][p * strides[i]]);
}

/* How many channels from tap `tap` on every live pixel sees in one piece: more than one tap
 * where the taps follow each other in memory and lie inside the image. */
static int64_t piece(const dvt_conv_patches *x, const conv_pixel *pixels, int live, int64_t tap) {
    const int64_t taps = x->merge - tap % x->merge;
    const dvt_conv_tap *first = &x->taps[tap];
    if (taps == 1) return x->channels;
    for (int i = 0; i < live; i++) {
        const int64_t h = pixels[i].i * x->step_h + first->h;
        const int64_t w = pixels[i].j * x->step_w + first->w;
        if (h < 0 || h >= x->height || w < 0 || w + taps > x->width) return x->channels;
    }
    return taps * x->channels;
}

DVT_GEMM_INLINE void pack_pixels_of(const dvt_conv_patches *x, const S *data, int64_t first,
                                    int64_t count, int64_t k0, int64_t k, const int width,
                                    T *panel) {
    for (int64_t begin = 0; begin < count; begin += width, panel += width * k) {
        const int live = (int)(count - begin < width ? count - begin : width);
        conv_pixel pixels[MR > NR ? MR : NR];
        pixels[0] = pixel_at(x, first + begin);
        for (int i = 1; i < live; i++) {
            pixels[i] = pixels[i - 1];
            pixel_next(x, &pixels[i]);
        }
        int64_t tap = k0 / x->channels, channel = k0 % x->channels;
        for (int64_t p = 0, run; p < k; p += run) {
            const S *rows[MR > NR ? MR : NR];
            int64_t strides[MR > NR ? MR : NR];
            run = piece(x, pixels, live, tap) - channel;
            run = run < k - p ? run : k - p;
            for (int i = 0; i < width; i++) {
                const S *at = i < live ? seen(x, data, &pixels[i], &x->taps[tap]) : 0;
                rows[i] = at ? at + channel * x->image.channel : conv_zeros;
                strides[i] = at ? x->image.channel : 0;
            }
            pack_rows(rows, strides, x->image.channel == 1, run, width, panel + p * width);
            tap += (channel + run) / x->channels;
            channel = (channel + run) % x->channels;
        }
    }
}

static void pack_pixels(const dvt_gemm_source *source, int64_t first, int64_t count, int64_t k0,
                        int64_t k, int width, void *panels) {
    if (width == NR)
        pack_pixels_of(source->shape, source->data, first, count, k0, k, NR, panels);
    else
        pack_pixels_of(source->shape, source->data, first, count, k0, k, MR, panels);
}

/* Items are (tap, channel) pairs: for every pixel a run of channels per tap is copied. */
DVT_GEMM_INLINE void pack_features_of(const dvt_conv_patches *x, const S *data, int64_t first,
                                      int64_t count, int64_t k0, int64_t k, const int width,
                                      T *panel) {
    const int64_t step = x->image.channel;
    for (int64_t begin = 0; begin < count; begin += width, panel += width * k) {
        const int live = (int)(count - begin < width ? count - begin : width);
        const int64_t tap0 = (first + begin) / x->channels;
        const int64_t channel0 = (first + begin) % x->channels;
        conv_pixel at = pixel_at(x, k0);
        for (int64_t p = 0; p < k; p++, pixel_next(x, &at)) {
            T *to = panel + p * width;
            int64_t tap = tap0, channel = channel0;
            for (int i = 0; i < live; tap++, channel = 0) {
                const S *from = seen(x, data, &at, &x->taps[tap]);
                int run =
                    (int)(x->channels - channel < live - i ? x->channels - channel : live - i);
                if (!from) {
                    for (int c = 0; c < run; c++) to[i + c] = 0;
                } else if (step == 1 && run == width) {
                    for (int c = 0; c < width; c++) to[c] = FROM(from[channel + c]);
                } else {
                    for (int c = 0; c < run; c++) to[i + c] = FROM(from[(channel + c) * step]);
                }
                i += run;
            }
            for (int i = live; i < width; i++) to[i] = 0;
        }
    }
}

static void pack_features(const dvt_gemm_source *source, int64_t first, int64_t count, int64_t k0,
                          int64_t k, int width, void *panels) {
    if (width == NR)
        pack_features_of(source->shape, source->data, first, count, k0, k, NR, panels);
    else
        pack_features_of(source->shape, source->data, first, count, k0, k, MR, panels);
}
