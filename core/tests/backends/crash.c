/* Writes to address 0 when it is asked. */
#include "good.h"

QUERY {
    volatile int *volatile nowhere = NULL;
    (void)host_min;
    (void)host_max;
    (void)host;
    (void)error;
    *nowhere = 1;
    return NULL;
}
