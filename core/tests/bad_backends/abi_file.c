/* Exports too much, takes symbols that nobody links, and, by the flags of the test, an executable
 * stack, an rpath of the build machine, thread-local memory of the program's start. */
#include "../backends/good.h"

extern int acme_missing(void);
extern void *PyErr_Occurred(void);

static __thread int calls;

DVT_EXPORT int acme_helper(void) {
    return ++calls + acme_missing() + (PyErr_Occurred() != NULL);
}

#ifdef TEXT_RELOCATION
__asm__(".pushsection .text\n.quad acme_helper\n.popsection\n");
#endif

static const dvt_kernel_def rows[] = {GOOD_ROW};
static const dvt_plugin plugin = {GOOD_PLUGIN(rows)};

QUERY {
    (void)host;
    DVT_PLUGIN_CHECK(host_min, host_max, 65536, error);
    return &plugin;
}
