/* Channel-by-channel convolution for one element type, after conv_pack.h. Channels lie in vectors;
 * their sums stay in registers, or in a small block where the type has to be converted. */

#define DEPTH_VECTORS 4

#ifdef DVT_CONV_SAME
/* `vectors` registers of channels of one result pixel. */
DVT_GEMM_INLINE void depth_pixel(const int vectors, int64_t n, const S *const *rows,
                                 const S *const *weights, int64_t channel, S *to) {
    V sum[DEPTH_VECTORS];
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) sum[v] = SPLAT(0);
    for (int64_t t = 0; t < n; t++) {
        const S *x = rows[t] + channel, *w = weights[t] + channel;
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++) sum[v] = FMA(LOAD(x + v * VL), LOAD(w + v * VL), sum[v]);
    }
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) STORE(to + channel + v * VL, sum[v]);
}
#endif

/* Channels [channel, channels) with any strides and types. */
static void depth_rest(const dvt_conv_depthwise *x, int64_t n, const S *const *rows,
                       const S *const *weights, int64_t channel, S *to) {
    const int64_t channels = x->patches.channels, step = x->patches.image.channel;
    while (channel < channels) {
        T sum[DVT_CONV_CHANNELS] = {0};
        const int64_t run =
            channels - channel < DVT_CONV_CHANNELS ? channels - channel : DVT_CONV_CHANNELS;
        for (int64_t t = 0; t < n; t++) {
            const S *in = rows[t] + channel * step;
            const S *w = weights[t] + channel * x->weight_channel;
            if (step == 1 && x->weight_channel == 1)
                for (int64_t c = 0; c < run; c++) sum[c] += FROM(in[c]) * FROM(w[c]);
            else
                for (int64_t c = 0; c < run; c++)
                    sum[c] += FROM(in[c * step]) * FROM(w[c * x->weight_channel]);
        }
        for (int64_t c = 0; c < run; c++) to[(channel + c) * x->result.channel] = TO(sum[c]);
        channel += run;
    }
}

static void depth_one(const dvt_conv_depthwise *x, const S *image, const S *weight,
                      const conv_pixel *at, S *to) {
    const S *rows[DVT_CONV_TAPS], *weights[DVT_CONV_TAPS];
    int64_t n = 0, channel = 0;
    for (int64_t t = 0; t < x->patches.n_taps; t++) {
        const S *from = seen(&x->patches, image, at, &x->patches.taps[t]);
        if (from) {
            rows[n] = from;
            weights[n++] = weight + x->patches.taps[t].weight;
        }
    }
#ifdef DVT_CONV_SAME
    const int64_t channels = x->patches.channels;
    if (x->patches.image.channel == 1 && x->weight_channel == 1 && x->result.channel == 1) {
        for (; channel + DEPTH_VECTORS * VL <= channels; channel += DEPTH_VECTORS * VL)
            depth_pixel(DEPTH_VECTORS, n, rows, weights, channel, to);
        for (; channel + VL <= channels; channel += VL)
            depth_pixel(1, n, rows, weights, channel, to);
    }
#endif
    depth_rest(x, n, rows, weights, channel, to);
}

static void depthwise(const dvt_conv_depthwise *x, const void *image, const void *weight,
                      void *result, int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; row++) {
        conv_pixel at = {row / x->patches.grid_h, row % x->patches.grid_h, 0};
        S *to = (S *)result + at.image * x->result.image + at.i * x->result.h;
        for (; at.j < x->patches.grid_w; at.j++, to += x->result.w)
            depth_one(x, image, weight, &at, to);
    }
}

static void depthwise_weight(const dvt_conv_depthwise *x, const void *image, const void *other,
                             void *weight, int64_t tap, int64_t first, int64_t count) {
    const dvt_conv_patches *patches = &x->patches;
    const int64_t step = patches->image.channel, other_step = x->result.channel;
    T sum[DVT_CONV_CHANNELS] = {0};
    conv_pixel at = {0, 0, 0};
    for (at.image = 0; at.image < patches->images; at.image++)
        for (at.i = 0; at.i < patches->grid_h; at.i++) {
            /* A row of pixels is summed by itself first: fewer roundings meet large sums. */
            T line[DVT_CONV_CHANNELS] = {0};
            const S *g = (const S *)other + at.image * x->result.image + at.i * x->result.h +
                         first * other_step;
            for (at.j = 0; at.j < patches->grid_w; at.j++, g += x->result.w) {
                const S *in = seen(patches, image, &at, &patches->taps[tap]);
                if (!in) continue;
                in += first * step;
                if (step == 1 && other_step == 1)
                    for (int64_t c = 0; c < count; c++) line[c] += FROM(in[c]) * FROM(g[c]);
                else
                    for (int64_t c = 0; c < count; c++)
                        line[c] += FROM(in[c * step]) * FROM(g[c * other_step]);
            }
            for (int64_t c = 0; c < count; c++) sum[c] += line[c];
        }
    S *to = (S *)weight + patches->taps[tap].weight + first * x->weight_channel;
    for (int64_t c = 0; c < count; c++) to[c * x->weight_channel] = TO(sum[c]);
}
