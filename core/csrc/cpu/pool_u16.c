/* Pooling of uint16. */
#include <stdint.h>

#define S uint16_t
#define T uint16_t
#define FROM(x) (x)
#define LOWEST 0
#include "pool_max.h"

const dvt_pool_element dvt_pool_u16 = {.max = max, .size = sizeof(S)};
