/* Pooling of uint64. */
#include <stdint.h>

#define S uint64_t
#define T uint64_t
#define FROM(x) (x)
#define LOWEST 0
#include "pool_max.h"

const dvt_pool_element dvt_pool_u64 = {.max = max, .size = sizeof(S)};
