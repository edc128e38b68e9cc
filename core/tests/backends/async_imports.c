/* Imports what lies at an address of another kind. */
#define PLACE DVT_PLACE_METAL
#define IMPORTS 1
#include "async_device.h"
