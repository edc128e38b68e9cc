/* Pooling of int64. */
#include <stdint.h>

#define S int64_t
#define T int64_t
#define FROM(x) (x)
#define LOWEST INT64_MIN
#include "pool_max.h"

const dvt_pool_element dvt_pool_i64 = {.max = max, .size = sizeof(S)};
