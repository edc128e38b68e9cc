/* The CPU device's graph table: groups of element-wise nodes run as tile programs. */
#include <string.h>

#include "graph_partition.h"
#include "jit.h"
#include "rows.h"
#include "tile_program.h"

static dvt_status compile(const dvt_compile_desc *desc, dvt_executable **executable,
                          dvt_executable_info *info, dvt_error *error) {
    dvt_tile_program *program = 0;
    const char *reason = 0;
    for (uint32_t i = 0; i < desc->n_options; i++)
        if (strcmp(desc->options[i].name, "jit") != 0)
            return dvt_set_error(error, DVT_INVALID_ARGUMENT,
                                 "the CPU device has no option but jit");
    const dvt_status status = dvt_tile_compile(desc, &program, &reason, error);
    if (status == DVT_UNSUPPORTED) info->description = reason;
    if (status != DVT_OK) return status;
    info->flags = DVT_EXECUTABLE_CONCURRENT;
    info->workspace_size = program->threads * program->worker_bytes;
    const uint64_t work = program->picoseconds / 1000 * (uint64_t)program->size + 50;
    info->cost_ns = work > 40000 ? work / program->threads : work;
    info->may_alias = program->may_alias;
    info->description = program->code ? program->code->listing : program->why;
    *executable = (dvt_executable *)(void *)program;
    return DVT_OK;
}

static dvt_status execute(dvt_executable *executable, const dvt_call *call, dvt_error *error) {
    return dvt_tile_run((const dvt_tile_program *)(const void *)executable, call, error);
}

static void destroy(dvt_executable *executable) {
    dvt_tile_free((dvt_tile_program *)(void *)executable);
}

const dvt_graph_api dvt_cpu_graph_api = {
    .struct_size = sizeof(dvt_graph_api),
    .partition = dvt_cpu_partition,
    .compile = compile,
    .execute = execute,
    .destroy = destroy,
};
