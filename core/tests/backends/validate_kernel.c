/* float32 add that breaks the rule that VALIDATE_FAULT names when it is loaded. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif
#include <fenv.h>
#include <locale.h>

#include "good.h"

/* As a library built with -ffast-math does when it is loaded. */
static void flush_denormals(void) {
#if defined(__x86_64__)
    _mm_setcsr(_mm_getcsr() | 0x8040);
#else
    fesetround(FE_UPWARD);
#endif
}

static char fault[40];

__attribute__((constructor)) static void choose(void) {
    const char *chosen = getenv("VALIDATE_FAULT");
    if (chosen != NULL) strncpy(fault, chosen, sizeof fault - 1);
    if (strcmp(fault, "loads with denormals flushed") == 0) flush_denormals();
}

static int is(const char *name) {
    return strcmp(fault, name) == 0;
}

static void add_range(void *context, uint64_t begin, uint64_t end, uint32_t worker) {
    const dvt_call *call = context;
    const float *x = dvt_tensor_data(call->inputs[0]), *y = dvt_tensor_data(call->inputs[1]);
    float *z = dvt_tensor_data(call->outputs[0]);
    (void)worker;
    for (uint64_t i = begin; i < end; i++) z[i] = x[i] + y[i];
    if (is("changes the shared mode")) flush_denormals();
}

static int64_t size_of(const dvt_tensor *t) {
    int64_t n = 1;
    for (int32_t d = 0; d < t->ndim; d++) n *= t->shape[d];
    return n;
}

/* Faults in what is written; the sum is right in every other place. */
static void write_wrongly(const dvt_call *call) {
    int64_t n = size_of(call->outputs[0]);
    float *x = dvt_tensor_data(call->inputs[0]), *z = dvt_tensor_data(call->outputs[0]);
    char *workspace = call->workspace;
    float before[3] = {z[n - 1], z[n - 2], z[1]};
    add(call, NULL);
    if (is("leaves elements")) z[n - 1] = before[0], z[n - 2] = before[1];
    if (is("leaves one element")) z[1] = before[2];
    if (is("writes past the end")) z[n] = 1;
    if (is("writes in front")) z[-1] = 1;
    if (is("reads past the end")) z[0] = ((volatile float *)x)[n];
    if (is("changes an input")) x[2] += 1;
    if (is("overruns its workspace")) workspace[101] = 1;
    if (is("overruns its workspace by far")) workspace[200] = 1;
    if (is("crashes")) *(volatile int *)16 = 1;
}

static const dvt_host *lender;
static char *kept[64];
static int n_kept;

static void call_wrongly(const dvt_call *call) {
    const dvt_host *host = call->host;
    char *data = host->host_alloc(host, 100, 0);
    lender = host;
    if (is("keeps host memory")) return;
    if (is("keeps host memory until the end")) {
        kept[n_kept++ % 64] = data;
        return;
    }
    if (is("overruns host memory")) data[100] = 1;
    host->host_free(host, data, is("frees another size") ? 99 : 100);
    if (is("frees twice")) host->host_free(host, data, 100);
}

static dvt_status fail_wrongly(const dvt_call *call, dvt_error *error) {
    if (is("fails without text")) return DVT_INTERNAL;
    if (is("fails with another code")) {
        dvt_set_error(error, DVT_IO, "the disk is full");
        return DVT_INTERNAL;
    }
    if (is("fails in latin1")) return dvt_set_error(error, DVT_INTERNAL, "zu hei\xDF");
    if (is("overruns the error")) {
        memset(error->message, 'a', sizeof error->message);
        error->code = DVT_INTERNAL;
        return DVT_INTERNAL;
    }
    if (is("carries another tag")) {
        error->tag = call->tag + 7;
        return dvt_set_error(error, DVT_INTERNAL, "the fan is loud");
    }
    if (is("returns an unknown status")) return dvt_set_error(error, -99, "new in 1.7");
    if (is("is pending")) return DVT_PENDING;
    if (is("refuses in run")) return DVT_UNSUPPORTED;
    return DVT_OK;
}

static dvt_status run(const dvt_call *call, dvt_error *error) {
    const dvt_host *host = call->host;
    write_wrongly(call);
    call_wrongly(call);
    if (is("changes the shared mode") || is("shares its work"))
        host->parallel_for(host, (uint64_t)size_of(call->outputs[0]), 1, add_range,
                           (void *)(uintptr_t)call);
    if (is("flushes denormals")) flush_denormals();
    if (is("rounds upwards")) fesetround(FE_UPWARD);
    if (is("sets the locale")) setlocale(LC_ALL, "C.UTF-8");
    return fail_wrongly(call, error);
}

static int kernels;

static void destroy(dvt_kernel *kernel) {
    (void)kernel;
    kernels--;
}

static dvt_status prepare(const dvt_op *op, dvt_kernel_info *info, dvt_error *error) {
    (void)error;
    (void)op;
    info->workspace_size = 100;
    info->kernel = (dvt_kernel *)(void *)&kernels;
    kernels++;
    if (is("aliases missing operands")) info->may_alias = 1 << 2;
    if (is("aligns to three")) info->workspace_alignment = 3;
    if (is("used tf32 unasked")) info->flags = DVT_INFO_USED_TF32;
    if (is("changes struct size")) info->struct_size = 8;
    if (is("overruns the info")) memset(info + 1, 0, 16);
    if (is("adds in place")) info->may_alias = 1;
    return DVT_OK;
}

static void shut_down(void) {
    while (n_kept > 0) lender->host_free(lender, kept[--n_kept], 100);
}

static const dvt_kernel_def rows[] = {{.op = "add",
                                       .types = "T=f32",
                                       .min_version = 1,
                                       .max_version = 1,
                                       .run = run,
                                       .prepare = prepare,
                                       .destroy = destroy}};
static const dvt_plugin plugin = {GOOD_PLUGIN(rows), .shutdown = shut_down};

QUERY {
    (void)host;
    DVT_PLUGIN_CHECK(host_min, host_max, 65536, error);
    return &plugin;
}
