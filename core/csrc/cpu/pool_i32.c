/* Pooling of int32. */
#include <stdint.h>

#define S int32_t
#define T int32_t
#define FROM(x) (x)
#define LOWEST INT32_MIN
#include "pool_max.h"

const dvt_pool_element dvt_pool_i32 = {.max = max, .size = sizeof(S)};
