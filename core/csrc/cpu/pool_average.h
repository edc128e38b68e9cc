/* avg_pool2d and its gradient for one float type; after pool_max.h. Sums are made in T. */

static void add_pixel(T *sum, const S *from, int64_t step, int64_t count, T scale) {
    if (step == 1)
        for (int64_t c = 0; c < count; c++) sum[c] += FROM(from[c]) * scale;
    else
        for (int64_t c = 0; c < count; c++) sum[c] += FROM(from[c * step]) * scale;
}

static void finish(const T *sum, S *to, int64_t step, int64_t count, T scale) {
    if (step == 1)
        for (int64_t c = 0; c < count; c++) to[c] = TO(sum[c] * scale);
    else
        for (int64_t c = 0; c < count; c++) to[c * step] = TO(sum[c] * scale);
}

static void average(const dvt_pool_shape *x, const void *in, void *out, int64_t *index,
                    int64_t begin, int64_t end) {
    (void)index;
    for (int64_t row = begin; row < end; row++) {
        const int64_t image = row / x->out_h, i = row % x->out_h;
        int64_t h0, h1, w0, w1;
        dvt_pool_window(i, x->stride_h, x->top, x->window_h, x->height, &h0, &h1);
        for (int64_t j = 0; j < x->out_w; j++) {
            const int64_t divisor = dvt_pool_count(x, i, j);
            const T scale = divisor > 0 ? (T)1 / (T)divisor : 0;
            dvt_pool_window(j, x->stride_w, x->left, x->window_w, x->width, &w0, &w1);
            for (int64_t c = 0; c < x->channels; c += BLOCK) {
                const int64_t count = x->channels - c < BLOCK ? x->channels - c : BLOCK;
                T sum[BLOCK] = {0};
                for (int64_t h = h0; h < h1; h++)
                    for (int64_t w = w0; w < w1; w++)
                        add_pixel(sum,
                                  (const S *)in + image * x->large.image + h * x->large.h +
                                      w * x->large.w + c * x->large.channel,
                                  x->large.channel, count, 1);
                finish(sum,
                       (S *)out + image * x->small.image + i * x->small.h + j * x->small.w +
                           c * x->small.channel,
                       x->small.channel, count, scale);
            }
        }
    }
}

/* First and last + 1 window that covers position `at` along one axis. */
static void covering(int64_t at, int64_t stride, int64_t pad, int64_t window, int64_t windows,
                     int64_t *from, int64_t *to) {
    const int64_t first = at + pad - window + 1;
    *from = first > 0 ? (first + stride - 1) / stride : 0;
    *to = (at + pad) / stride + 1;
    if (*to > windows) *to = windows;
}

/* Rows of the larger image: each pixel gathers from the windows over it, so no two threads meet. */
static void average_gradient(const dvt_pool_shape *x, const void *in, void *out, int64_t *index,
                             int64_t begin, int64_t end) {
    (void)index;
    for (int64_t row = begin; row < end; row++) {
        const int64_t image = row / x->height, h = row % x->height;
        int64_t i0, i1, j0, j1;
        covering(h, x->stride_h, x->top, x->window_h, x->out_h, &i0, &i1);
        for (int64_t w = 0; w < x->width; w++) {
            covering(w, x->stride_w, x->left, x->window_w, x->out_w, &j0, &j1);
            for (int64_t c = 0; c < x->channels; c += BLOCK) {
                const int64_t count = x->channels - c < BLOCK ? x->channels - c : BLOCK;
                T sum[BLOCK] = {0};
                for (int64_t i = i0; i < i1; i++)
                    for (int64_t j = j0; j < j1; j++)
                        add_pixel(sum,
                                  (const S *)in + image * x->small.image + i * x->small.h +
                                      j * x->small.w + c * x->small.channel,
                                  x->small.channel, count, (T)1 / (T)dvt_pool_count(x, i, j));
                finish(sum,
                       (S *)out + image * x->large.image + h * x->large.h + w * x->large.w +
                           c * x->large.channel,
                       x->large.channel, count, 1);
            }
        }
    }
}
