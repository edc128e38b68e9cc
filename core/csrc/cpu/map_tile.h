/* Element-wise kernels where a large operand is transposed against the output. */
#ifndef DVT_CPU_MAP_TILE_H
#define DVT_CPU_MAP_TILE_H

#include "map.h"

/* Run the call tile by tile when that is worth it; 0 when it is not, and nothing is done then. */
int dvt_map_run_tiled(const dvt_call *call, const dvt_map *map);

#endif
