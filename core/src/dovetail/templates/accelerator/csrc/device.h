/* device.h: what an opened device is made of. dovetail.h hands dvt_device around as an opaque handle;
 * every plugin defines it as it likes. */
#ifndef DEVICE_H
#define DEVICE_H

#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L /* threads, semaphores and the monotonic clock under -std=c11 */
#endif

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dovetail.h"

/* The device word: what users write, as in "accelerator:0". */
#ifndef DEVICE_WORD
#define DEVICE_WORD "accelerator"
#endif
#define DEVICE_VERSION "0.1.0"

/* ---- options (options.c): what device_open was told -------------------------------------------- */

typedef struct options {
    uint64_t memory;  /* bytes of hbm */
    uint64_t scratch; /* bytes of scratch */
    uint64_t queue;   /* commands that one stream holds */
    uint64_t opaque;  /* 1: data are handles without arithmetic, not addresses */
    uint64_t chip;    /* generation: part of the compatibility key */
    uint64_t delay_us, copy_us, seed, fail_at, oom_at, lose_at; /* see faults.c */
    char fail_text[sizeof(((dvt_error *)0)->message)];
} options;

/* Defaults, then the environment, then the options of desc. */
dvt_status options_read(const dvt_device_desc *desc, options *out, dvt_error *error);
uint32_t options_devices(void);

/* ---- memory (memory.c): device addresses, and the bytes behind them ------------------------------ */

enum { SPACE_HBM, SPACE_SCRATCH, SPACE_PINNED, N_SPACES };

typedef struct block {
    uintptr_t address; /* what the host holds */
    uint64_t size;
    void *bytes; /* what only this plugin sees */
    uint32_t space;
    bool released; /* given back; commands that were queued before still use it */
} block;

typedef struct memory {
    pthread_mutex_t lock;
    block *blocks; /* in order of address */
    size_t count, room;
    uint64_t used[N_SPACES];
} memory;

/* Where an operand begins: enough to find its bytes when the queue reaches the command. */
typedef struct location {
    dvt_device *device; /* null: host memory, data is a pointer */
    uintptr_t data;
    uint64_t offset;
} location;

/* ---- the device (device.c) ------------------------------------------------------------------------- */

enum { DEVICE_READY, DEVICE_GONE, DEVICE_FORKED };

struct dvt_device {
    const dvt_host *host; /* valid until device_close */
    uint32_t ordinal;
    options options;
    atomic_int state;                        /* DEVICE_READY, ... */
    atomic_uint_fast64_t calls, allocations; /* counted for faults.c */
    memory memory;
    pthread_mutex_t streams_lock; /* of the list; workers never take it */
    dvt_stream *streams;
    char key[64]; /* compatibility_key */
    dvt_memory_space spaces[N_SPACES];
    const dvt_memory_space *space_pointers[N_SPACES];
    int64_t facts[3];
    const char *text;
    dvt_attr properties[4];
};

/* DVT_OK, or DVT_DEVICE_LOST with a sentence. First line of every call that may fail. */
dvt_status device_check(dvt_device *device, dvt_error *error);
/* dvt_set_error with printf's formatting. */
dvt_status fail(dvt_error *error, dvt_status code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Nanoseconds of a clock that never goes back. */
uint64_t now_ns(void);
void sleep_us(uint64_t us);

extern const dvt_device_api device_api;

/* ---- memory.c ---- */

dvt_status memory_init(memory *m);
void memory_destroy(memory *m);
dvt_status memory_alloc(dvt_device *device, const dvt_alloc_desc *desc, void **data,
                        dvt_error *error);
void memory_release(dvt_device *device, const dvt_alloc_desc *desc);
/* Take bytes out of the table and free them: when the stream has come to the release. */
void memory_unmap(dvt_device *device, uint32_t space, uintptr_t data);
/* The first of the bytes [first, last) relative to where the operand begins; null with a sentence when
 * they do not lie in one allocation. */
void *memory_at(const location *where, int64_t first, int64_t last, const char *who,
                dvt_error *error);
uint64_t memory_capacity(const dvt_device *device, uint32_t space);
location memory_locate(dvt_device *device, const dvt_tensor *tensor);

/* ---- faults.c ---- */

/* Count a call that computes or copies; its number, from 1. */
uint64_t faults_count(dvt_device *device);
/* Whether this allocation is the one that must fail. */
bool faults_no_memory(dvt_device *device);
/* When a command begins: wait, fail or lose the device as the options say. */
dvt_status faults_strike(dvt_device *device, uint64_t number, bool is_copy, dvt_error *error);

#endif
