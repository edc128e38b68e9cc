/* Pooling of bfloat16, computed in float32. */
#include "matmul_half.h"
#include <math.h>

#define S uint16_t
#define T float
#define FROM(x) dvt_product_from_bf16(x)
#define TO(x) dvt_product_to_bf16(x)
#define ISNAN(x) ((x) != (x))
#define LOWEST 0xff80u /* minus infinity */
#include "pool_max.h"
#include "pool_average.h"

const dvt_pool_element dvt_pool_bf16 = {max, average, average_gradient, sizeof(S)};
