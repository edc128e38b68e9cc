/* matmul: (..., m, k) @ (..., k, n) for any strides. prepare reduces the call to one of two shapes,
 * a batch of products for the engine or a batch of rows, and run only fills in addresses. */
#include "nothing.h"
#include "rows.h"

#include "matmul_engine.h"

#include <stdlib.h>

#define MATMUL_AXES 64
#define ROW_COLUMNS 1024 /* columns of one task of a row product */

typedef struct matmul_batch {
    int64_t extent;
    int64_t a, b, c; /* strides in elements */
} matmul_batch;

typedef struct matmul_kernel {
    const dvt_gemm_element *element;
    dvt_gemm_plan plan;
    dvt_gemv_fn gemv;    /* null: the engine */
    uint64_t gemv_grain; /* tasks that are worth a thread */
    int64_t a_row, a_k, b_k, b_n, c_row, c_n;
    int swapped; /* 1: C is computed transposed, a is the call's second input */
    uint32_t n_batch;
    matmul_batch batch[]; /* innermost first */
} matmul_kernel;

typedef struct matmul_call {
    const matmul_kernel *kernel;
    const char *a, *b;
    char *c;
} matmul_call;

static void swap(int64_t *x, int64_t *y) {
    const int64_t old = *x;
    *x = *y;
    *y = old;
}

/* Offsets, in elements, of product `job`. */
static void offsets(const matmul_kernel *kernel, uint64_t job, int64_t at[3]) {
    at[0] = at[1] = at[2] = 0;
    for (uint32_t i = 0; i < kernel->n_batch; i++) {
        const matmul_batch *axis = &kernel->batch[i];
        const int64_t index = (int64_t)(job % (uint64_t)axis->extent);
        job /= (uint64_t)axis->extent;
        at[0] += index * axis->a;
        at[1] += index * axis->b;
        at[2] += index * axis->c;
    }
}

static void fill(const void *context, uint64_t job, dvt_gemm *gemm) {
    const matmul_call *call = context;
    const matmul_kernel *kernel = call->kernel;
    const dvt_gemm_element *element = kernel->element;
    int64_t at[3];
    offsets(kernel, job, at);
    *gemm = (dvt_gemm){.a = {.pack = element->pack,
                             .data = call->a + at[0] * element->size,
                             .item = kernel->a_row,
                             .depth = kernel->a_k,
                             .plain = element->same},
                       .b = {.pack = element->pack,
                             .data = call->b + at[1] * element->size,
                             .item = kernel->b_n,
                             .depth = kernel->b_k,
                             .plain = element->same},
                       .c = {.store = kernel->plan.buffered ? element->store : 0,
                             .data = call->c + at[2] * element->size,
                             .row = kernel->c_row,
                             .column = kernel->c_n}};
}

static void row_tasks(void *context, uint64_t begin, uint64_t end, uint32_t worker) {
    const matmul_call *call = context;
    const matmul_kernel *kernel = call->kernel;
    const int64_t n = kernel->plan.n, size = kernel->element->size;
    const uint64_t across = (uint64_t)((n + ROW_COLUMNS - 1) / ROW_COLUMNS);
    (void)worker;
    for (uint64_t task = begin; task < end; task++) {
        const int64_t j = (int64_t)(task % across) * ROW_COLUMNS;
        int64_t at[3];
        offsets(kernel, task / across, at);
        kernel->gemv(n - j < ROW_COLUMNS ? n - j : ROW_COLUMNS, kernel->plan.k,
                     call->a + at[0] * size, kernel->a_k,
                     call->b + (at[1] + j * kernel->b_n) * size, kernel->b_k, kernel->b_n,
                     call->c + (at[2] + j * kernel->c_n) * size, kernel->c_n);
    }
}

static dvt_status matmul_run(const dvt_call *call, dvt_error *error) {
    const matmul_kernel *kernel = (const matmul_kernel *)(const void *)call->kernel;
    matmul_call work = {.kernel = kernel,
                        .a = dvt_tensor_data(call->inputs[kernel->swapped]),
                        .b = dvt_tensor_data(call->inputs[!kernel->swapped]),
                        .c = dvt_tensor_data(call->outputs[0])};
    if (call->host->n_threads > kernel->plan.threads)
        return dvt_set_error(error, DVT_INTERNAL,
                             "matmul was prepared for fewer threads than this host now has; "
                             "prepare it again");
    if (!kernel->gemv) {
        dvt_gemm_run(&kernel->plan, call->host, fill, &work, call->workspace);
        return DVT_OK;
    }
    const uint64_t across = (uint64_t)((kernel->plan.n + ROW_COLUMNS - 1) / ROW_COLUMNS);
    const uint64_t tasks = kernel->plan.jobs * across;
    if (tasks <= kernel->gemv_grain)
        row_tasks(&work, 0, tasks, 0);
    else
        call->host->parallel_for(call->host, tasks, kernel->gemv_grain, row_tasks, &work);
    return DVT_OK;
}

/* Takes batch axes into the rows of A where B is the same for all: one tall product then. */
static void fold_batch(matmul_kernel *kernel, int64_t *m) {
    while (kernel->n_batch > 0) {
        matmul_batch *inner = &kernel->batch[0];
        if (inner->b != 0 ||
            (*m != 1 && (inner->a != *m * kernel->a_row || inner->c != *m * kernel->c_row)))
            return;
        if (*m == 1) {
            kernel->a_row = inner->a;
            kernel->c_row = inner->c;
        }
        *m *= inner->extent;
        kernel->n_batch--;
        for (uint32_t i = 0; i < kernel->n_batch; i++) kernel->batch[i] = kernel->batch[i + 1];
    }
}

static dvt_status matmul_prepare(const dvt_op *op, dvt_kernel_info *info, dvt_error *error) {
    const dvt_tensor *a = op->inputs[0], *b = op->inputs[1], *c = op->outputs[0];
    const dvt_gemm_element *element = dvt_gemm_element_of(c->dtype);
    const int32_t ndim = c->ndim;
    if (!element || ndim < 2 || ndim > MATMUL_AXES || a->ndim != ndim || b->ndim != ndim) {
        info->reason = "matmul takes operands of two or more axes and of one numeric type";
        return DVT_UNSUPPORTED;
    }
    if (dvt_nothing(op, info)) return DVT_OK;
    matmul_kernel *kernel = malloc(sizeof *kernel + (size_t)(ndim - 2) * sizeof(matmul_batch));
    if (!kernel)
        return dvt_set_error(error, DVT_OUT_OF_MEMORY, "matmul: no memory for a kernel's plan");
    int64_t m = c->shape[ndim - 2], n = c->shape[ndim - 1];
    const int64_t k = a->shape[ndim - 1];
    *kernel = (matmul_kernel){.element = element,
                              .a_row = a->strides[ndim - 2],
                              .a_k = a->strides[ndim - 1],
                              .b_k = b->strides[ndim - 2],
                              .b_n = b->strides[ndim - 1],
                              .c_row = c->strides[ndim - 2],
                              .c_n = c->strides[ndim - 1]};
    for (int32_t i = ndim - 3; i >= 0; i--)
        if (c->shape[i] != 1)
            kernel->batch[kernel->n_batch++] =
                (matmul_batch){c->shape[i], a->strides[i], b->strides[i], c->strides[i]};
    fold_batch(kernel, &m);
    /* Rows of C should be what lies side by side, and a matrix times a column is a row product. */
    if ((n == 1 && m > 1) || (kernel->c_n != 1 && kernel->c_row == 1 && m > 1 && n > 1)) {
        kernel->swapped = 1;
        swap(&m, &n);
        swap(&kernel->a_row, &kernel->b_n);
        swap(&kernel->a_k, &kernel->b_k);
        swap(&kernel->c_row, &kernel->c_n);
        for (uint32_t i = 0; i < kernel->n_batch; i++)
            swap(&kernel->batch[i].a, &kernel->batch[i].b);
    }
    uint64_t jobs = 1;
    for (uint32_t i = 0; i < kernel->n_batch; i++) jobs *= (uint64_t)kernel->batch[i].extent;
    const uint32_t threads = op->host ? op->host->n_threads : 1;
    const int buffered = !element->same || (kernel->c_n != 1 && n > 1);
    dvt_gemm_make_plan(&kernel->plan, element->type, m, n, k, jobs, buffered, threads);
    if (m == 1 && element->same && element->type == &dvt_gemm_f32)
        kernel->gemv = dvt_gemv_f32;
    else if (m == 1 && element->same && element->type == &dvt_gemm_f64)
        kernel->gemv = dvt_gemv_f64;
    info->cost_ns = kernel->plan.cost_ns;
    info->workspace_size = dvt_gemm_workspace(&kernel->plan);
    if (kernel->gemv) {
        /* Bound by memory: some 10 bytes in a nanosecond. */
        const double task_ns = 20 + (double)k * (double)(n < ROW_COLUMNS ? n : ROW_COLUMNS) *
                                        (double)element->size / 10;
        const double grain = 20000 / task_ns;
        kernel->gemv_grain = grain < 1 ? 1 : (uint64_t)grain;
        info->workspace_size = 0;
    }
    info->flags |= DVT_INFO_DETERMINISTIC;
    info->run = matmul_run;
    info->kernel = (dvt_kernel *)(void *)kernel;
    return DVT_OK;
}

static void matmul_destroy(dvt_kernel *kernel) {
    free(kernel);
}

const dvt_kernel_def dvt_cpu_matmul_rows[] = {{
    .op = "matmul",
    .types = "T=f32|f64|f16|bf16|i8|i16|i32|i64|u8|u16|u32|u64",
    .min_version = 1,
    .max_version = 1,
    .flags = DVT_KERNEL_STRIDED,
    .prepare = matmul_prepare,
    .destroy = matmul_destroy,
}};
const uint32_t dvt_cpu_matmul_count = 1;
