/* The graph table: partition, compile, execute, destroy, save, load. */
#include "validate_call.h"
#include "validate_graph_check.h"
#include "validate_order.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

typedef struct executable {
    dvv_handle handle;
    dvv_promise promise;
    bool known; /* compiled here: its operands are known; loaded ones are judged by less */
    bool concurrent;
} executable;

static void forget(dvv_handle *handle) {
    dvv_promise_clear(&((executable *)handle)->promise);
}

/* The descriptor with the plugin's own device handles in `devices`. */
static bool take_desc(dvv_frame *f, const dvt_compile_desc *desc, dvt_compile_desc *inner,
                      dvt_device **below, dvv_device **device) {
    dvv_layer *v = f->layer;
    *device = NULL;
    *below = NULL;
    dvv_check_desc(f, "dvt_compile_desc", desc->struct_size, sizeof *desc, desc->ext);
    if (desc->n_devices != 1 || desc->devices == NULL) {
        dvv_blame_host(f, "dvt_compile_desc names %u devices; in 1.x it is one", desc->n_devices);
        return false;
    }
    if (desc->devices[0] != NULL || v->below.has_device) {
        *device = dvv_use(f, desc->devices[0], DVV_DEVICE, DVV_SHARED);
        if (*device == NULL) return false;
        *below = (*device)->handle.below;
    }
    *inner = *desc;
    inner->host = &v->down;
    inner->devices = below;
    return dvv_check_graph(f, desc->graph);
}

/* ---- partition ------------------------------------------------------------------------------------- */

#define UNTOUCHED 0x5A5A5A5Au

/* The plugin writes into rows of ours, with one more behind them that it must leave alone. */
static dvt_status partition_below(dvv_frame *f, const dvt_compile_desc *inner, uint32_t n,
                                  dvt_claim *const *claims) {
    dvt_claim *rows = calloc((size_t)n + 1, sizeof *rows);
    dvt_claim **pointers = calloc((size_t)n + 1, sizeof *pointers);
    dvt_status status =
        dvt_set_error(&f->error, DVT_OUT_OF_MEMORY, "validation: no memory for claims");
    if (rows == NULL || pointers == NULL) goto done;
    for (uint32_t i = 0; i <= n; i++) {
        rows[i].struct_size = sizeof *rows;
        pointers[i] = &rows[i];
    }
    rows[n] = (dvt_claim){.struct_size = UNTOUCHED, .group = UNTOUCHED, .reserved = UNTOUCHED};
    f->error.message[0] = '\0';
    dvv_calling(f);
    status = f->layer->below.graph.partition(inner, pointers, &f->error);
    if (rows[n].struct_size != UNTOUCHED || rows[n].group != UNTOUCHED || rows[n].reason != NULL)
        dvv_blame_plugin(f, "it wrote a claim behind the last of the graph's %u nodes", n);
    for (uint32_t i = 0; i < n; i++) {
        if (rows[i].struct_size != sizeof *rows)
            dvv_blame_plugin(f, "it changed struct_size of claim %u to %u", i, rows[i].struct_size);
        if (rows[i].reason != NULL && !dvv_is_utf8(rows[i].reason, 4096, NULL))
            dvv_blame_plugin(f, "the reason of claim %u is no UTF-8 text of at most 4096 bytes", i);
        if (status != DVT_OK && rows[i].group != 0)
            dvv_blame_plugin(f, "it claimed node %u, but returned %d", i, (int)status);
        claims[i]->group = rows[i].group;
        claims[i]->reason = rows[i].reason;
    }
done:
    free(rows);
    free(pointers);
    return status;
}

static dvt_status partition(const dvt_compile_desc *desc, dvt_claim *const *claims,
                            dvt_error *error) {
    dvv_frame f;
    dvt_compile_desc inner;
    dvt_device *below;
    dvv_device *device;
    dvv_layer *v = dvv_layer_of(desc->host);
    dvv_open(&f, v, "partition", NULL, error);
    dvt_status status = DVT_INTERNAL;
    if (v == NULL)
        dvv_blame_host(&f, "dvt_compile_desc.host is not the host table of this plugin");
    else if (take_desc(&f, desc, &inner, &below, &device))
        status = partition_below(&f, &inner, desc->graph->n_nodes, claims);
    return dvv_close(&f, status, DVV_MAY_REFUSE);
}

/* ---- compile and load ------------------------------------------------------------------------------ */

typedef struct info_and_tail {
    dvt_executable_info info;
    uint8_t tail[DVV_TAIL];
} info_and_tail;

static void ready(dvv_frame *f, const dvt_executable_info *given, info_and_tail *answer) {
    if (given->struct_size != sizeof *given)
        dvv_blame_host(f, "dvt_executable_info has struct_size %u instead of %zu",
                       given->struct_size, sizeof *given);
    answer->info = *given;
    dvv_tail_set(answer->tail);
}

static void check_info(dvv_frame *f, const dvt_executable_info *info, const dvt_graph *graph) {
    if (info->workspace_alignment != 0 && !dvv_power_of_two(info->workspace_alignment))
        dvv_blame_plugin(f, "its workspace_alignment is %" PRIu64 ", which is no power of two",
                         info->workspace_alignment);
    if (info->workspace_size > (uint64_t)1 << 56)
        dvv_blame_plugin(f, "it asks for a workspace of %" PRIu64 " bytes", info->workspace_size);
    if (graph != NULL && dvv_alias_strays(info->may_alias, graph->n_inputs, graph->n_outputs) != 0)
        dvv_blame_plugin(f,
                         "its may_alias is 0x%" PRIx64
                         ", which names operands that the graph lacks: "
                         "it has %u inputs and %u outputs",
                         info->may_alias, graph->n_inputs, graph->n_outputs);
    if (info->description != NULL && !dvv_is_utf8(info->description, 65536, NULL))
        dvv_blame_plugin(f, "its description is no UTF-8 text");
}

/* Specs of the graph's borders, as views. */
static bool promise_graph(dvv_promise *p, const dvt_graph *g) {
    size_t n = (size_t)g->n_inputs + g->n_outputs;
    const dvt_tensor **specs = calloc(n + 1, sizeof *specs);
    if (specs == NULL) return false;
    for (uint32_t i = 0; i < g->n_inputs; i++) specs[i] = &g->values[g->inputs[i]]->spec;
    for (uint32_t i = 0; i < g->n_outputs; i++)
        specs[g->n_inputs + i] = &g->values[g->outputs[i]]->spec;
    bool good = dvv_promise_specs(p, specs, g->n_inputs, specs + g->n_inputs, g->n_outputs);
    free(specs);
    return good;
}

/* What compile and load have in common: judge the answer and wrap the handle. */
static dvt_status finish(dvv_frame *f, dvt_status status, const dvt_graph *graph,
                         dvv_device *device, dvt_executable *below, info_and_tail *answer,
                         dvt_executable **out, dvt_executable_info *info) {
    const dvt_graph_api *api = &f->layer->below.graph;
    dvv_tail_check(f, "dvt_executable_info", answer->tail, answer->info.struct_size,
                   sizeof answer->info);
    *info = answer->info;
    info->struct_size = sizeof *info;
    if (status != DVT_OK) return status;
    check_info(f, info, graph);
    if (below == NULL) {
        dvv_blame_plugin(f, "it said OK and gave no executable");
        return DVT_INTERNAL;
    }
    executable *x = NULL;
    if (atomic_load(&f->found) == 0)
        x = dvv_handle_new(sizeof *x, DVV_EXECUTABLE, f->layer, below,
                           device != NULL ? &device->handle : NULL);
    if (x == NULL) {
        api->destroy(below);
        return dvt_set_error(&f->error, DVT_OUT_OF_MEMORY,
                             "validation: no memory for an executable");
    }
    x->handle.forget = forget;
    x->concurrent = (info->flags & DVT_EXECUTABLE_CONCURRENT) != 0;
    x->promise.row_flags = DVT_KERNEL_EMPTY;
    x->promise.may_alias = info->may_alias;
    x->promise.workspace_size = info->workspace_size;
    x->promise.workspace_alignment = info->workspace_alignment;
    x->known = graph != NULL && promise_graph(&x->promise, graph);
    *out = (dvt_executable *)(void *)x;
    return DVT_OK;
}

static dvt_status compile(const dvt_compile_desc *desc, dvt_executable **out,
                          dvt_executable_info *info, dvt_error *error) {
    dvv_frame f;
    dvt_compile_desc inner;
    dvt_device *below;
    dvv_device *device;
    dvt_executable *made = NULL;
    info_and_tail answer;
    dvv_layer *v = dvv_layer_of(desc->host);
    dvv_open(&f, v, "compile", NULL, error);
    dvt_status status = DVT_INTERNAL;
    if (v == NULL) {
        dvv_blame_host(&f, "dvt_compile_desc.host is not the host table of this plugin");
    } else if (take_desc(&f, desc, &inner, &below, &device)) {
        ready(&f, info, &answer);
        dvv_calling(&f);
        status = v->below.graph.compile(&inner, &made, &answer.info, &f.error);
        status = finish(&f, status, desc->graph, device, made, &answer, out, info);
    }
    return dvv_close(&f, status, DVV_MAY_REFUSE | DVV_MAKES);
}

static dvt_status load(const dvt_blob *blob, dvt_executable **out, dvt_executable_info *info,
                       dvt_error *error) {
    dvv_frame f;
    dvt_blob inner = *blob;
    dvv_device *device = NULL;
    dvt_executable *made = NULL;
    info_and_tail answer;
    dvv_layer *v = dvv_layer_of(blob->host);
    dvv_open(&f, v, "load", NULL, error);
    if (v == NULL) {
        dvv_blame_host(&f, "dvt_blob.host is not the host table of this plugin");
        return dvv_close(&f, DVT_INTERNAL, 0);
    }
    dvv_check_desc(&f, "dvt_blob", blob->struct_size, sizeof *blob, blob->ext);
    if (blob->write != NULL || blob->bytes == NULL || blob->size == 0)
        dvv_blame_host(
            &f, "a blob to load has bytes, a size and no write; it has %" PRIu64 " bytes at %p",
            blob->size, blob->bytes);
    if (blob->device != NULL || v->below.has_device) {
        device = dvv_use(&f, blob->device, DVV_DEVICE, DVV_SHARED);
        inner.device = device != NULL ? device->handle.below : NULL;
    }
    if (atomic_load(&f.found) != 0) return dvv_close(&f, DVT_INTERNAL, 0);
    inner.host = &v->down;
    ready(&f, info, &answer);
    dvv_calling(&f);
    dvt_status status = v->below.graph.load(&inner, &made, &answer.info, &f.error);
    status = finish(&f, status, NULL, device, made, &answer, out, info);
    return dvv_close(&f, status, DVV_MAY_REFUSE | DVV_MAKES);
}

/* ---- save ------------------------------------------------------------------------------------------ */

typedef struct writing {
    const dvt_blob *blob;
    uint64_t bytes;
    dvt_status status; /* the first failure of the host's write */
    bool null_piece;
} writing;

static dvt_status count_and_write(void *context, const void *bytes, uint64_t size) {
    writing *w = context;
    if (bytes == NULL && size > 0) {
        w->null_piece = true;
        return DVT_INVALID_ARGUMENT;
    }
    dvt_status status = w->blob->write(w->blob->context, bytes, size);
    if (status != DVT_OK && w->status == DVT_OK) w->status = status;
    w->bytes += size;
    return status;
}

static dvt_status save(dvt_executable *handle, const dvt_blob *blob, dvt_error *error) {
    dvv_frame f;
    executable *x = dvv_open_by(&f, "save", handle, DVV_EXECUTABLE, DVV_SHARED, error);
    if (x == NULL) return dvv_close(&f, DVT_INTERNAL, 0);
    dvv_check_desc(&f, "dvt_blob", blob->struct_size, sizeof *blob, blob->ext);
    if (blob->write == NULL) dvv_blame_host(&f, "a blob to save into has no write");
    if (atomic_load(&f.found) != 0) return dvv_close(&f, DVT_INTERNAL, 0);
    writing w = {.blob = blob};
    dvt_blob inner = *blob;
    inner.write = count_and_write;
    inner.context = &w;
    inner.host = &f.layer->down;
    if (x->handle.device != NULL) inner.device = x->handle.device->below;
    dvv_calling(&f);
    dvt_status status = f.layer->below.graph.save(x->handle.below, &inner, &f.error);
    if (w.null_piece) dvv_blame_plugin(&f, "it wrote a piece whose bytes are null");
    if (status == DVT_OK && w.status != DVT_OK)
        dvv_blame_plugin(&f, "the host's write failed with %d, but it said OK", (int)w.status);
    else if (status == DVT_OK && w.bytes == 0)
        dvv_blame_plugin(&f, "it said OK and wrote nothing");
    return dvv_close(&f, status, DVV_MAY_REFUSE);
}

/* ---- execute --------------------------------------------------------------------------------------- */

typedef struct target {
    dvt_status (*execute)(dvt_executable *executable, const dvt_call *call, dvt_error *error);
    dvt_executable *below;
} target;

static dvt_status invoke_execute(const void *context, const dvt_call *call, dvt_error *error) {
    const target *t = context;
    return t->execute(t->below, call, error);
}

/* A loaded executable has no graph here: what it is first called with is what it is for. */
static bool learn_operands(executable *x, const dvt_call *call) {
    pthread_mutex_t *lock = &x->handle.layer->lock;
    pthread_mutex_lock(lock);
    if (!x->known)
        x->known = dvv_promise_specs(&x->promise, call->inputs, call->n_inputs, call->outputs,
                                     call->n_outputs);
    bool known = x->known;
    pthread_mutex_unlock(lock);
    return known;
}

static dvt_status execute(dvt_executable *handle, const dvt_call *call, dvt_error *error) {
    dvv_frame f;
    dvv_layer *v;
    dvv_device *device = NULL;
    dvv_stream *stream = NULL;
    executable *x = (executable *)(void *)dvv_handle_find(handle);
    bool single = x != NULL && x->handle.kind == DVV_EXECUTABLE && !x->concurrent;
    x = dvv_open_by(&f, "execute", handle, DVV_EXECUTABLE, single ? DVV_SINGLE : DVV_SHARED, error);
    if (x == NULL) return dvv_close(&f, DVT_INTERNAL, 0);
    v = f.layer;
    f.tag = call->tag;
    dvt_call inner = *call;
    inner.host = &v->down;
    if (call->host != &v->up)
        dvv_blame_host(&f, "dvt_call.host is not the host table of this plugin");
    if (call->device != NULL || v->below.has_device) {
        device = dvv_use(&f, call->device, DVV_DEVICE, DVV_SHARED);
        if (device == NULL) return dvv_close(&f, DVT_INTERNAL, 0);
        inner.device = device->handle.below;
    }
    if (x->handle.device != (device != NULL ? &device->handle : NULL))
        dvv_blame_host(&f, "it was compiled for another device than it is executed on");
    if (!dvv_use_stream(&f, call->stream, device, &stream)) return dvv_close(&f, DVT_INTERNAL, 0);
    inner.stream = stream != NULL ? stream->handle.below : NULL;
    dvt_status status = DVT_INTERNAL;
    dvv_count(v, DVV_GRAPHS);
    if (!learn_operands(x, call)) {
        status = dvt_set_error(&f.error, DVT_OUT_OF_MEMORY, "validation: no memory for operands");
    } else if (dvv_check_call(&f, &x->promise, call, device) &&
               dvv_order_call(&f, call, device, stream)) {
        target t = {.execute = v->below.graph.execute, .below = x->handle.below};
        const char *label = device != NULL ? device->label : v->below.table.name;
        if (dvv_on_host(device) && stream == NULL) {
            status = dvv_run_guarded(&f, &x->promise, &inner, label, invoke_execute, &t);
        } else {
            dvv_calling(&f);
            status = invoke_execute(&t, &inner, &f.error);
        }
    }
    return dvv_close(&f, status, 0);
}

static void destroy(dvt_executable *handle) {
    dvv_frame f;
    executable *x = dvv_open_by(&f, "destroy", handle, DVV_EXECUTABLE, DVV_LAST, NULL);
    if (x != NULL) {
        dvv_calling(&f);
        f.layer->below.graph.destroy(x->handle.below);
    }
    dvv_close_void(&f);
}

void dvv_wrap_graph(dvv_layer *layer, dvt_graph_api *api) {
    (void)layer;
    if (api->partition != NULL) api->partition = partition;
    if (api->compile != NULL) api->compile = compile;
    if (api->execute != NULL) api->execute = execute;
    if (api->destroy != NULL) api->destroy = destroy;
    if (api->save != NULL) api->save = save;
    if (api->load != NULL) api->load = load;
}
