/* record_sha256.h: SHA-256 (FIPS 180-4), for digests of data that a recording must not reveal. */
#ifndef DVF_RECORD_SHA256_H
#define DVF_RECORD_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define DVF_SHA256_BYTES 32

typedef struct dvf_sha256 {
    uint32_t state[8];
    uint64_t size; /* bytes so far */
    uint8_t block[64];
} dvf_sha256;

void dvf_sha256_start(dvf_sha256 *hash);
void dvf_sha256_add(dvf_sha256 *hash, const void *bytes, uint64_t size);
void dvf_sha256_end(dvf_sha256 *hash, uint8_t digest[DVF_SHA256_BYTES]);

#endif
