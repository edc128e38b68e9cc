/* Convolutions and their gradients against the sums that define them. */
#include "cpu_products_host.h"

typedef struct problem {
    int64_t n, h, w, c, kh, kw, f, groups, oh, ow;
    int64_t strides[2], padding[4], dilation[2];
} problem;

static int64_t at4(const array *x, int64_t i, int64_t j, int64_t k, int64_t l) {
    return ((i * x->shape[1] + j) * x->shape[2] + k) * x->shape[3] + l;
}

static int make_problem(problem *p) {
    static const int64_t channels[] = {1, 2, 3, 5, 8, 16, 17};
    p->n = 1 + (int64_t)chance(3);
    p->h = 1 + (int64_t)chance(12);
    p->w = 1 + (int64_t)chance(chance(3) == 0 ? 40 : 12);
    p->kh = 1 + (int64_t)chance(4);
    p->kw = 1 + (int64_t)chance(4);
    p->groups = chance(3) == 0 ? 1 + (int64_t)chance(3) : 1;
    p->c = channels[chance(7)] * p->groups;
    p->f = channels[chance(7)] * p->groups;
    if (chance(4) == 0)
        p->c = p->f = p->groups = 2 + (int64_t)chance(80); /* one filter per channel */
    for (int i = 0; i < 2; i++) {
        p->strides[i] = 1 + (int64_t)chance(3);
        p->dilation[i] = 1 + (int64_t)chance(2);
    }
    for (int i = 0; i < 4; i++) p->padding[i] = (int64_t)chance(4);
    const int64_t room_h = p->h + p->padding[0] + p->padding[1] - (p->kh - 1) * p->dilation[0] - 1;
    const int64_t room_w = p->w + p->padding[2] + p->padding[3] - (p->kw - 1) * p->dilation[1] - 1;
    p->oh = room_h / p->strides[0] + 1;
    p->ow = room_w / p->strides[1] + 1;
    return room_h >= 0 && room_w >= 0;
}

/* Adds every term of the convolution's sum to the wanted one of the three results, in doubles. */
static double *reference(const problem *p, const array *x, const array *w, const array *y,
                         int which) {
    const array *result = which == 0 ? y : which == 1 ? x : w;
    const int64_t in = p->c / p->groups, out = p->f / p->groups;
    double *sums = calloc((size_t)dvt_size(&result->t), sizeof *sums);
    CHECK(sums);
    for (int64_t n = 0; n < p->n; n++)
        for (int64_t i = 0; i < p->oh * p->ow; i++)
            for (int64_t t = 0; t < p->kh * p->kw; t++) {
                const int64_t a = t / p->kw, b = t % p->kw, oh = i / p->ow, ow = i % p->ow;
                const int64_t h = oh * p->strides[0] + a * p->dilation[0] - p->padding[0];
                const int64_t v = ow * p->strides[1] + b * p->dilation[1] - p->padding[2];
                if (h < 0 || h >= p->h || v < 0 || v >= p->w) continue;
                for (int64_t f = 0; f < p->f; f++)
                    for (int64_t c = 0; c < in; c++) {
                        const int64_t at_x = at4(x, n, h, v, f / out * in + c);
                        const int64_t at_w = at4(w, a, b, c, f), at_y = at4(y, n, oh, ow, f);
                        if (which == 0)
                            sums[at_y] += get(x, at_x) * get(w, at_w);
                        else if (which == 1)
                            sums[at_x] += get(y, at_y) * get(w, at_w);
                        else
                            sums[at_w] += get(x, at_x) * get(y, at_y);
                    }
            }
    return sums;
}

static void one_convolution(void) {
    static const dvt_type types[] = {DVT_TYPE_F32, DVT_TYPE_F32, DVT_TYPE_F64, DVT_TYPE_F16,
                                     DVT_TYPE_BF16};
    static const char *const ops[] = {"conv2d", "conv2d_input_gradient", "conv2d_weight_gradient"};
    const dvt_type type = types[chance(5)];
    problem p;
    if (!make_problem(&p)) return;
    const int64_t shapes[3][4] = {
        {p.n, p.h, p.w, p.c}, {p.kh, p.kw, p.c / p.groups, p.f}, {p.n, p.oh, p.ow, p.f}};
    const int64_t image[2] = {p.h, p.w}, kernel[2] = {p.kh, p.kw};
    array full[3], result[3];
    for (int i = 0; i < 3; i++) {
        make(&full[i], type, 4, shapes[i]);
        fill(&full[i]);
    }
    const array *inputs[3][2] = {{&full[0], &full[1]}, {&full[2], &full[1]}, {&full[0], &full[2]}};
    static const int produced[3] = {2, 0, 1};
    host.n_threads = 1 + (uint32_t)chance(2);
    for (int op = 0; op < 3; op++) {
        array *out = &result[op];
        make(out, type, 4, shapes[produced[op]]);
        const array *outputs[1] = {out};
        dvt_attr attrs[5] = {LIST("strides", p.strides), LIST("padding", p.padding),
                             LIST("dilation", p.dilation), SCALAR("groups", &p.groups),
                             LIST("size", image)};
        if (op == 2) attrs[4].values = kernel;
        run_op(ops[op], inputs[op], 2, outputs, 1, attrs, op == 0 ? 4 : 5);
        double *sums = reference(&p, &full[0], &full[1], &full[2], op);
        const double terms = op == 2 ? (double)(p.n * p.oh * p.ow) : (double)(p.kh * p.kw * 20);
        for (int64_t i = 0, n = dvt_size(&out->t); i < n; i++)
            CHECK(fabs(get(out, i) - sums[i]) <= tolerance(type, sums[i], terms));
        free(sums);
        free(out->bytes);
    }
    for (int i = 0; i < 3; i++) free(full[i].bytes);
}

int main(int argc, char **argv) {
    open_plugin(argc, argv);
    for (int i = 0; i < 250; i++) one_convolution();
    return 0;
}
