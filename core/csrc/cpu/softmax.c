/* softmax, log_softmax and logsumexp: a line is read while it is in the cache, once for its maximum,
 * once for the exponentials, once for the result. 16-bit lines compute the exponentials again rather
 * than round them twice. */
#include <math.h>
#include <string.h>

#include "line.h"
#include "parallel.h"
#include "rows.h"
#include "strided_loop.h"

/* Rows whose sums side by side are joined before they go to the total. */
#define ROWS_PER_SUM 128

typedef enum form { SOFTMAX, LOG_SOFTMAX, LOGSUMEXP } form;

typedef struct task {
    dvt_line_kind kind;
    form form;
    const char *x;
    char *y;
    int64_t length, inner;       /* of a line; elements between neighbours on it */
    int64_t pieces;              /* side by side: groups of columns */
    const dvt_reduce_plan *plan; /* logsumexp over axes that are no single line */
} task;

/* The logarithm of a sum of e^(x - m), with the maximum put back. */
static double joined(double m, double sum) {
    return isinf(m) ? m : m + log(sum);
}

static void write_one(const task *t, char *to, double value) {
    const float single = (float)value;
    dvt_line_write(&t->kind, to, t->kind.size == sizeof value ? (const void *)&value : &single, 1);
}

/* One line along the contiguous axis. */
static void along(const task *t, const char *x, char *y) {
    const dvt_line_kind *const kind = &t->kind;
    const int64_t n = t->length, stored = (int64_t)kind->stored;
    const int in_place = t->form == SOFTMAX && kind->half == DVT_HALF_NONE;
    double wide[DVT_LINE_BLOCK], scratch[DVT_LINE_BLOCK], sum = 0;
    const double m = dvt_line_max(kind, x, n);
    for (int64_t i = 0; i < n; i += DVT_LINE_BLOCK) {
        const size_t part = (size_t)(n - i < DVT_LINE_BLOCK ? n - i : DVT_LINE_BLOCK);
        const void *const block = dvt_line_read(kind, x + i * stored, wide, part);
        sum += kind->exp_sum(in_place ? (void *)(y + i * stored) : scratch, block, m, part);
    }
    if (t->form == LOGSUMEXP) {
        write_one(t, y, joined(m, sum));
        return;
    }
    const double l = t->form == LOG_SOFTMAX ? log(sum) : 0;
    for (int64_t i = 0; i < n; i += DVT_LINE_BLOCK) {
        const size_t part = (size_t)(n - i < DVT_LINE_BLOCK ? n - i : DVT_LINE_BLOCK);
        char *const to = y + i * stored;
        void *const result = kind->half == DVT_HALF_NONE ? (void *)to : scratch;
        if (in_place) {
            kind->scale(to, 1 / sum, part);
            continue;
        }
        const void *const block = dvt_line_read(kind, x + i * stored, wide, part);
        if (t->form == LOG_SOFTMAX) {
            kind->shift(result, block, m, l, part);
        } else {
            kind->exp_sum(result, block, m, part);
            kind->scale(result, 1 / sum, part);
        }
        dvt_line_write(kind, to, result, part);
    }
}

/* n lines side by side. */
static void across(const task *t, const char *x, char *y, size_t n) {
    const dvt_line_kind *const kind = &t->kind;
    const int64_t step = t->inner * (int64_t)kind->stored;
    const int in_place = t->form == SOFTMAX && kind->half == DVT_HALF_NONE;
    double m[DVT_LINE_COLUMNS], part[DVT_LINE_COLUMNS], total[DVT_LINE_COLUMNS];
    double wide[DVT_LINE_COLUMNS], scratch[DVT_LINE_COLUMNS];
    dvt_copy_strided((char *)m, (int64_t)kind->size, kind->max->start, 0, (int64_t)n,
                     (uint32_t)kind->size);
    for (int64_t r = 0; r < t->length; r++)
        kind->max->rows(m, dvt_line_read(kind, x + r * step, wide, n), 0, 1, n);
    memset(total, 0, sizeof total);
    for (int64_t r = 0; r < t->length;) {
        const int64_t end = r + ROWS_PER_SUM < t->length ? r + ROWS_PER_SUM : t->length;
        memset(part, 0, sizeof part);
        for (; r < end; r++)
            kind->columns_exp_sum(in_place ? (void *)(y + r * step) : scratch, part,
                                  dvt_line_read(kind, x + r * step, wide, n), m, n);
        kind->sum->rows(total, part, 0, 1, n);
    }
    if (t->form == LOGSUMEXP) {
        for (size_t j = 0; j < n; j++) {
            const double top = kind->size == sizeof(double) ? m[j] : (double)((float *)m)[j];
            const double sum =
                kind->size == sizeof(double) ? total[j] : (double)((float *)total)[j];
            write_one(t, y + j * kind->stored, joined(top, sum));
        }
        return;
    }
    if (t->form == SOFTMAX)
        kind->columns_reciprocal(part, total, n);
    else
        kind->columns_log(part, total, n);
    for (int64_t r = 0; r < t->length; r++) {
        char *const to = y + r * step;
        void *const result = kind->half == DVT_HALF_NONE ? (void *)to : scratch;
        if (!in_place) {
            const void *const row = dvt_line_read(kind, x + r * step, wide, n);
            if (t->form == LOG_SOFTMAX)
                kind->columns_shift(result, row, m, part, n);
            else
                kind->columns_exp_sum(result, total, row, m, n);
        }
        if (t->form == SOFTMAX) kind->columns_scale(result, part, n);
        dvt_line_write(kind, to, result, n);
    }
}

static void range(void *context, uint64_t begin, uint64_t end, uint32_t worker) {
    const task *const t = context;
    const int64_t stored = (int64_t)t->kind.stored;
    const int64_t y_length = t->form == LOGSUMEXP ? 1 : t->length;
    (void)worker;
    for (int64_t item = (int64_t)begin; item < (int64_t)end; item++) {
        if (t->inner == 1) {
            along(t, t->x + item * t->length * stored, t->y + item * y_length * stored);
            continue;
        }
        const int64_t outer = item / t->pieces, first = item % t->pieces * DVT_LINE_COLUMNS;
        const int64_t left = t->inner - first;
        across(t, t->x + (outer * t->length * t->inner + first) * stored,
               t->y + (outer * y_length * t->inner + first) * stored,
               (size_t)(left < DVT_LINE_COLUMNS ? left : DVT_LINE_COLUMNS));
    }
}

/* logsumexp over axes with kept ones between them: each output gathers its elements. */
static void scattered_range(void *context, uint64_t begin, uint64_t end, uint32_t worker) {
    const task *const t = context;
    const dvt_line_kind *const kind = &t->kind;
    int64_t shape[64], stride[64];
    (void)worker;
    for (int32_t i = 0; i < t->plan->n_gone; i++) {
        shape[i] = t->plan->gone[i].extent;
        stride[i] = t->plan->gone[i].in;
    }
    for (int64_t item = (int64_t)begin; item < (int64_t)end; item++) {
        int64_t in, out;
        dvt_reduce_locate(t->plan->kept, t->plan->n_kept, item, &in, &out);
        double m = -HUGE_VAL, sum = 0;
        for (int pass = 0; pass < 2; pass++) {
            dvt_cursor cursor;
            dvt_cursor_start_at(&cursor, (char *)(uintptr_t)(t->x + in), (uint32_t)kind->stored,
                                t->plan->n_gone, shape, stride, 0);
            for (int64_t left = t->plan->each; left > 0; left -= DVT_LINE_BLOCK) {
                double block[DVT_LINE_BLOCK], wide[DVT_LINE_BLOCK];
                const int64_t n = left < DVT_LINE_BLOCK ? left : DVT_LINE_BLOCK;
                dvt_cursor_read(&cursor, block, n);
                if (pass == 0) {
                    const double here = dvt_line_max(kind, block, n);
                    m = here > m || here != here ? here : m;
                } else {
                    const void *const read = dvt_line_read(kind, block, wide, (size_t)n);
                    sum += kind->exp_sum(wide, read, m, (size_t)n);
                }
            }
        }
        write_one(t, t->y + out, joined(m, sum));
    }
}

#define PICOSECONDS 900

static void start(task *t, form which, const dvt_call *call) {
    const dvt_tensor *const x = call->inputs[0];
    dvt_line_kind_of(dvt_type_of(x->dtype), &t->kind);
    t->form = which;
    t->x = dvt_tensor_data(x);
    t->y = dvt_tensor_data(call->outputs[0]);
    t->plan = NULL;
}

static dvt_status run_lines(task *t, const dvt_call *call, int64_t outer) {
    t->pieces = (t->inner + DVT_LINE_COLUMNS - 1) / DVT_LINE_COLUMNS;
    const int64_t items = outer * t->pieces;
    if (items > 0)
        dvt_parallel(call->host, (uint64_t)items,
                     (uint64_t)(outer * t->length * t->inner / items + 1) * PICOSECONDS, range, t);
    return DVT_OK;
}

/* The line is one axis: what lies before it is outer, what lies behind it inner. */
static dvt_status run_axis(form which, const dvt_call *call) {
    const dvt_tensor *const x = call->inputs[0];
    const int64_t axis = dvt_attr_int(call->attrs, call->n_attrs, "axis", x->ndim - 1);
    task t;
    int64_t outer = 1;
    start(&t, which, call);
    t.length = x->ndim == 0 ? 1 : x->shape[axis];
    t.inner = 1;
    for (int32_t i = 0; i < x->ndim; i++) {
        if (i < axis)
            outer *= x->shape[i];
        else if (i > axis)
            t.inner *= x->shape[i];
    }
    return t.length == 0 ? DVT_OK : run_lines(&t, call, outer);
}

static dvt_status run_softmax(const dvt_call *call, dvt_error *error) {
    (void)error;
    return run_axis(SOFTMAX, call);
}

static dvt_status run_log_softmax(const dvt_call *call, dvt_error *error) {
    (void)error;
    return run_axis(LOG_SOFTMAX, call);
}

static dvt_status run_logsumexp(const dvt_call *call, dvt_error *error) {
    dvt_reduce_plan plan;
    task t;
    (void)error;
    start(&t, LOGSUMEXP, call);
    dvt_reduce_make_plan(&plan, call->inputs[0], call->outputs[0], call->attrs, call->n_attrs,
                         (uint32_t)t.kind.stored, (uint32_t)t.kind.stored);
    if (plan.outputs == 0) return DVT_OK;
    if (plan.n_gone <= 1 && plan.each > 0) {
        t.length = plan.each;
        t.inner = plan.n_gone == 0 ? 1 : plan.gone[0].in / (int64_t)t.kind.stored;
        return run_lines(&t, call, plan.outputs / t.inner);
    }
    t.plan = &plan;
    dvt_parallel(call->host, (uint64_t)plan.outputs, (uint64_t)(plan.each + 1) * 2 * PICOSECONDS,
                 scattered_range, &t);
    return DVT_OK;
}

static dvt_status prepare(const dvt_op *op, dvt_kernel_info *info, dvt_error *error) {
    (void)error;
    info->flags = DVT_INFO_DETERMINISTIC;
    info->cost_ns = 60 + (uint64_t)dvt_size(op->inputs[0]) * PICOSECONDS / 1000;
    return DVT_OK;
}

#define ROW(name, function)                                                                        \
    {.op = name,                                                                                   \
     .types = "T=" DVT_FLOAT_WORDS,                                                                \
     .min_version = 1,                                                                             \
     .max_version = 1,                                                                             \
     .run = function,                                                                              \
     .prepare = prepare}

const dvt_kernel_def dvt_cpu_softmax_rows[] = {
    ROW("softmax", run_softmax),
    ROW("log_softmax", run_log_softmax),
    ROW("logsumexp", run_logsumexp),
};
const uint32_t dvt_cpu_softmax_count = sizeof dvt_cpu_softmax_rows / sizeof dvt_cpu_softmax_rows[0];
