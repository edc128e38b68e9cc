/* Answers null, with a reason. */
#include "good.h"

QUERY {
    (void)host_min;
    (void)host_max;
    host->fail(host, error, DVT_INTERNAL, "the licence server \xe2\x80\xa6 is asleep");
    return NULL;
}
