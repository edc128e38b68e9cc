/* Refuses work at once where work before it has failed. */
#define CANCELS 1
#include "async_device.h"
