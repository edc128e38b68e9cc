/* Pooling of float64. */
#include <math.h>

#define S double
#define T double
#define FROM(x) (x)
#define TO(x) (x)
#define ISNAN(x) ((x) != (x))
#define LOWEST (-(double)INFINITY)
#include "pool_max.h"
#include "pool_average.h"

const dvt_pool_element dvt_pool_f64 = {max, average, average_gradient, sizeof(S)};
