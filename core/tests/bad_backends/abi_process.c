/* Leaves everything about the process otherwise than it was. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <fenv.h>
#include <locale.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

#include "../backends/good.h"

static const dvt_kernel_def rows[] = {GOOD_ROW};
static const dvt_plugin plugin = {GOOD_PLUGIN(rows)};

static void on_signal(int number) {
    (void)number;
}

static void *wait_for_ever(void *nothing) {
    (void)nothing;
    for (;;) pause();
    return NULL;
}

__attribute__((constructor)) static void enter(void) {
    pthread_t thread;
    struct rlimit limit;
    sigset_t all;
    setenv("ACME_WAS_HERE", "1", 1);
    signal(SIGUSR1, on_signal);
    sigfillset(&all); /* those without a name, too */
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    setlocale(LC_ALL, "C");
    setlocale(LC_NUMERIC, "C.UTF-8");
    if (chdir("/") != 0) abort();
    umask(0);
    fesetround(FE_UPWARD);
#if defined(__x86_64__)
    _mm_setcsr(_mm_getcsr() | 0x8040); /* flush denormals to zero */
#endif
    if (open("/dev/null", O_RDONLY) < 0) abort();
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = 64;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    pthread_create(&thread, NULL, wait_for_ever, NULL);
    printf("Acme %s\n", NAME);
}

QUERY {
    (void)host;
    DVT_PLUGIN_CHECK(host_min, host_max, 65536, error);
    return &plugin;
}
