/* What a library should not do to a process that replays on it; COUNT says which of it. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../backends/good.h"

enum { WRITES_INTO_PIPES, FORKS_AND_CRASHES, GIVES_A_REASON_IN_LATIN_1 };

__attribute__((constructor)) static void meddle(void) {
    static const char noise[] = "7\n\xff\n{}\nno end of line";
    struct stat what;
    if (COUNT == FORKS_AND_CRASHES && fork() == 0) { /* a helper: it inherits every descriptor */
        alarm(60);
        for (;;) pause();
    }
    for (int fd = 3; COUNT == WRITES_INTO_PIPES && fd < 256; fd++) {
        if (fstat(fd, &what) != 0 || !S_ISFIFO(what.st_mode)) continue;
        if (write(fd, noise, strlen(noise)) < 0) continue; /* the reading end of a pipe */
    }
}

static dvt_status run(const dvt_call *call, dvt_error *error) {
    if (COUNT == FORKS_AND_CRASHES && call->outputs[0]->shape[0] == 3) abort();
    return add(call, error);
}

static dvt_status prepare(const dvt_op *op, dvt_kernel_info *info, dvt_error *error) {
    (void)error;
    if (COUNT != GIVES_A_REASON_IN_LATIN_1 || op->outputs[0]->shape[0] != 3) return DVT_OK;
    info->reason = "drei ist unm\xf6glich";
    return DVT_UNSUPPORTED;
}

static const dvt_kernel_def rows[] = {{.op = "add",
                                       .types = "T=f32",
                                       .min_version = 1,
                                       .max_version = 1,
                                       .run = run,
                                       .prepare = prepare}};
static const dvt_plugin plugin = {GOOD_PLUGIN(rows)};

QUERY {
    (void)host;
    DVT_PLUGIN_CHECK(host_min, host_max, 65536, error);
    return &plugin;
}
