/* Kernels of a device with memory of its own that want operands in host memory: those that host_inputs
 * names, or all of them and the results (DVT_KERNEL_ON_HOST). Called eagerly, they get copies here; in
 * plans the copies are steps (plan_builder.py). */
#include <stdlib.h>
#include <string.h>

#include "cache.h"
#include "transfer.h"

/* A contiguous view in host memory of its own; its strides lie behind the data. */
typedef struct host_copy {
    dvt_tensor view;
    uint64_t size;
} host_copy;

static bool make(const dvt_tensor *like, host_copy *made, const dvt_host *host) {
    uint64_t bytes = (dvf_view_bytes(like) + 63) / 64 * 64;
    made->size = bytes + (uint64_t)like->ndim * sizeof(int64_t) + 8;
    made->view = *like;
    made->view.data = host->host_alloc(host, made->size, 64);
    if (made->view.data == NULL) {
        PyErr_NoMemory();
        return false;
    }
    made->view.byte_offset = 0;
    made->view.place = (dvt_place){DVT_PLACE_CPU, 0};
    made->view.strides = (int64_t *)(void *)((char *)made->view.data + bytes);
    dvf_row_strides(like, made->view.strides);
    return true;
}

/* A kernel on the host is done with its copies; one on the device may have work enqueued that reads
 * them. */
static void give_back(dvf_kernel *k, const host_copy *copy) {
    const dvt_host *host = k->device->plugin->host;
    if (k->row_flags & DVT_KERNEL_ON_HOST)
        host->host_free(host, copy->view.data, copy->size);
    else
        dvf_keep_host_memory(k->device, copy->view.data, copy->size);
}

/* Host copies of the inputs it wants there; the call then points to them. */
static bool bring(dvf_kernel *k, const dvt_tensor **views, uint32_t n, host_copy *copies) {
    for (uint32_t i = 0; i < n; i++) {
        if (!dvf_reads_host(k, i)) continue;
        if (!make(views[i], &copies[i], k->device->plugin->host)) return false;
        if (dvf_view_bytes(views[i]) > 0 &&
            dvf_copy_or_raise(views[i], k->device, &copies[i].view, NULL,
                              "copy of an operand to the host") < 0)
            return false;
        views[i] = &copies[i].view;
    }
    return true;
}

/* Run on host memory alone: synchronous, with a workspace there. */
static int run_on_host(dvf_kernel *k, dvt_call *call, const dvt_tensor **outputs,
                       host_copy *copies) {
    const dvt_host *host = k->device->plugin->host;
    const dvt_tensor *targets[DVF_MAX_RESULTS];
    for (uint32_t i = 0; i < call->n_outputs; i++) {
        targets[i] = outputs[i];
        if (!make(targets[i], &copies[i], host)) return -1;
        outputs[i] = &copies[i].view;
    }
    if (k->workspace_size > 0) {
        call->workspace_size = k->workspace_size;
        call->workspace = host->host_alloc(host, k->workspace_size, k->workspace_alignment);
        if (call->workspace == NULL) {
            PyErr_NoMemory();
            return -1;
        }
    }
    int result = dvf_kernel_call(k, call);
    if (call->workspace != NULL) host->host_free(host, call->workspace, k->workspace_size);
    for (uint32_t i = 0; result == 0 && i < call->n_outputs; i++)
        if (dvf_view_bytes(targets[i]) > 0)
            result = dvf_copy_or_raise(&copies[i].view, NULL, targets[i], k->device,
                                       "copy of a result from the host");
    return result;
}

/* Enqueue on the device; what the host copies hold may be read until the work is done. */
static int run_on_device(dvf_kernel *k, dvt_call *call) {
    dvf_device *d = k->device;
    dvf_buffer *workspace;
    if (dvf_take_workspace(k, call, &workspace) < 0) return -1;
    call->stream = d->stream;
    call->tag = dvf_remember_op(d, k->op_name);
    int result = dvf_kernel_call(k, call);
    if (workspace != NULL) dvf_release(workspace);
    return result;
}

int dvf_launch_hosted(dvf_kernel *k, dvt_call *call) {
    uint32_t n = call->n_inputs + call->n_outputs;
    const dvt_tensor **views = calloc(n + 1, sizeof *views);
    host_copy *copies = calloc(n + 1, sizeof *copies);
    int result = -1;
    if (views == NULL || copies == NULL) {
        PyErr_NoMemory();
        goto done;
    }
    memcpy(views, call->inputs, call->n_inputs * sizeof *views);
    memcpy(views + call->n_inputs, call->outputs, call->n_outputs * sizeof *views);
    call->inputs = views;
    call->outputs = views + call->n_inputs;
    if (!bring(k, views, call->n_inputs, copies)) goto done;
    result = k->row_flags & DVT_KERNEL_ON_HOST
                 ? run_on_host(k, call, views + call->n_inputs, copies + call->n_inputs)
                 : run_on_device(k, call);
done:
    for (uint32_t i = 0; copies != NULL && i < n; i++)
        if (copies[i].view.data != NULL) give_back(k, &copies[i]);
    free(copies);
    free(views);
    return result;
}
