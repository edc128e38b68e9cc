/* Faults on request, so that what comes after one can be tested. A real driver has none of this file;
 * its calls are the places where a driver's own failures arise. Options of device_open, or of the
 * environment variable ACCELERATOR_OPTIONS (see options.c), read when the device is opened:
 *
 *   delay_us=N    every command waits up to N microseconds first, a pseudo-random time
 *   seed=N        of those times; the same seed gives the same times
 *   copy_us=N     every copy takes N microseconds longer
 *   fail_at=N     the N-th call that computes, copies or fills (from 1, counted over all streams as
 *                 they are enqueued) fails when the queue comes to it
 *   fail_text=T   with this text (in the environment variable: without commas)
 *   oom_at=N      the N-th allocation finds no memory
 *   lose_at=N     the N-th call takes the device down: DVT_DEVICE_LOST from there on
 *
 * On a stream the failure is sticky, without one the call itself returns it. */
#include "device.h"

uint64_t faults_count(dvt_device *device) {
    return atomic_fetch_add(&device->calls, 1) + 1;
}

bool faults_no_memory(dvt_device *device) {
    uint64_t number = atomic_fetch_add(&device->allocations, 1) + 1;
    return number == device->options.oom_at;
}

/* splitmix64: one well mixed number for each call, whatever thread asks. */
static uint64_t mixed(uint64_t x) {
    x += UINT64_C(0x9E3779B97F4A7C15);
    x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94D049BB133111EB);
    return x ^ (x >> 31);
}

dvt_status faults_strike(dvt_device *device, uint64_t number, bool is_copy, dvt_error *error) {
    const options *o = &device->options;
    uint64_t us = is_copy ? o->copy_us : 0;
    if (o->delay_us > 0) us += mixed(o->seed ^ (number << 20)) % (o->delay_us + 1);
    if (us > 0) sleep_us(us);
    if (number == o->lose_at) {
        atomic_store(&device->state, DEVICE_GONE);
        device->host->log(device->host, DVT_LOG_ERROR, DEVICE_WORD ": the device is lost");
    }
    if (number == o->fail_at)
        return fail(error, DVT_INTERNAL, "call %llu: %s", (unsigned long long)number, o->fail_text);
    return device_check(device, error);
}
