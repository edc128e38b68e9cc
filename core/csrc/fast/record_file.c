/* Names, frames, limits and the once-only store of data of a recording's file.
 *
 * One lock serves all recordings of the process: frames must not interleave, and a lock that is held
 * while the process forks has to be freed in the child. */
#include "record_file.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

struct dvf_record_block {
    uint8_t digest[DVF_SHA256_BYTES];
    uint64_t number; /* 0: an empty place */
};

static const char MAGIC[] = "dovetail record 1\n"; /* the 1 is DVF_RECORD_FORMAT */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void take(void) {
    pthread_mutex_lock(&lock);
}

static void give(void) {
    pthread_mutex_unlock(&lock);
}

static void guard_forks(void) {
    pthread_atfork(take, give, give);
}

/* ---- the name ------------------------------------------------------------------------------------- */

/* Write `pattern` with %n, %p and %% replaced; *named and *numbered tell which of them occurred. */
static void expand(dvf_text *to, const char *pattern, const char *plugin, long pid, int *named,
                   int *numbered) {
    for (const char *c = pattern; *c != '\0'; c++) {
        if (c[0] == '%' && c[1] == 'n') {
            dvf_text_put(to, "%s", plugin);
            *named = 1;
        } else if (c[0] == '%' && c[1] == 'p') {
            dvf_text_put(to, "%ld", pid);
            *numbered = 1;
        } else {
            dvf_text_put(to, "%c", *c);
            if (c[0] != '%' || c[1] != '%') continue;
        }
        c++;
    }
}

/* Whoever places %n or %p decides; else both go before the suffix: bug.dvr -> bug.cpu.4711.dvr. A
 * forked child gets its number in any case, so that it leaves its parent's file alone. */
static char *name_of(const dvf_record_file *file, int forked) {
    dvf_text text = {0};
    int named = 0, numbered = 0;
    long pid = (long)getpid();
    expand(&text, file->pattern, file->plugin, pid, &named, &numbered);
    if ((!named && !numbered) || (forked && !numbered)) {
        dvf_text whole = {0};
        size_t stem = text.used;
        for (size_t i = text.used; i > 0 && text.data[i - 1] != '/'; i--) {
            if (text.data[i - 1] == '.' && i >= 2 && text.data[i - 2] != '/') {
                stem = i - 1;
                break;
            }
        }
        dvf_text_put(&whole, "%.*s", (int)stem, text.data != NULL ? text.data : "");
        if (!named && !numbered) dvf_text_put(&whole, ".%s", file->plugin);
        dvf_text_put(&whole, ".%ld", pid);
        if (text.used > stem)
            dvf_text_put(&whole, "%.*s", (int)(text.used - stem), text.data + stem);
        dvf_text_clear(&text);
        text = whole;
    }
    dvf_text_put(&text, "%c", 0);
    if (text.closed) dvf_text_clear(&text);
    return text.data;
}

/* ---- frames --------------------------------------------------------------------------------------- */

static int write_all(int descriptor, struct iovec *pieces, int count) {
    while (count > 0) {
        ssize_t n = writev(descriptor, pieces, count);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return -1;
        size_t done = (size_t)n;
        while (count > 0 && done >= pieces->iov_len) {
            done -= pieces->iov_len;
            pieces++;
            count--;
        }
        if (count > 0) {
            pieces->iov_base = (char *)pieces->iov_base + done;
            pieces->iov_len -= done;
        }
    }
    return 0;
}

static void put_number(uint8_t *to, uint64_t number, int bytes) {
    for (int i = 0; i < bytes; i++) to[i] = (uint8_t)(number >> 8 * i);
}

#define FRAME_HEAD 24u

/* "DVTF", kind, bytes of JSON, zero, bytes of payload: 4 + 4 + 4 + 4 + 8, little-endian. */
static int append(dvf_record_file *file, int kind, const void *text, uint64_t text_size,
                  const void *payload, uint64_t payload_size) {
    uint8_t head[FRAME_HEAD] = {'D', 'V', 'T', 'F'};
    put_number(head + 4, (uint64_t)kind, 4);
    put_number(head + 8, text_size, 4);
    put_number(head + 16, payload_size, 8);
    struct iovec pieces[] = {{head, sizeof head},
                             {(void *)(uintptr_t)text, (size_t)text_size},
                             {(void *)(uintptr_t)payload, (size_t)payload_size}};
    if (write_all(file->descriptor, pieces, 3) == 0) {
        file->written += FRAME_HEAD + text_size + payload_size;
        return 1;
    }
    /* The disk is full, say: cut the half frame off, so that the file still ends well. */
    if (ftruncate(file->descriptor, (off_t)file->written) < 0) (void)errno;
    atomic_store(&file->stopped, 1);
    return 0;
}

static void stop_at_limit(dvf_record_file *file) {
    char text[200];
    int size = snprintf(text, sizeof text,
                        "{\"notice\":\"the limit of %llu bytes (DOVETAIL_RECORD_LIMIT) is reached; "
                        "later calls are not recorded\"}",
                        (unsigned long long)file->limit);
    atomic_store(&file->stopped, 1);
    append(file, DVF_FRAME_NOTICE, text, (uint64_t)size, NULL, 0);
}

static int open_file(dvf_record_file *file, int forked) {
    char *path = name_of(file, forked);
    if (path == NULL) {
        errno = ENOMEM;
        return -1;
    }
    free(file->path);
    file->path = path;
    file->descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file->descriptor < 0) return -1;
    file->owner = getpid();
    file->written = 0;
    file->n_blocks = 0;
    if (file->blocks != NULL)
        memset(file->blocks, 0, (size_t)file->room_for_blocks * sizeof *file->blocks);
    struct iovec magic = {(void *)(uintptr_t)MAGIC, sizeof MAGIC - 1};
    if (write_all(file->descriptor, &magic, 1) < 0) return -1;
    file->written = sizeof MAGIC - 1;
    dvf_text text = {0};
    dvf_text_put(&text, "%s,\"pid\":%ld,\"forked\":%d}", file->session, (long)file->owner, forked);
    int fine = !text.closed && append(file, DVF_FRAME_SESSION, text.data, text.used, NULL, 0);
    dvf_text_clear(&text);
    return fine ? 0 : -1;
}

dvt_status dvf_record_open(dvf_record_file *file, dvt_error *error) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    char text[400];
    pthread_once(&once, guard_forks);
    int random = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
    ssize_t got = random >= 0 ? read(random, file->key, sizeof file->key) : -1;
    if (random >= 0) close(random);
    if (got != (ssize_t)sizeof file->key)
        return dvt_set_error(error, DVT_IO,
                             "no recording: /dev/urandom gives no key for the digests of data");
    take();
    int failed = open_file(file, 0);
    int reason = errno;
    give();
    if (failed == 0) return DVT_OK;
    snprintf(text, sizeof text,
             "no recording: %s cannot be written (%s); name a file in a folder of yours",
             file->path != NULL ? file->path : file->pattern, strerror(reason));
    return dvt_set_error(error, DVT_IO, text);
}

/* With the lock held: whether frames may be written, after moving a forked child to its own file. */
static int ready(dvf_record_file *file) {
    if (file->owner == getpid()) return 1;
    close(file->descriptor); /* the parent's; it keeps its own descriptor */
    atomic_store(&file->stopped, 0);
    if (open_file(file, 1) == 0) return 1;
    file->owner = getpid();
    atomic_store(&file->stopped, 1);
    return 0;
}

int dvf_record_write(dvf_record_file *file, int kind, const dvf_text *text, int closing) {
    if (text->closed) return 0;
    take();
    int fine = ready(file);
    if (fine && !closing) {
        if (!atomic_load(&file->stopped) && file->written + FRAME_HEAD + text->used > file->limit)
            stop_at_limit(file);
        fine = !atomic_load(&file->stopped);
    }
    if (fine) fine = append(file, kind, text->data, text->used, NULL, 0);
    give();
    return fine;
}

/* ---- data ----------------------------------------------------------------------------------------- */

/* Digests are made with a key that no file holds: equal data can be told from unequal within one
 * recording, but nobody can try out values. */
static void digest_of(const dvf_record_file *file, const void *bytes, uint64_t size,
                      uint8_t digest[DVF_SHA256_BYTES]) {
    dvf_sha256 hash;
    dvf_sha256_start(&hash);
    dvf_sha256_add(&hash, file->key, sizeof file->key);
    dvf_sha256_add(&hash, bytes, size);
    dvf_sha256_end(&hash, digest);
}

static dvf_record_block *place_of(dvf_record_block *blocks, uint64_t room, const uint8_t *digest) {
    uint64_t at;
    memcpy(&at, digest, sizeof at);
    for (at %= room; blocks[at].number != 0; at = (at + 1) % room)
        if (memcmp(blocks[at].digest, digest, DVF_SHA256_BYTES) == 0) break;
    return &blocks[at];
}

static int make_room(dvf_record_file *file) {
    if (2 * (file->n_blocks + 1) <= file->room_for_blocks) return 1;
    uint64_t room = file->room_for_blocks == 0 ? 64 : 2 * file->room_for_blocks;
    dvf_record_block *blocks = calloc((size_t)room, sizeof *blocks);
    if (blocks == NULL) return 0;
    for (uint64_t i = 0; i < file->room_for_blocks; i++)
        if (file->blocks[i].number != 0)
            *place_of(blocks, room, file->blocks[i].digest) = file->blocks[i];
    free(file->blocks);
    file->blocks = blocks;
    file->room_for_blocks = room;
    return 1;
}

/* With the lock held: the number of the block with these bytes, 0 with *why. */
static uint64_t store(dvf_record_file *file, const uint8_t *digest, const void *bytes,
                      uint64_t size, const char **why) {
    char text[64];
    *why = "nothing is recorded any more";
    if (!ready(file) || atomic_load(&file->stopped)) return 0;
    *why = "there was no memory to note it";
    if (!make_room(file)) return 0;
    dvf_record_block *block = place_of(file->blocks, file->room_for_blocks, digest);
    if (block->number != 0) return block->number;
    uint64_t number = file->n_blocks + 1;
    int length = snprintf(text, sizeof text, "{\"data\":%llu}", (unsigned long long)number);
    *why = "the limit of the recording is reached";
    if (file->written + 2 * FRAME_HEAD + (uint64_t)length + size > file->limit) {
        stop_at_limit(file);
        return 0;
    }
    *why = "the file could not be written";
    if (!append(file, DVF_FRAME_DATA, text, (uint64_t)length, bytes, size)) return 0;
    memcpy(block->digest, digest, DVF_SHA256_BYTES);
    block->number = number;
    file->n_blocks = number;
    return number;
}

void dvf_record_bytes(dvf_record_file *file, const void *bytes, uint64_t size, dvf_text *text) {
    uint8_t digest[DVF_SHA256_BYTES];
    if (text->closed) return;
    if (file->data == DVF_RECORD_NONE) {
        dvf_text_put(text, ",\"missing\":\"DOVETAIL_RECORD_DATA is none\"");
        return;
    }
    digest_of(file, bytes, size, digest);
    if (file->data == DVF_RECORD_FULL && size <= file->operand_limit) {
        const char *why;
        take();
        uint64_t number = store(file, digest, bytes, size, &why);
        give();
        if (number != 0)
            dvf_text_put(text, ",\"data\":%llu", (unsigned long long)number);
        else
            dvf_text_put(text, ",\"missing\":\"%s\"", why);
        return;
    }
    dvf_text_put(text, ",\"digest\":\"");
    for (int i = 0; i < DVF_SHA256_BYTES; i++) dvf_text_put(text, "%02x", digest[i]);
    dvf_text_put(text, "\"");
}
