/* Putting the validation layer over a plugin: its slots are replaced by ours, which call them. */
#include "validate.h"

#include <stdlib.h>

static _Atomic(dvv_layer *) layers; /* of all plugins; one is only ever added */

dvv_layer *dvv_layer_of(const dvt_host *host) {
    dvv_layer *v = atomic_load(&layers);
    while (v != NULL && &v->up != host) v = v->next;
    return v;
}

dvv_layer *dvv_layer_first(void) {
    return atomic_load(&layers);
}

dvv_layer *dvv_layer_over(const dvf_plugin *plugin) {
    dvv_layer *v = atomic_load(&layers);
    while (v != NULL && v->plugin != plugin) v = v->next;
    return v;
}

/* In the child after fork: another thread of the parent may have held a lock. */
static void unlock_in_child(void) {
    for (dvv_layer *v = atomic_load(&layers); v != NULL; v = v->next)
        pthread_mutex_init(&v->lock, NULL);
}

static void set_up(void) {
    pthread_atfork(NULL, NULL, unlock_in_child);
}

dvv_layer *dvv_layer_put(dvf_plugin *plugin) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, set_up);
    dvv_layer *v = dvv_layer_over(plugin);
    if (v != NULL) return v;
    v = calloc(1, sizeof *v);
    if (v == NULL) return NULL;
    v->below = *plugin;
    v->plugin = plugin;
    pthread_mutex_init(&v->lock, NULL);
    dvv_wrap_host(v);
    if (plugin->has_device) {
        dvv_wrap_device(v, &plugin->device);
        dvv_wrap_transfer(v, &plugin->device);
        dvv_wrap_streams(v, &plugin->device);
    }
    if (plugin->has_graph) dvv_wrap_graph(v, &plugin->graph);
    /* Extension tables take handles, and would get ours: no host of 1.0 uses one, so none is offered. */
    plugin->table.get_extension = NULL;
    plugin->prepare_row = dvv_prepare_row;
    plugin->host = &v->up;
    v->next = atomic_load(&layers);
    while (!atomic_compare_exchange_weak(&layers, &v->next, v)) {
    }
    return v;
}
