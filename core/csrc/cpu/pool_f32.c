/* Pooling of float32. */
#include <math.h>

#define S float
#define T float
#define FROM(x) (x)
#define TO(x) (x)
#define ISNAN(x) ((x) != (x))
#define LOWEST -INFINITY
#include "pool_max.h"
#include "pool_average.h"

const dvt_pool_element dvt_pool_f32 = {max, average, average_gradient, sizeof(S)};
