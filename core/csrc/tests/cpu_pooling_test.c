/* Pooling against a walk over every window. */
#include "cpu_products_host.h"

typedef struct problem {
    int64_t n, h, w, c, oh, ow, count;
    int64_t window[2], strides[2], padding[4], size[2];
} problem;

static int make_problem(problem *p) {
    static const int64_t channels[] = {1, 3, 8, 17, 64, 70};
    p->n = 1 + (int64_t)chance(2);
    p->h = 1 + (int64_t)chance(9);
    p->w = 1 + (int64_t)chance(9);
    p->c = channels[chance(6)];
    p->count = (int64_t)chance(2);
    for (int i = 0; i < 2; i++) {
        p->window[i] = 1 + (int64_t)chance(3);
        p->strides[i] = 1 + (int64_t)chance(3);
    }
    for (int i = 0; i < 4; i++) p->padding[i] = (int64_t)chance((uint64_t)p->window[i / 2]);
    p->size[0] = p->h;
    p->size[1] = p->w;
    const int64_t room_h = p->h + p->padding[0] + p->padding[1] - p->window[0];
    const int64_t room_w = p->w + p->padding[2] + p->padding[3] - p->window[1];
    p->oh = room_h / p->strides[0] + 1;
    p->ow = room_w / p->strides[1] + 1;
    return room_h >= 0 && room_w >= 0;
}

/* One window's maximum, its place, and its average, each from all elements in turn. */
static void check_window(const problem *p, const array *x, const array *best, const array *place,
                         const array *mean, const array *g, double *gradient, int64_t at) {
    const int64_t c = at % p->c, pixel = at / p->c, j = pixel % p->ow, i = pixel / p->ow % p->oh;
    const int64_t image = pixel / p->ow / p->oh;
    double maximum = 0, sum = 0;
    int64_t where = -1, inside = 0, padded = 0;
    for (int pass = 0; pass < 2; pass++)
        for (int64_t a = 0; a < p->window[0]; a++)
            for (int64_t b = 0; b < p->window[1]; b++) {
                const int64_t h = i * p->strides[0] + a - p->padding[0];
                const int64_t w = j * p->strides[1] + b - p->padding[2];
                const int64_t flat = ((image * p->h + h) * p->w + w) * p->c + c;
                const int in = h >= 0 && h < p->h && w >= 0 && w < p->w;
                if (pass == 1 && in && gradient)
                    gradient[flat] += get(g, at) / (double)(p->count ? padded : inside);
                if (pass == 1) continue;
                padded += h < p->h + p->padding[1] && w < p->w + p->padding[3];
                if (!in) continue;
                inside++;
                const double value = get(x, flat);
                sum += value;
                if (where < 0 || value > maximum || (isnan(value) && !isnan(maximum))) {
                    maximum = value;
                    where = h * p->w + w;
                }
            }
    if (where < 0) return;
    CHECK(get(best, at) == maximum || (isnan(maximum) && isnan(get(best, at))));
    CHECK(get(place, at) == (double)where);
    if (!mean) return;
    const double expected = sum / (double)(p->count ? padded : inside);
    CHECK((isnan(expected) && isnan(get(mean, at))) ||
          fabs(get(mean, at) - expected) <= tolerance(x->type, expected, 9));
}

static void one_pooling(void) {
    const dvt_type type = (dvt_type)(1 + chance(DVT_N_TYPES - 1));
    problem p;
    if (!make_problem(&p)) return;
    const int64_t large[4] = {p.n, p.h, p.w, p.c}, small[4] = {p.n, p.oh, p.ow, p.c};
    array x, best, place, mean, g, gx;
    make(&x, type, 4, large);
    make(&gx, type, 4, large);
    make(&best, type, 4, small);
    make(&mean, type, 4, small);
    make(&g, type, 4, small);
    make(&place, DVT_TYPE_I64, 4, small);
    fill(&x);
    fill(&g);
    if (type >= DVT_TYPE_F32)
        for (int64_t i = 0, n = dvt_size(&x.t); i < n; i++)
            if (chance(20) == 0) put(&x, i, NAN);
    const dvt_attr attrs[] = {LIST("window", p.window), LIST("strides", p.strides),
                              LIST("padding", p.padding), SCALAR("count_include_pad", &p.count),
                              LIST("size", p.size)};
    const array *in[] = {&x}, *grad[] = {&g}, *two[] = {&best, &place};
    const array *average[] = {&mean}, *gradient[] = {&gx};
    const int64_t n = dvt_size(&best.t), n_large = dvt_size(&x.t);
    double *sums = calloc((size_t)n_large, sizeof *sums);
    CHECK(sums);
    host.n_threads = 1 + (uint32_t)chance(2);
    run_op("max_pool2d", in, 1, two, 2, attrs, 3);
    if (is_float(type)) {
        run_op("avg_pool2d", in, 1, average, 1, attrs, 4);
        run_op("avg_pool2d_gradient", grad, 1, gradient, 1, attrs, 5);
    }
    for (int64_t i = 0; i < n; i++)
        check_window(&p, &x, &best, &place, is_float(type) ? &mean : NULL, &g,
                     is_float(type) ? sums : NULL, i);
    for (int64_t i = 0; i < n_large && is_float(type); i++)
        CHECK(fabs(get(&gx, i) - sums[i]) <= 2 * tolerance(type, sums[i], 9));
    free(sums);
    free(x.bytes);
    free(gx.bytes);
    free(best.bytes);
    free(mean.bytes);
    free(g.bytes);
    free(place.bytes);
}

int main(int argc, char **argv) {
    open_plugin(argc, argv);
    for (int i = 0; i < 200; i++) one_pooling();
    return 0;
}
