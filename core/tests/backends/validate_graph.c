/* A device that takes graphs of one float32 exp and breaks the rule that VALIDATE_FAULT names
 * when it is loaded. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "good.h"

static char fault[40];

__attribute__((constructor)) static void choose(void) {
    const char *chosen = getenv("VALIDATE_FAULT");
    if (chosen != NULL) strncpy(fault, chosen, sizeof fault - 1);
}

static int is(const char *name) {
    return strcmp(fault, name) == 0;
}

static dvt_status partition(const dvt_compile_desc *desc, dvt_claim *const *claims,
                            dvt_error *error) {
    (void)error;
    for (uint32_t i = 0; i < desc->graph->n_nodes; i++)
        if (strcmp(desc->graph->nodes[i]->op, "exp") == 0) claims[i]->group = i + 1;
    if (is("claims a node too many")) claims[desc->graph->n_nodes]->group = 1;
    if (is("claims in latin1")) claims[0]->reason = "zu gro\xDF";
    if (is("refuses what it claims")) return DVT_UNSUPPORTED;
    return DVT_OK;
}

static dvt_status compile(const dvt_compile_desc *desc, dvt_executable **executable,
                          dvt_executable_info *info, dvt_error *error) {
    (void)desc;
    int *made = malloc(sizeof *made);
    if (made == NULL) return dvt_set_error(error, DVT_OUT_OF_MEMORY, "no memory");
    *executable = (dvt_executable *)(void *)made;
    info->description = "exp";
    if (is("aliases missing values")) info->may_alias = 2;
    if (is("aligns to five")) info->workspace_alignment = 5;
    if (is("overruns executable info")) memset(info + 1, 0, 8);
    if (is("gives nothing")) {
        free(made);
        *executable = NULL;
    }
    return DVT_OK;
}

static dvt_status execute(dvt_executable *executable, const dvt_call *call, dvt_error *error) {
    const dvt_tensor *in = call->inputs[0];
    const float *x = dvt_tensor_data(in);
    float *z = dvt_tensor_data(call->outputs[0]);
    int64_t n = 1;
    (void)executable;
    (void)error;
    for (int32_t d = 0; d < in->ndim; d++) n *= in->shape[d];
    for (int64_t i = 0; i < n; i++) z[i] = expf(x[i]);
    if (is("changes a graph input")) *(float *)dvt_tensor_data(in) = 1;
    return DVT_OK;
}

static void destroy(dvt_executable *executable) {
    free(executable);
}

static const dvt_graph_api graph_api = {.struct_size = sizeof graph_api,
                                        .partition = partition,
                                        .compile = compile,
                                        .execute = execute,
                                        .destroy = destroy};
static const dvt_kernel_def rows[] = {GOOD_ROW};
static const dvt_plugin plugin = {GOOD_PLUGIN(rows), .graph = &graph_api};

QUERY {
    (void)host;
    DVT_PLUGIN_CHECK(host_min, host_max, 65536, error);
    return &plugin;
}
