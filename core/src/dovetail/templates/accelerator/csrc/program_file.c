/* Programs as bytes: a header with the compatibility key, the instructions, the constants. What is
 * loaded may come from another chip, another version or a broken disk, so nothing of it is trusted. */
#include <stdlib.h>
#include <string.h>

#include "program.h"

typedef struct header {
    char magic[8];
    char key[64]; /* device_info.compatibility_key of the chip it was compiled for */
    uint64_t count;
    uint32_t type, n_inputs, n_outputs, n_instructions, n_constants, n_registers;
    uint64_t check; /* of all bytes, with 0 in this place */
} header;

_Static_assert(sizeof(header) == 112, "a header without holes: all its bytes are written");

static const char MAGIC[8] = "DVTSIM1";

/* FNV-1a: finds what a disk or a copy broke; it keeps nobody out. */
static uint64_t checksum(uint64_t sum, const unsigned char *bytes, uint64_t size) {
    for (uint64_t i = 0; i < size; i++) sum = (sum ^ bytes[i]) * UINT64_C(1099511628211);
    return sum;
}

static uint64_t code_bytes(const header *h) {
    return (uint64_t)h->n_instructions * sizeof(instruction);
}

static uint64_t sum_of(header h, const void *code, const void *constants, uint64_t size) {
    h.check = 0;
    uint64_t sum = checksum(UINT64_C(14695981039346656037), (const unsigned char *)&h, sizeof h);
    sum = checksum(sum, code, code_bytes(&h));
    return checksum(sum, constants, size);
}

dvt_status program_save(dvt_executable *p, const dvt_blob *blob, dvt_error *error) {
    const uint64_t size = p->n_constants * p->count * element_bytes((element_type)p->type);
    header h = {.count = p->count,
                .type = p->type,
                .n_inputs = p->task.n_inputs,
                .n_outputs = p->task.n_outputs,
                .n_instructions = p->n_instructions,
                .n_constants = p->n_constants,
                .n_registers = p->n_registers};
    memcpy(h.magic, MAGIC, sizeof h.magic);
    memcpy(h.key, p->device->key, sizeof h.key);
    h.check = sum_of(h, p->instructions, p->constants, size);
    dvt_status status = blob->write(blob->context, &h, sizeof h);
    if (status == DVT_OK) status = blob->write(blob->context, p->instructions, code_bytes(&h));
    if (status == DVT_OK && size > 0) status = blob->write(blob->context, p->constants, size);
    if (status != DVT_OK)
        return fail(error, status, "save: the program could not be written (status %d)", status);
    return DVT_OK;
}

static dvt_status broken(const char *what, dvt_error *error) {
    return fail(error, DVT_INCOMPATIBLE,
                "load: these are not the bytes of a program that was saved (%s); compile it again",
                what);
}

/* Sizes that fit each other and the bytes that are there. */
static const char *misfit(const header *h, uint64_t bytes) {
    if (h->type >= N_TYPES) return "unknown element type";
    if (h->n_inputs > MAX_OPERANDS || h->n_outputs > MAX_OPERANDS - h->n_inputs)
        return "too many operands";
    if (h->n_registers > h->n_instructions) return "more registers than instructions";
    if (bytes < code_bytes(h)) return "cut short";
    const uint64_t left = bytes - code_bytes(h), size = element_bytes((element_type)h->type);
    if (h->count > UINT64_MAX / 16 / (h->n_constants + 1u)) return "impossible size";
    return left == h->n_constants * h->count * size ? NULL : "of another length than it says";
}

/* Printable and terminated: it will stand in a message, which is UTF-8. */
static bool is_text(const char *text, size_t size) {
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '\0') return true;
        if (text[i] < ' ' || text[i] > '~') return false;
    }
    return false;
}

dvt_status program_load(const dvt_blob *blob, dvt_executable **executable,
                        dvt_executable_info *info, dvt_error *error) {
    header h;
    dvt_status status = device_check(blob->device, error);
    if (status != DVT_OK) return status;
    if (blob->size < sizeof h) return broken("cut short", error);
    memcpy(&h, blob->bytes, sizeof h);
    if (memcmp(h.magic, MAGIC, sizeof h.magic) != 0) return broken("another format", error);
    const unsigned char *rest = (const unsigned char *)blob->bytes + sizeof h;
    const uint64_t bytes = blob->size - sizeof h;
    const char *what = misfit(&h, bytes);
    if (what != NULL) return broken(what, error);
    if (sum_of(h, rest, rest + code_bytes(&h), bytes - code_bytes(&h)) != h.check)
        return broken("checksum", error);
    if (!is_text(h.key, sizeof h.key)) return broken("compatibility key", error);
    if (strcmp(h.key, blob->device->key) != 0)
        return fail(error, DVT_INCOMPATIBLE,
                    "load: the program was compiled for %s, this device is %s; compile it again",
                    h.key, blob->device->key);
    dvt_executable *p = program_new(h.n_instructions, h.n_constants, h.count, (element_type)h.type);
    if (p == NULL) return fail(error, DVT_OUT_OF_MEMORY, "load: no host memory for the program");
    p->task.n_inputs = h.n_inputs;
    p->task.n_outputs = h.n_outputs;
    p->n_registers = h.n_registers;
    memcpy(p->instructions, rest, code_bytes(&h));
    memcpy(p->constants, rest + code_bytes(&h), bytes - code_bytes(&h));
    if (!program_is_sound(p)) {
        free(p);
        return broken("instructions", error);
    }
    program_finish(p, blob->device, info);
    *executable = p;
    return DVT_OK;
}
