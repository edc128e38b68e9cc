/* Needs ABI 1.9 and says so itself, through the header's macro. */
#include "good.h"

QUERY {
    (void)host;
    DVT_PLUGIN_CHECK(host_min, host_max, 65536 + 9, error);
    return NULL;
}
