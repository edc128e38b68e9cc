/* Ends the process, politely, in the middle of the question. */
#include <stdlib.h>

#include "good.h"

QUERY {
    (void)host_min;
    (void)host_max;
    (void)host;
    (void)error;
    exit(3);
}
