/* Never answers. */
#include <unistd.h>

#include "good.h"

QUERY {
    (void)host_min;
    (void)host_max;
    (void)host;
    (void)error;
    for (;;) sleep(1);
}
