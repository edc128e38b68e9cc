/* The pool of threads: see pool.h for what it promises.
 *
 * One 64-bit word, `ticket`, is the whole protocol: the number of the job in its upper 48 bits and
 * the next free piece in its lower 16. A thread takes a piece by compare-and-swap, which fails when
 * a new job has begun meanwhile; so a worker that slept through a job can never touch it, and the
 * caller need not wait for workers that took nothing. */
#include "pool.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <time.h>

#define PIECE_MASK UINT64_C(0xFFFF)
#define CLOSED UINT64_C(0xFFFF) /* no piece to take; DVF_POOL_MAX_PIECES is far below */
#define CACHE_LINE 128          /* two lines: neighbours are prefetched in pairs */
#define SPIN_NS 30000           /* longer than the gap between two ops of a plan */
#define STOLEN_NS 200000        /* a gap no spin explains: the core was given away */
#define STRAGGLE_NS 300000      /* a wait shorter than this is never held against a worker */
#define REST_NS 2000000         /* first rest; doubles up to 16 times that */
#define FORGIVE_CALLS 128       /* so many calls without trouble and the rest is short again */
#define PAUSES_PER_LAP 32       /* between two looks at the clock */

typedef struct worker {
    _Alignas(CACHE_LINE) atomic_bool busy; /* holds a piece now */
    _Atomic uint64_t rest_ns;    /* set by a caller: sleep that long before the next call */
    uint32_t strikes;            /* written by the caller that holds `submit` */
    _Atomic uint32_t good_calls; /* since the last rest */
    uint32_t index;              /* 1 .. DVF_POOL_MAX_THREADS-1; the caller is 0 */
} worker;

static struct {
    _Alignas(CACHE_LINE) _Atomic uint64_t ticket;
    _Atomic(dvt_range_fn) fn;
    _Atomic(void *) context;
    _Atomic uint64_t n, grain;
    _Atomic uint32_t pieces;
    _Alignas(CACHE_LINE) _Atomic uint32_t done; /* pieces finished */
    _Alignas(CACHE_LINE) atomic_bool submit;    /* some caller owns the pool */
    _Atomic uint32_t threads;                   /* wanted, caller included; 0: not set yet */
    _Atomic uint32_t sleepers;                  /* workers asleep on `more` */
    atomic_bool waiting;                        /* the caller is asleep on `finished` */
    _Atomic uint32_t started;                   /* workers started; written under submit */
    pthread_mutex_t lock;
    pthread_cond_t more, finished;
    worker workers[DVF_POOL_MAX_THREADS];
    _Atomic uint64_t parallel_calls, serial_calls, rests;
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER,
          .more = PTHREAD_COND_INITIALIZER,
          .finished = PTHREAD_COND_INITIALIZER,
          .ticket = CLOSED};

/* The piece this thread is in: its worker number + 1, 0 outside. */
static _Thread_local uint32_t inside;

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

static inline void relax(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
    __asm__ __volatile__("yield");
#endif
}

static uint32_t usable_cpus(void) {
#ifdef CPU_COUNT
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) == 0) return (uint32_t)CPU_COUNT(&set);
#endif
    return 1;
}

uint32_t dvf_pool_set_threads(uint32_t n) {
    if (n == 0) n = usable_cpus();
    if (n == 0) n = 1;
    if (n > DVF_POOL_MAX_THREADS) n = DVF_POOL_MAX_THREADS;
    atomic_store(&pool.threads, n);
    return n;
}

uint32_t dvf_pool_threads(void) {
    uint32_t n = atomic_load_explicit(&pool.threads, memory_order_relaxed);
    return n != 0 ? n : dvf_pool_set_threads(0);
}

dvf_pool_counters dvf_pool_count(void) {
    dvf_pool_counters counters = {.parallel_calls = atomic_load(&pool.parallel_calls),
                                  .serial_calls = atomic_load(&pool.serial_calls),
                                  .rests = atomic_load(&pool.rests),
                                  .workers = pool.started};
    return counters;
}

/* ---- pieces ----------------------------------------------------------------------------------- */

/* Each piece is a whole number of grains, as even as can be; the last takes what is left over. */
static uint32_t count_pieces(uint64_t n, uint64_t grain) {
    uint64_t grains = n / grain;
    if (grains == 0) return 1;
    return grains < DVF_POOL_MAX_PIECES ? (uint32_t)grains : DVF_POOL_MAX_PIECES;
}

static uint64_t border(uint64_t n, uint64_t grain, uint32_t pieces, uint64_t i) {
    uint64_t grains = n / grain, more = grains % pieces; /* the first `more` hold one grain more */
    return i == pieces ? n : (grains / pieces * i + (i < more ? i : more)) * grain;
}

static void run_piece(uint64_t n, uint64_t grain, uint32_t pieces, uint64_t i, dvt_range_fn fn,
                      void *context, uint32_t index) {
    uint32_t before = inside;
    inside = index + 1;
    fn(context, border(n, grain, pieces, i), border(n, grain, pieces, i + 1), index);
    inside = before;
}

static void run_serially(uint64_t n, uint64_t grain, uint32_t pieces, dvt_range_fn fn,
                         void *context) {
    uint32_t index = inside != 0 ? inside - 1 : 0;
    for (uint32_t i = 0; i < pieces; i++) run_piece(n, grain, pieces, i, fn, context, index);
}

/* Take pieces of the job now on offer until there is none; how many were run. */
static uint32_t take_pieces(uint32_t index, atomic_bool *busy) {
    uint32_t taken = 0;
    uint64_t ticket = atomic_load(&pool.ticket);
    for (;;) {
        /* What is read here may belong to a newer job; then the swap fails and it is read again. */
        uint32_t pieces = atomic_load_explicit(&pool.pieces, memory_order_acquire);
        uint64_t i = ticket & PIECE_MASK;
        if (i >= pieces) break;
        dvt_range_fn fn = atomic_load_explicit(&pool.fn, memory_order_acquire);
        void *context = atomic_load_explicit(&pool.context, memory_order_acquire);
        uint64_t n = atomic_load_explicit(&pool.n, memory_order_acquire);
        uint64_t grain = atomic_load_explicit(&pool.grain, memory_order_acquire);
        if (busy != NULL && taken == 0) atomic_store(busy, true);
        if (!atomic_compare_exchange_weak(&pool.ticket, &ticket, ticket + 1)) continue;
        run_piece(n, grain, pieces, i, fn, context, index);
        taken++;
        if (atomic_fetch_add(&pool.done, 1) + 1 == pieces && atomic_load(&pool.waiting)) {
            pthread_mutex_lock(&pool.lock);
            pthread_cond_signal(&pool.finished);
            pthread_mutex_unlock(&pool.lock);
        }
        ticket = atomic_load(&pool.ticket);
    }
    if (busy != NULL) atomic_store_explicit(busy, false, memory_order_release);
    return taken;
}

/* ---- workers ---------------------------------------------------------------------------------- */

/* Is there something to do for this worker, given the ticket it saw last? */
static bool has_work(uint64_t ticket, uint32_t index) {
    return (ticket & PIECE_MASK) < atomic_load_explicit(&pool.pieces, memory_order_relaxed) &&
           index < atomic_load_explicit(&pool.threads, memory_order_relaxed);
}

/* Watch for work for SPIN_NS, less when the core is wanted elsewhere. */
static bool spin(uint32_t index) {
    uint64_t start = now_ns(), last = start;
    for (;;) {
        for (int i = 0; i < PAUSES_PER_LAP; i++) {
            if (has_work(atomic_load_explicit(&pool.ticket, memory_order_acquire), index))
                return true;
            relax();
        }
        uint64_t now = now_ns();
        if (now - start > SPIN_NS || now - last > STOLEN_NS) return false;
        last = now;
    }
}

static void sleep_until_work(uint32_t index) {
    pthread_mutex_lock(&pool.lock);
    atomic_fetch_add(&pool.sleepers, 1);
    while (!has_work(atomic_load(&pool.ticket), index)) pthread_cond_wait(&pool.more, &pool.lock);
    atomic_fetch_sub(&pool.sleepers, 1);
    pthread_mutex_unlock(&pool.lock);
}

static void rest(uint64_t ns) {
    struct timespec t = {.tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000)};
    nanosleep(&t, NULL);
}

/* Was this thread's core given to somebody else since the last question? A piece may also take long
 * because it is a long piece. */
static bool lost_its_core(long *switches) {
#ifdef RUSAGE_THREAD
    struct rusage usage;
    if (getrusage(RUSAGE_THREAD, &usage) != 0) return true;
    bool lost = usage.ru_nivcsw != *switches;
    *switches = usage.ru_nivcsw;
    return lost;
#else
    (void)switches;
    return true; /* unknown */
#endif
}

static void *work(void *argument) {
    worker *self = argument;
    long switches = 0;
    lost_its_core(&switches);
    for (;;) {
        uint64_t ns = atomic_exchange(&self->rest_ns, 0);
        if (ns != 0 && lost_its_core(&switches)) {
            atomic_fetch_add(&pool.rests, 1);
            rest(ns);
            atomic_store(&self->good_calls, 0);
        } else if (ns != 0) {
            atomic_store(&self->good_calls, FORGIVE_CALLS + 1);
        }
        if (!spin(self->index)) {
            sleep_until_work(self->index);
            lost_its_core(&switches);
        }
        if (take_pieces(self->index, &self->busy) > 0) atomic_fetch_add(&self->good_calls, 1);
    }
    return NULL;
}

static void after_fork_in_child(void) {
    /* Whatever the parent's threads were doing, they are not here; their locks may be held. */
    pthread_mutex_init(&pool.lock, NULL);
    pthread_cond_init(&pool.more, NULL);
    pthread_cond_init(&pool.finished, NULL);
    atomic_store(&pool.ticket, (atomic_load(&pool.ticket) | CLOSED));
    atomic_store(&pool.submit, false);
    atomic_store(&pool.sleepers, 0);
    atomic_store(&pool.waiting, false);
    pool.started = 0;
    for (uint32_t i = 0; i < DVF_POOL_MAX_THREADS; i++) {
        atomic_store(&pool.workers[i].busy, false);
        atomic_store(&pool.workers[i].rest_ns, 0);
        pool.workers[i].strikes = 0;
    }
}

static void register_fork(void) {
    pthread_atfork(NULL, NULL, after_fork_in_child);
}

/* Under submit. Where the system gives no more threads the pool works with those it has. */
static void start_workers(uint32_t wanted) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, register_fork);
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0) return;
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    sigset_t all, before; /* signals belong to the program's own threads */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (pool.started < wanted) {
        worker *next = &pool.workers[pool.started + 1];
        next->index = pool.started + 1;
        atomic_store(&next->good_calls, 0);
        pthread_t thread;
        if (pthread_create(&thread, &attributes, work, next) != 0) {
            atomic_store(&pool.threads, pool.started + 1); /* do not ask again at every call */
            break;
        }
#ifdef __linux__
        pthread_setname_np(thread, "dovetail");
#endif
        pool.started++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
}

/* ---- the caller ------------------------------------------------------------------------------- */

/* Ask the workers that hold a piece long after the caller's own pieces ended to rest. */
static void punish(uint64_t waited, uint64_t piece_ns) {
    if (piece_ns == 0 || waited < STRAGGLE_NS || waited < 4 * piece_ns) return;
    for (uint32_t i = 1; i <= pool.started; i++) {
        worker *w = &pool.workers[i];
        if (!atomic_load(&w->busy) || atomic_load(&w->rest_ns) != 0) continue;
        if (w->good_calls > FORGIVE_CALLS) w->strikes = 0;
        atomic_store(&w->rest_ns, (uint64_t)REST_NS << w->strikes);
        if (w->strikes < 4) w->strikes++;
    }
}

static void wait_for_workers(uint32_t pieces, uint64_t start, uint32_t own) {
    for (int i = 0; i < PAUSES_PER_LAP; i++) {
        if (atomic_load(&pool.done) == pieces) return;
        relax();
    }
    uint64_t begin = now_ns(), now = begin;
    uint64_t piece_ns = own != 0 ? (begin - start) / own + 1 : 0;
    while (now - begin < SPIN_NS) {
        for (int i = 0; i < PAUSES_PER_LAP; i++) {
            if (atomic_load(&pool.done) == pieces) return;
            relax();
        }
        now = now_ns();
    }
    pthread_mutex_lock(&pool.lock);
    atomic_store(&pool.waiting, true);
    while (atomic_load(&pool.done) != pieces) {
        /* Look again after STRAGGLE_NS: a worker still busy then is a straggler. */
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += STRAGGLE_NS;
        if (until.tv_nsec >= 1000000000) {
            until.tv_nsec -= 1000000000;
            until.tv_sec++;
        }
        pthread_cond_timedwait(&pool.finished, &pool.lock, &until);
        if (atomic_load(&pool.done) != pieces) punish(now_ns() - begin, piece_ns);
    }
    atomic_store(&pool.waiting, false);
    pthread_mutex_unlock(&pool.lock);
}

static void wake_workers(uint32_t wanted) {
    if (atomic_load(&pool.sleepers) == 0) return;
    pthread_mutex_lock(&pool.lock);
    if (wanted >= pool.started || atomic_load(&pool.threads) <= pool.started) {
        pthread_cond_broadcast(
            &pool.more); /* sleepers beyond the limit must not swallow a signal */
    } else {
        for (uint32_t i = 0; i < wanted; i++) pthread_cond_signal(&pool.more);
    }
    pthread_mutex_unlock(&pool.lock);
}

void dvf_pool_run(uint64_t n, uint64_t grain, dvt_range_fn fn, void *context) {
    if (n == 0) return;
    if (grain == 0) grain = 1;
    uint32_t pieces = count_pieces(n, grain);
    if (pieces == 1) {
        run_serially(n, grain, 1, fn, context);
        return;
    }
    uint32_t threads = dvf_pool_threads();
    bool expected = false;
    if (threads == 1 || inside != 0 ||
        !atomic_compare_exchange_strong(&pool.submit, &expected, true)) {
        atomic_fetch_add_explicit(&pool.serial_calls, 1, memory_order_relaxed);
        run_serially(n, grain, pieces, fn, context);
        return;
    }
    if (pool.started < threads - 1) start_workers(threads - 1);
    atomic_fetch_add_explicit(&pool.parallel_calls, 1, memory_order_relaxed);

    uint64_t job = (atomic_load(&pool.ticket) | PIECE_MASK) + 1; /* the next number, piece 0 */
    atomic_store(&pool.ticket, job | CLOSED); /* from here no swap with the old number succeeds */
    atomic_store_explicit(&pool.fn, fn, memory_order_release);
    atomic_store_explicit(&pool.context, context, memory_order_release);
    atomic_store_explicit(&pool.n, n, memory_order_release);
    atomic_store_explicit(&pool.grain, grain, memory_order_release);
    atomic_store_explicit(&pool.pieces, pieces, memory_order_release);
    atomic_store_explicit(&pool.done, 0, memory_order_release);
    atomic_store(&pool.ticket, job);
    wake_workers(pieces - 1 < threads - 1 ? pieces - 1 : threads - 1);

    uint64_t start = now_ns();
    uint32_t own = take_pieces(0, NULL);
    wait_for_workers(pieces, start, own);
    atomic_store(&pool.submit, false);
}
