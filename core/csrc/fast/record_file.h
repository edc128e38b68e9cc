/* record_file.h: the file of a recording. Frames go to the system at once, so that what was written
 * before a crash is there after it; core/docs/record-replay.md describes them for readers. */
#ifndef DVF_RECORD_FILE_H
#define DVF_RECORD_FILE_H

#include <stdatomic.h>
#include <stdint.h>
#include <sys/types.h>

#include "dovetail.h"
#include "record_sha256.h"
#include "record_text.h"

#define DVF_RECORD_FORMAT 1

enum {
    DVF_FRAME_SESSION = 1, /* once, first: who records what */
    DVF_FRAME_DATA,        /* bytes that later frames name by number */
    DVF_FRAME_BEGIN,       /* a call is about to be made */
    DVF_FRAME_END,         /* that call came back */
    DVF_FRAME_NOTICE       /* a sentence for people */
};

enum { DVF_RECORD_FULL, DVF_RECORD_HASH, DVF_RECORD_NONE };

typedef struct dvf_record_block dvf_record_block;

/* Everything but `stopped` belongs to the lock of record_file.c. */
typedef struct dvf_record_file {
    char *pattern, *plugin, *path;
    char *session; /* JSON text of the first frame, to be written again after a fork */
    int data;      /* DVF_RECORD_FULL, ... */
    uint64_t limit, operand_limit;
    int descriptor;
    pid_t owner;
    uint64_t written;
    atomic_int stopped; /* limit reached or disk full: calls go by unseen */
    uint8_t key[DVF_SHA256_BYTES];
    dvf_record_block *blocks; /* what is in the file already, by digest */
    uint64_t n_blocks, room_for_blocks;
} dvf_record_file;

/* `file` has pattern, plugin, session, data and limits. DVT_IO with a sentence on failure. */
dvt_status dvf_record_open(dvf_record_file *file, dvt_error *error);

/* Append a frame with the JSON object `text`. A `closing` frame is written beyond the limit too: its
 * call must not look like one that crashed. Returns 0 when nothing is recorded any more. */
int dvf_record_write(dvf_record_file *file, int kind, const dvf_text *text, int closing);

/* Put bytes into the file, once however often they come, and append to `text` the member that names
 * them: "data":3, or "digest":"...", or "missing":"why". */
void dvf_record_bytes(dvf_record_file *file, const void *bytes, uint64_t size, dvf_text *text);

#endif
