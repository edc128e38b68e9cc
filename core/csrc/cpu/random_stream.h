/* What samplers that reject proposals read: every element has blocks of Philox of its own, so that how
 * often its neighbours reject does not matter to it. Block `number` of element i has the counter (low
 * and high half of i, number, tag); the tag, never 0, is the sampler's. */
#ifndef DVT_CPU_RANDOM_STREAM_H
#define DVT_CPU_RANDOM_STREAM_H

#include "random_keys.h"
#include "random_math.h"
#include "random_philox.h"

/* Part of what the ops mean: ops/philox.py and the samplers' records say the same. */
#define DVT_STREAM_GAMMA 1
#define DVT_STREAM_POISSON 2
#define DVT_STREAM_BINOMIAL 3
#define DVT_STREAM_TRUNCATED_NORMAL 4
#define DVT_STREAM_VON_MISES 5

/* Parameters of the distribution and where results go: an element of each per element. */
typedef struct dvt_sampler {
    const void *parameters[2];
    void *to;
    int single;    /* parameters are float32, as are results that are floats */
    int logarithm; /* of the draw is what is asked for */
} dvt_sampler;

typedef struct dvt_stream_of {
    const uint32_t *key;
    uint64_t element;
    uint32_t tag;
} dvt_stream_of;

DVT_PORTABLE void dvt_stream_pair(const dvt_stream_of *s, uint32_t number, uint64_t pair[2]) {
    const uint32_t high[2] = {number, s->tag};
    uint32_t words[DVT_PHILOX_WORDS];
    dvt_philox_block(words, s->element, s->key, high);
    pair[0] = words[0] | (uint64_t)words[1] << 32;
    pair[1] = words[2] | (uint64_t)words[3] << 32;
}

/* Block 1 of n elements. */
DVT_PORTABLE void dvt_stream_first(uint64_t *pairs, uint32_t tag, const uint32_t key[2],
                                   uint64_t first, uint64_t n) {
    const uint32_t high[2] = {1, tag};
    dvt_philox_at((uint32_t *)(void *)pairs, first, n, key, high);
}

/* The middle of one of 2^52 equal intervals of (0, 1). */
DVT_PORTABLE double dvt_open_unit(uint64_t word) {
    return (dvt_whole_f64(word >> 12) + 0.5) * 0x1p-52;
}

DVT_PORTABLE double dvt_parameter(const dvt_sampler *s, unsigned which, uint64_t i) {
    return s->single ? (double)((const float *)s->parameters[which])[i]
                     : ((const double *)s->parameters[which])[i];
}

DVT_PORTABLE void dvt_store_real(const dvt_sampler *s, uint64_t i, double value) {
    if (s->single)
        ((float *)s->to)[i] = (float)value;
    else
        ((double *)s->to)[i] = value;
}

/* Operand 0 holds the keys, the others the parameters. */
DVT_PORTABLE dvt_sampler dvt_sampler_of(const dvt_call *call) {
    dvt_sampler s = {.to = dvt_tensor_data(call->outputs[0])};
    for (uint32_t i = 1; i < call->n_inputs && i < 3; i++)
        s.parameters[i - 1] = dvt_tensor_data(call->inputs[i]);
    s.single = dvt_type_of(call->inputs[1]->dtype) == DVT_TYPE_F32;
    s.logarithm = dvt_attr_int(call->attrs, call->n_attrs, "log", 0) != 0;
    return s;
}

#endif
