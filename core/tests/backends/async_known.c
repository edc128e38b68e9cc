/* Addresses of a kind of memory that others may know. */
#define PLACE DVT_PLACE_VULKAN
#include "async_device.h"
