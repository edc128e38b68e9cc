/* Does something on the way in or out: BAD says what. */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../backends/good.h"

static const dvt_kernel_def rows[] = {GOOD_ROW};
static const dvt_plugin plugin = {GOOD_PLUGIN(rows)};
static volatile int *volatile nowhere;
static void *volatile much;

__attribute__((constructor)) static void enter(void) {
    if (BAD == 1) {
        *nowhere = 1;
    } else if (BAD == 2) {
        for (;;) pause();
    } else if (BAD == 3) {
        exit(7);
    } else if (BAD == 4) {
        much = malloc(300u << 20);
        if (much != NULL) memset(much, 1, 300u << 20);
        clock_t begin = clock();
        while (clock() - begin < CLOCKS_PER_SEC * 6 / 10) {
        }
    }
}

__attribute__((destructor)) static void leave(void) {
    if (BAD == 5) {
        *nowhere = 1;
    }
}

QUERY {
    (void)host;
    DVT_PLUGIN_CHECK(host_min, host_max, 65536, error);
    return &plugin;
}
