/* Little memory, which is back only when the work before its release is done. */
#define LIMIT (2 << 20)
#include "async_device.h"
