/* Kernel rows: prepare, run and destroy. */
#include "validate_call.h"
#include "validate_order.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define MOST_KEEPING 32

typedef struct kernel {
    dvv_handle handle;
    dvt_run_fn run;
    dvf_destroy_fn destroy;
    dvv_promise promise;
    char op[48];
    _Atomic uint32_t keeping; /* runs, one after the other, that kept host memory */
} kernel;

static void forget(dvv_handle *handle) {
    dvv_promise_clear(&((kernel *)handle)->promise);
}

/* ---- prepare ------------------------------------------------------------------------------------- */

static void check_attrs(dvv_frame *f, const dvt_attr *attrs, uint32_t n) {
    if (n > 0 && attrs == NULL) dvv_blame_host(f, "it has %u attributes, but attrs is null", n);
    for (uint32_t i = 0; attrs != NULL && i < n; i++) {
        const dvt_attr *a = &attrs[i];
        if (a->name == NULL || a->kind < DVT_ATTR_INT64 || a->kind > DVT_ATTR_GRAPH)
            dvv_blame_host(f, "attribute %u has no name or no known kind", i);
        else if ((a->count > 0 && a->values == NULL) || (!a->is_list && a->count != 1))
            dvv_blame_host(f, "attribute %s has %" PRIu64 " values, is %s and points to %p",
                           a->name, a->count, a->is_list ? "a list" : "a scalar", a->values);
    }
}

static bool check_specs(dvv_frame *f, const char *role, const dvt_tensor *const *specs, uint32_t n,
                        bool strided) {
    for (uint32_t i = 0; i < n; i++) {
        dvv_span span;
        dvv_count(f->layer, DVV_VIEWS);
        if (specs == NULL || specs[i] == NULL || !dvv_measure(specs[i], &span)) {
            dvv_blame_host(f, "the spec of %s %u is null or no possible view", role, i);
            return false;
        }
        if (!strided && !span.contiguous) {
            dvv_blame_host(f,
                           "the spec of %s %u is not contiguous, but the row does not set "
                           "DVT_KERNEL_STRIDED",
                           role, i);
            return false;
        }
    }
    return true;
}

static bool check_op(dvv_frame *f, const dvt_op *op, const dvt_kernel_def *row) {
    dvv_check_desc(f, "dvt_op", op->struct_size, sizeof *op, op->ext);
    if (op->name == NULL || strcmp(op->name, row->op) != 0)
        dvv_blame_host(f, "a row of op %s is asked about %s", row->op,
                       op->name != NULL ? op->name : "(null)");
    else if (op->version < row->min_version || op->version > row->max_version)
        dvv_blame_host(f, "the row takes versions %u to %u, and is asked about %u",
                       row->min_version, row->max_version, op->version);
    check_attrs(f, op->attrs, op->n_attrs);
    bool strided = (row->flags & DVT_KERNEL_STRIDED) != 0;
    return check_specs(f, "input", op->inputs, op->n_inputs, strided) &&
           check_specs(f, "output", op->outputs, op->n_outputs, strided) &&
           atomic_load(&f->found) == 0;
}

/* Bits of may_alias that name no operand. */
uint64_t dvv_alias_strays(uint64_t may_alias, uint32_t n_inputs, uint32_t n_outputs) {
    uint64_t good = 0;
    for (uint32_t o = 0; o < 8 && o < n_outputs; o++)
        for (uint32_t i = 0; i < 8 && i < n_inputs; i++) good |= UINT64_C(1) << (8 * o + i);
    return may_alias & ~good;
}

static void check_info(dvv_frame *f, const dvt_op *op, const dvt_kernel_info *info) {
    uint64_t strays = dvv_alias_strays(info->may_alias, op->n_inputs, op->n_outputs);
    if (info->run == NULL) dvv_blame_plugin(f, "it said OK and gave no function to run");
    if (info->workspace_alignment != 0 && !dvv_power_of_two(info->workspace_alignment))
        dvv_blame_plugin(f, "its workspace_alignment is %" PRIu64 ", which is no power of two",
                         info->workspace_alignment);
    if (info->workspace_size > (uint64_t)1 << 56)
        dvv_blame_plugin(f, "it asks for a workspace of %" PRIu64 " bytes", info->workspace_size);
    if (strays != 0)
        dvv_blame_plugin(f,
                         "its may_alias is 0x%" PRIx64
                         ", which names operands that the op lacks: it "
                         "has %u inputs and %u outputs",
                         info->may_alias, op->n_inputs, op->n_outputs);
    if ((info->flags & DVT_INFO_USED_TF32) && !(op->flags & DVT_MATH_ALLOW_TF32))
        dvv_blame_plugin(f, "it says that it used tf32, which the host did not allow");
    if ((info->flags & DVT_INFO_USED_REDUCED_ACCUMULATION) &&
        !(op->flags & DVT_MATH_ALLOW_REDUCED_ACCUMULATION))
        dvv_blame_plugin(f, "it says that it accumulated in 16 bits, which the host did not allow");
    if ((op->flags & DVT_MATH_DETERMINISTIC) && !(info->flags & DVT_INFO_DETERMINISTIC))
        dvv_blame_plugin(f,
                         "the host asked for a deterministic kernel, and it gave one that does not "
                         "say so; answer UNSUPPORTED instead");
}

static dvt_status run(const dvt_call *call, dvt_error *error);
static void destroy(dvt_kernel *handle);

/* Whatever goes wrong after prepare said OK, its kernel goes back. */
static void discard(dvf_destroy_fn destroy_kernel, dvt_kernel *made) {
    if (made != NULL && destroy_kernel != NULL) destroy_kernel(made);
}

static dvt_status prepare(dvv_frame *f, uint32_t row, const dvt_op *op, dvt_kernel_info *info,
                          dvf_destroy_fn *destroyer) {
    dvv_layer *v = f->layer;
    const dvt_kernel_def *def = &v->below.kernels[row];
    dvt_op inner = *op;
    struct {
        dvt_kernel_info info;
        uint8_t tail[DVV_TAIL];
    } answer = {.info = *info};
    dvv_device *device = NULL;
    if (op->device != NULL || v->below.has_device) {
        device = dvv_use(f, op->device, DVV_DEVICE, DVV_SHARED);
        if (device == NULL) return DVT_INTERNAL;
        inner.device = device->handle.below;
    }
    if (info->struct_size != sizeof *info)
        dvv_blame_host(f, "dvt_kernel_info has struct_size %u instead of %zu", info->struct_size,
                       sizeof *info);
    if (!check_op(f, op, def)) return DVT_INTERNAL;
    inner.host = &v->down;
    dvv_tail_set(answer.tail);
    dvf_destroy_fn below = NULL;
    dvv_calling(f);
    dvt_status status =
        v->below.prepare_row(&v->below, row, &inner, &answer.info, &below, &f->error);
    dvv_tail_check(f, "dvt_kernel_info", answer.tail, answer.info.struct_size, sizeof answer.info);
    if (answer.info.reason != NULL && !dvv_is_utf8(answer.info.reason, 4096, NULL))
        dvv_blame_plugin(f, "its reason is no UTF-8 text of at most 4096 bytes");
    *info = answer.info;
    info->struct_size = sizeof *info;
    if (status != DVT_OK) return status;
    check_info(f, op, &answer.info);
    if (atomic_load(&f->found) != 0) {
        discard(below, answer.info.kernel);
        return DVT_INTERNAL;
    }
    kernel *k = dvv_handle_new(sizeof *k, DVV_KERNEL, v, answer.info.kernel,
                               device != NULL ? &device->handle : NULL);
    if (k == NULL) {
        discard(below, answer.info.kernel);
        return dvt_set_error(&f->error, DVT_OUT_OF_MEMORY, "validation: no memory for a kernel");
    }
    k->handle.forget = forget;
    k->run = answer.info.run;
    k->destroy = below;
    strncpy(k->op, op->name, sizeof k->op - 1);
    k->promise = (dvv_promise){.n_attrs = op->n_attrs,
                               .row_flags = def->flags,
                               .host_inputs = def->host_inputs,
                               .may_alias = answer.info.may_alias,
                               .workspace_size = answer.info.workspace_size,
                               .workspace_alignment = answer.info.workspace_alignment};
    info->run = run;
    info->kernel = (dvt_kernel *)(void *)k;
    *destroyer = destroy;
    if (!dvv_promise_specs(&k->promise, op->inputs, op->n_inputs, op->outputs, op->n_outputs)) {
        destroy(info->kernel);
        return dvt_set_error(&f->error, DVT_OUT_OF_MEMORY, "validation: no memory for a kernel");
    }
    return DVT_OK;
}

dvt_status dvv_prepare_row(dvf_plugin *plugin, uint32_t row, const dvt_op *op,
                           dvt_kernel_info *info, dvf_destroy_fn *destroyer, dvt_error *error) {
    dvv_frame f;
    dvv_layer *v = dvv_layer_of(plugin->host);
    dvv_open(&f, v, "prepare", op->name, error);
    dvt_status status = DVT_INTERNAL;
    *destroyer = NULL;
    if (v == NULL || row >= v->below.n_kernels)
        dvv_blame_host(&f, "row %u is asked for, which the plugin lacks, or with a wrong host",
                       row);
    else if (op->host != &v->up)
        dvv_blame_host(&f, "dvt_op.host is not the host table of this plugin");
    else
        status = prepare(&f, row, op, info, destroyer);
    return dvv_close(&f, status, DVV_MAY_REFUSE | DVV_MAKES);
}

/* ---- run ----------------------------------------------------------------------------------------- */

static dvt_status invoke_run(const void *target, const dvt_call *call, dvt_error *error) {
    return ((const kernel *)target)->run(call, error);
}

/* A kernel may keep what it took at its first run; one that does so every time is leaking. */
static void check_keeping(dvv_frame *f, kernel *k) {
    if (atomic_load(&f->loans) <= 0) {
        atomic_store(&k->keeping, 0);
    } else if (atomic_fetch_add(&k->keeping, 1) + 1 == MOST_KEEPING) {
        dvv_blame_plugin(f, "each of its last %d runs took host memory and kept it", MOST_KEEPING);
    }
}

static dvt_status run(const dvt_call *call, dvt_error *error) {
    dvv_frame f;
    kernel *k = dvv_open_by(&f, "run", call->kernel, DVV_KERNEL, DVV_SHARED, error);
    if (k == NULL) return dvv_close(&f, DVT_INTERNAL, 0);
    f.op = k->op;
    f.tag = call->tag;
    dvv_layer *v = f.layer;
    dvt_call inner = *call;
    dvv_device *device = NULL;
    dvv_stream *stream = NULL;
    inner.kernel = k->handle.below;
    inner.host = &v->down;
    if (call->host != &v->up)
        dvv_blame_host(&f, "dvt_call.host is not the host table of this plugin");
    if (call->device != NULL || v->below.has_device) {
        device = dvv_use(&f, call->device, DVV_DEVICE, DVV_SHARED);
        if (device == NULL) return dvv_close(&f, DVT_INTERNAL, 0);
        inner.device = device->handle.below;
    }
    if (k->handle.device != (device != NULL ? &device->handle : NULL))
        dvv_blame_host(&f, "it was prepared for another device than it is run on");
    if (!dvv_use_stream(&f, call->stream, device, &stream)) return dvv_close(&f, DVT_INTERNAL, 0);
    inner.stream = stream != NULL ? stream->handle.below : NULL;
    dvt_status status = DVT_INTERNAL;
    if (dvv_check_call(&f, &k->promise, call, device) && dvv_order_call(&f, call, device, stream)) {
        const char *label = device != NULL ? device->label : v->below.table.name;
        bool on_host = dvv_on_host(device) || (k->promise.row_flags & DVT_KERNEL_ON_HOST);
        if (on_host && stream == NULL) {
            status = dvv_run_guarded(&f, &k->promise, &inner, label, invoke_run, k);
        } else {
            dvv_calling(&f);
            status = k->run(&inner, &f.error);
        }
        check_keeping(&f, k);
    }
    return dvv_close(&f, status, 0);
}

static void destroy(dvt_kernel *handle) {
    dvv_frame f;
    kernel *k = dvv_open_by(&f, "destroy", handle, DVV_KERNEL, DVV_LAST, NULL);
    if (k != NULL) {
        f.op = k->op;
        if (k->destroy != NULL && k->handle.below != NULL) {
            dvv_calling(&f);
            k->destroy(k->handle.below);
        }
    }
    dvv_close_void(&f);
}
