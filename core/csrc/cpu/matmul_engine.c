/* Blocks, tasks and workspace of the product engine (matmul_engine.h). */
#include "matmul_engine.h"

static int64_t least(int64_t a, int64_t b) {
    return a < b ? a : b;
}
static int64_t up(int64_t a, int64_t step) {
    return (a + step - 1) / step * step;
}
static uint64_t bytes_up(uint64_t bytes) {
    return (bytes + 64 + 63) / 64 * 64;
}

const dvt_gemm_element *dvt_gemm_element_of(dvt_dtype dtype) {
    if (dtype.lanes != 1) return 0;
    if (dtype.code == DVT_BFLOAT) return dtype.bits == 16 ? &dvt_gemm_element_bf16 : 0;
    if (dtype.code == DVT_FLOAT)
        return dtype.bits == 32   ? &dvt_gemm_element_f32
               : dtype.bits == 64 ? &dvt_gemm_element_f64
               : dtype.bits == 16 ? &dvt_gemm_element_f16
                                  : 0;
    if (dtype.code != DVT_INT && dtype.code != DVT_UINT) return 0;
    return dtype.bits == 8    ? &dvt_gemm_element_u8
           : dtype.bits == 16 ? &dvt_gemm_element_u16
           : dtype.bits == 32 ? &dvt_gemm_element_u32
           : dtype.bits == 64 ? &dvt_gemm_element_u64
                              : 0;
}

/* Work below this many nanoseconds stays on the calling thread. */
#define WORTH_A_THREAD 20000.0
/* Packed columns of B that one thread keeps for itself, in bytes of a kc block. */
#define SKINNY_BYTES 131072
#define SHARED_ELEMENTS 8388608

void dvt_gemm_make_plan(dvt_gemm_plan *plan, const dvt_gemm_type *type, int64_t m, int64_t n,
                        int64_t k, uint64_t jobs, int buffered, uint32_t threads) {
    const double job_ns = (double)m * (double)n * (double)k / type->flops_ns + 20;
    const int64_t kc = least(k, type->kc);
    *plan = (dvt_gemm_plan){.type = type,
                            .m = m,
                            .n = n,
                            .k = k,
                            .jobs = jobs,
                            .buffered = buffered,
                            .threads = threads ? threads : 1};
    plan->joint = plan->threads > 1 && jobs < plan->threads && m > 2 * type->mr &&
                  job_ns > 4 * WORTH_A_THREAD;
    plan->m_step = buffered || plan->joint ? least(type->mc, up(m, type->mr)) : m;
    plan->n_step = least(up(n, type->nr), buffered ? 256 : 4096);
    if (plan->joint) {
        int64_t most = SHARED_ELEMENTS / (k ? k : 1) / type->nr * type->nr;
        plan->n_block = least(up(n, type->nr), most < 256 ? 256 : most);
        /* Two tasks a thread even out threads that are disturbed. */
        int64_t rows = (m + plan->m_step - 1) / plan->m_step, want = 2 * (int64_t)plan->threads;
        int64_t parts = (want + rows - 1) / rows;
        plan->n_step = least(plan->n_step, up((plan->n_block + parts - 1) / parts, type->nr));
        while (rows < want && plan->m_step > 2 * type->mr) {
            plan->m_step = up(plan->m_step / 2, type->mr);
            rows = (m + plan->m_step - 1) / plan->m_step;
        }
    } else if (m <= 2 * type->mr) {
        int64_t narrow = SKINNY_BYTES / (kc ? kc : 1) / type->size / type->nr * type->nr;
        plan->n_step = least(plan->n_step, narrow < type->nr ? type->nr : narrow);
    } else if (jobs < plan->threads && job_ns > WORTH_A_THREAD) {
        int64_t part = up((n + plan->threads - 1) / plan->threads, type->nr);
        plan->n_step = least(plan->n_step, part);
    }
    if (plan->joint)
        plan->shared_bytes = bytes_up((uint64_t)(k * up(plan->n_block, type->nr) * type->size));
    else
        plan->b_bytes = bytes_up((uint64_t)(kc * plan->n_step * type->size));
    plan->a_bytes = bytes_up((uint64_t)(kc * up(least(m, type->mc), type->mr) * type->size));
    if (buffered) plan->c_bytes = bytes_up((uint64_t)(plan->m_step * plan->n_step * type->size));
    double tasks = (double)((n + plan->n_step - 1) / plan->n_step);
    if (!plan->joint) tasks *= (double)((m + plan->m_step - 1) / plan->m_step);
    double grain = WORTH_A_THREAD / (job_ns / tasks);
    plan->grain = grain < 1 ? 1 : grain > 1e9 ? 1000000000 : (uint64_t)grain;
    double cost = job_ns * (double)jobs;
    if (cost > WORTH_A_THREAD) cost = cost / plan->threads + 2000;
    plan->cost_ns = cost > 1e18 ? (uint64_t)1e18 : (uint64_t)cost;
}

uint64_t dvt_gemm_workspace(const dvt_gemm_plan *plan) {
    return plan->shared_bytes + plan->threads * (plan->a_bytes + plan->b_bytes + plan->c_bytes);
}

typedef struct dvt_gemm_work {
    const dvt_gemm_plan *plan;
    dvt_gemm_fill_fn fill;
    const void *context;
    char *workspace;
    const dvt_gemm *gemm;    /* joint: the product at hand */
    int64_t column, columns; /* joint: the columns of B that are packed */
} dvt_gemm_work;

/* A in place costs more per use than packed, and saves the packing: good for few uses. */
static int in_place(const dvt_gemm_plan *plan, const dvt_gemm_source *a) {
    return a->plain && (plan->n <= 4 * plan->type->nr || plan->m <= plan->type->mr ||
                        plan->m * plan->k * plan->type->size <= 32768);
}

/* C block (+)= rows of A times packed columns of B, over k steps from k0. b_in_place: B's own
 * memory serves for every panel of nr columns that is complete. */
typedef struct dvt_gemm_block {
    const char *a;
    int64_t a_row, a_k, a_panel; /* a_panel: from mr rows to the next, in elements */
    const char *b, *b_place;
    int64_t b_place_k;
    char *c;
    int64_t c_row;
    int64_t rows, columns, k;
    int padded; /* the block of C has room for complete tiles */
    int accumulate;
} dvt_gemm_block;

static void multiply(const dvt_gemm_type *type, const dvt_gemm_block *x) {
    _Alignas(64) char spare[DVT_GEMM_TILE_BYTES];
    for (int64_t j = 0; j < x->columns; j += type->nr) {
        const int complete = x->columns - j >= type->nr;
        const int place = x->b_place && complete;
        const char *b = place ? x->b_place + j * type->size : x->b + j * x->k * type->size;
        const int64_t b_k = place ? x->b_place_k : type->nr;
        for (int64_t i = 0; i < x->rows; i += type->mr) {
            const int rows = (int)least(type->mr, x->rows - i);
            const char *a = x->a + i / type->mr * x->a_panel * type->size;
            char *c = x->c + (i * x->c_row + j) * type->size;
            if (complete || x->padded) {
                type->tile(rows, x->k, a, x->a_row, x->a_k, b, b_k, c, x->c_row, x->accumulate);
            } else {
                type->tile(rows, x->k, a, x->a_row, x->a_k, b, b_k, spare, type->nr, 0);
                type->edge(rows, (int)(x->columns - j), spare, c, x->c_row, x->accumulate);
            }
        }
    }
}

/* Rows [row, row + rows) and columns [column, column + columns) of one product. `packed`: B's
 * panels of all k, packed before; null: packed here. */
static void block(const dvt_gemm_plan *plan, const dvt_gemm *g, int64_t row, int64_t rows,
                  int64_t column, int64_t columns, const char *packed, int64_t packed_columns,
                  int64_t packed_first, char *mine) {
    const dvt_gemm_type *type = plan->type;
    const int buffered = g->c.store != 0, direct = in_place(plan, &g->a);
    char *a_panels = mine, *b_panels = mine + plan->a_bytes;
    char *buffer = b_panels + plan->b_bytes;
    const int b_direct = !packed && g->b.plain && g->b.item == 1 &&
                         (rows <= type->mr || plan->k * columns * type->size <= 32768);
    dvt_gemm_block x = {.columns = columns, .padded = buffered};
    for (int64_t k0 = 0; k0 < plan->k; k0 += type->kc) {
        x.k = least(type->kc, plan->k - k0);
        x.accumulate = k0 > 0;
        if (packed) {
            x.b = packed +
                  (k0 * up(packed_columns, type->nr) + (column - packed_first) * x.k) * type->size;
        } else {
            int64_t skip = b_direct ? columns / type->nr * type->nr : 0;
            if (b_direct) {
                x.b_place = (const char *)g->b.data + (column + k0 * g->b.depth) * type->size;
                x.b_place_k = g->b.depth;
            }
            x.b = b_panels;
            if (skip < columns)
                g->b.pack(&g->b, column + skip, columns - skip, k0, x.k, (int)type->nr,
                          b_panels + skip * x.k * type->size);
        }
        for (int64_t i = row; i < row + rows; i += type->mc) {
            x.rows = least(type->mc, row + rows - i);
            if (direct) {
                x.a = (const char *)g->a.data + (i * g->a.item + k0 * g->a.depth) * type->size;
                x.a_row = g->a.item;
                x.a_k = g->a.depth;
                x.a_panel = type->mr * g->a.item;
            } else {
                g->a.pack(&g->a, i, x.rows, k0, x.k, (int)type->mr, a_panels);
                x.a = a_panels;
                x.a_row = 1;
                x.a_k = type->mr;
                x.a_panel = type->mr * x.k;
            }
            if (buffered) {
                x.c = buffer;
                x.c_row = plan->n_step;
            } else {
                x.c = (char *)g->c.data + (i * g->c.row + column) * type->size;
                x.c_row = g->c.row;
            }
            multiply(type, &x);
        }
    }
    if (buffered) {
        if (plan->k == 0) type->zero(buffer, rows * plan->n_step);
        g->c.store(&g->c, row, rows, column, columns, buffer, plan->n_step);
    } else if (plan->k == 0) {
        for (int64_t i = row; i < row + rows; i++)
            type->zero((char *)g->c.data + (i * g->c.row + column) * type->size, columns);
    }
}

static char *part(const dvt_gemm_work *work, uint32_t worker) {
    const dvt_gemm_plan *plan = work->plan;
    return work->workspace + plan->shared_bytes +
           worker * (plan->a_bytes + plan->b_bytes + plan->c_bytes);
}

static void separate_tasks(void *context, uint64_t begin, uint64_t end, uint32_t worker) {
    const dvt_gemm_work *work = context;
    const dvt_gemm_plan *plan = work->plan;
    const uint64_t across = (uint64_t)((plan->n + plan->n_step - 1) / plan->n_step);
    const uint64_t down = (uint64_t)((plan->m + plan->m_step - 1) / plan->m_step);
    dvt_gemm gemm;
    for (uint64_t task = begin; task < end; task++) {
        uint64_t job = task / (across * down), rest = task % (across * down);
        int64_t row = (int64_t)(rest / across) * plan->m_step;
        int64_t column = (int64_t)(rest % across) * plan->n_step;
        if (task == begin || rest == 0) work->fill(work->context, job, &gemm);
        block(plan, &gemm, row, least(plan->m_step, plan->m - row), column,
              least(plan->n_step, plan->n - column), 0, 0, 0, part(work, worker));
    }
}

/* One task packs nr columns for one block of k. */
static void pack_tasks(void *context, uint64_t begin, uint64_t end, uint32_t worker) {
    const dvt_gemm_work *work = context;
    const dvt_gemm_plan *plan = work->plan;
    const dvt_gemm_type *type = plan->type;
    const int64_t panels = up(work->columns, type->nr) / type->nr;
    (void)worker;
    for (int64_t task = (int64_t)begin, next; task < (int64_t)end; task = next) {
        int64_t k0 = task / panels * type->kc, k = least(type->kc, plan->k - k0);
        next = least((int64_t)end, (task / panels + 1) * panels);
        int64_t j = task % panels * type->nr;
        int64_t count = least(work->columns - j, (next - task) * type->nr);
        char *to = work->workspace + (k0 * panels * type->nr + j * k) * type->size;
        work->gemm->b.pack(&work->gemm->b, work->column + j, count, k0, k, (int)type->nr, to);
    }
}

static void joint_tasks(void *context, uint64_t begin, uint64_t end, uint32_t worker) {
    const dvt_gemm_work *work = context;
    const dvt_gemm_plan *plan = work->plan;
    const uint64_t across = (uint64_t)((work->columns + plan->n_step - 1) / plan->n_step);
    for (uint64_t task = begin; task < end; task++) {
        int64_t row = (int64_t)(task / across) * plan->m_step;
        int64_t column = (int64_t)(task % across) * plan->n_step;
        block(plan, work->gemm, row, least(plan->m_step, plan->m - row), work->column + column,
              least(plan->n_step, work->columns - column), work->workspace, work->columns,
              work->column, part(work, worker));
    }
}

void dvt_gemm_run(const dvt_gemm_plan *plan, const dvt_host *host, dvt_gemm_fill_fn fill,
                  const void *context, void *workspace) {
    dvt_gemm_work work = {.plan = plan, .fill = fill, .context = context, .workspace = workspace};
    const uint64_t down = (uint64_t)((plan->m + plan->m_step - 1) / plan->m_step);
    if (!plan->joint) {
        uint64_t n = plan->jobs * down * (uint64_t)((plan->n + plan->n_step - 1) / plan->n_step);
        if (n <= plan->grain || plan->threads == 1)
            separate_tasks(&work, 0, n, 0);
        else
            host->parallel_for(host, n, plan->grain, separate_tasks, &work);
        return;
    }
    const dvt_gemm_type *type = plan->type;
    const uint64_t blocks = (uint64_t)((plan->k + type->kc - 1) / type->kc);
    for (uint64_t job = 0; job < plan->jobs; job++) {
        dvt_gemm gemm;
        fill(context, job, &gemm);
        work.gemm = &gemm;
        for (int64_t j = 0; j < plan->n; j += plan->n_block) {
            work.column = j;
            work.columns = least(plan->n_block, plan->n - j);
            uint64_t panels = (uint64_t)(up(work.columns, type->nr) / type->nr);
            host->parallel_for(host, blocks * panels, 8, pack_tasks, &work);
            uint64_t across = (uint64_t)((work.columns + plan->n_step - 1) / plan->n_step);
            host->parallel_for(host, down * across, 1, joint_tasks, &work);
        }
    }
}
