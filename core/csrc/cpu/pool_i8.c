/* Pooling of int8. */
#include <stdint.h>

#define S int8_t
#define T int8_t
#define FROM(x) (x)
#define LOWEST INT8_MIN
#include "pool_max.h"

const dvt_pool_element dvt_pool_i8 = {.max = max, .size = sizeof(S)};
