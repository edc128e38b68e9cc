/* Pooling of uint8. */
#include <stdint.h>

#define S uint8_t
#define T uint8_t
#define FROM(x) (x)
#define LOWEST 0
#include "pool_max.h"

const dvt_pool_element dvt_pool_u8 = {.max = max, .size = sizeof(S)};
