/* Pooling of uint32. */
#include <stdint.h>

#define S uint32_t
#define T uint32_t
#define FROM(x) (x)
#define LOWEST 0
#include "pool_max.h"

const dvt_pool_element dvt_pool_u32 = {.max = max, .size = sizeof(S)};
