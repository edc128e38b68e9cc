/* Pooling of int16. */
#include <stdint.h>

#define S int16_t
#define T int16_t
#define FROM(x) (x)
#define LOWEST INT16_MIN
#include "pool_max.h"

const dvt_pool_element dvt_pool_i16 = {.max = max, .size = sizeof(S)};
