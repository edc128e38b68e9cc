/* Loops and choices inside plans: kernels that call compiled bodies (plan_entry.c) on the memory of the
 * step they run in. A loop's state alternates between two sets of buffers in the step's workspace; rows
 * that go in or come out at every turn are read and written in place.
 *
 * An Entry has one set of buffers, so a kernel of this file runs one call at a time. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fast.h"

#include "../../src/dovetail/include/dovetail_compiled.h"

#define ALIGNMENT 64u
#define LOOK_EVERY_NS 50000000

typedef struct control {
    pthread_mutex_t lock;
    PyObject *bodies; /* tuple of Entry */
    const dvt_compiled **compiled;
    const void **in; /* room for the operands of the largest body */
    void **out;
    uint64_t *sizes; /* bytes of a body's inputs (first body of scan and while) */
    int64_t n_bodies, n_carry, n_rows, length, max_steps;
    bool reverse;
} control;

static char *data_of(const dvt_tensor *t) {
    return (char *)t->data + t->byte_offset;
}

static uint64_t bytes_of(const dvt_tensor *t) {
    uint64_t size = (uint64_t)t->dtype.bits * t->dtype.lanes / 8;
    for (int32_t d = 0; d < t->ndim; d++) size *= (uint64_t)t->shape[d];
    return size;
}

static uint64_t aligned(uint64_t size) {
    return (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

/* When a loop last looked for Ctrl-C, and after how many turns it looks again. */
typedef struct watch {
    int64_t last_ns, turns, every;
} watch;

static watch watch_start(void) {
    return (watch){.last_ns = dvf_now_ns(), .turns = 0, .every = 1};
}

/* Whether Ctrl-C was pressed: a loop may run for ever. Quick turns are counted, not timed one by one.
 * The interpreter is told again afterwards. */
static bool interrupted(watch *w) {
    if (++w->turns < w->every) return false;
    w->turns = 0;
    int64_t now = dvf_now_ns(), spent = now - w->last_ns;
    if (spent < LOOK_EVERY_NS / 8) {
        if (w->every < 4096) w->every *= 2;
        return false;
    }
    if (spent > LOOK_EVERY_NS && w->every > 1) w->every /= 2;
    w->last_ns = now;
    PyGILState_STATE state = PyGILState_Ensure();
    bool pressed = PyErr_CheckSignals() < 0;
    if (pressed) {
        PyErr_Clear();
        PyErr_SetInterrupt();
    }
    PyGILState_Release(state);
    return pressed;
}

static dvt_status stopped(dvt_error *error, const char *what, int64_t steps) {
    snprintf(error->message, sizeof error->message, "%s: interrupted after %lld steps", what,
             (long long)steps);
    return DVT_CANCELLED;
}

/* The buffer of carried value k in one of the two sets. */
static char *carry_buffer(const control *c, const dvt_call *call, int64_t set, int64_t k) {
    char *at = call->workspace;
    for (int64_t i = 0; i < k; i++) at += aligned(c->sizes[i]);
    if (set == 0) return at;
    for (int64_t i = 0; i < c->n_carry; i++) at += aligned(c->sizes[i]);
    return at;
}

static dvt_status scan_steps(control *c, const dvt_call *call, dvt_error *error) {
    const dvt_compiled *body = c->compiled[0];
    int64_t n_in = call->n_inputs, n_out = call->n_outputs;
    watch seen = watch_start();
    for (int64_t k = c->n_carry + c->n_rows; k < n_in; k++) c->in[k] = data_of(call->inputs[k]);
    for (int64_t t = 0; t < c->length; t++) {
        int64_t row = c->reverse ? c->length - 1 - t : t;
        for (int64_t k = 0; k < c->n_carry; k++) {
            c->in[k] = t == 0 ? data_of(call->inputs[k]) : (char *)c->out[k];
            c->out[k] =
                t == c->length - 1 ? data_of(call->outputs[k]) : carry_buffer(c, call, t & 1, k);
        }
        for (int64_t k = c->n_carry; k < c->n_carry + c->n_rows; k++)
            c->in[k] = data_of(call->inputs[k]) + (uint64_t)row * c->sizes[k];
        for (int64_t k = c->n_carry; k < n_out; k++)
            c->out[k] = data_of(call->outputs[k]) + (uint64_t)row * bytes_of(&body->outputs[k]);
        dvt_status status = body->call(body->context, c->in, c->out, error);
        if (status != DVT_OK) return status;
        if (interrupted(&seen)) return stopped(error, "scan", t + 1);
    }
    for (int64_t k = 0; c->length == 0 && k < c->n_carry; k++)
        if (c->sizes[k] > 0)
            memcpy(data_of(call->outputs[k]), data_of(call->inputs[k]), c->sizes[k]);
    return DVT_OK;
}

static dvt_status while_steps(control *c, const dvt_call *call, dvt_error *error) {
    const dvt_compiled *condition = c->compiled[0], *body = c->compiled[1];
    int64_t n_condition = condition->n_inputs, n_body = body->n_inputs, steps = 0;
    watch seen = watch_start();
    for (int64_t k = 0; k < c->n_carry; k++) c->in[k] = data_of(call->inputs[k]);
    for (;;) {
        uint8_t more = 0;
        void *answer = &more;
        for (int64_t k = c->n_carry; k < n_condition; k++) c->in[k] = data_of(call->inputs[k]);
        dvt_status status = condition->call(condition->context, c->in, &answer, error);
        if (status != DVT_OK) return status;
        if (!more) break;
        if (c->max_steps >= 0 && steps >= c->max_steps) {
            snprintf(error->message, sizeof error->message,
                     "the condition still holds after max_steps=%lld steps; raise max_steps or "
                     "make the loop end sooner",
                     (long long)c->max_steps);
            return DVT_INVALID_ARGUMENT;
        }
        for (int64_t k = c->n_carry; k < n_body; k++)
            c->in[k] = data_of(call->inputs[k - c->n_carry + n_condition]);
        for (int64_t k = 0; k < c->n_carry; k++) c->out[k] = carry_buffer(c, call, steps & 1, k);
        status = body->call(body->context, c->in, c->out, error);
        if (status != DVT_OK) return status;
        for (int64_t k = 0; k < c->n_carry; k++) c->in[k] = c->out[k];
        steps++;
        if (interrupted(&seen)) return stopped(error, "while_loop", steps);
    }
    for (int64_t k = 0; k < c->n_carry; k++)
        if (c->sizes[k] > 0) memcpy(data_of(call->outputs[k]), c->in[k], c->sizes[k]);
    return DVT_OK;
}

static dvt_status switch_branch(control *c, const dvt_call *call, dvt_error *error) {
    int32_t index;
    memcpy(&index, data_of(call->inputs[0]), sizeof index);
    int64_t at = index < 0 ? 0 : index >= c->n_bodies ? c->n_bodies - 1 : index;
    const dvt_compiled *body = c->compiled[at];
    for (uint32_t k = 1; k < call->n_inputs; k++) c->in[k - 1] = data_of(call->inputs[k]);
    for (uint32_t k = 0; k < call->n_outputs; k++) c->out[k] = data_of(call->outputs[k]);
    return body->call(body->context, c->in, c->out, error);
}

#define LOCKED(name, steps)                                                                        \
    static dvt_status name(const dvt_call *call, dvt_error *error) {                               \
        control *c = (control *)call->kernel;                                                      \
        pthread_mutex_lock(&c->lock);                                                              \
        dvt_status status = steps(c, call, error);                                                 \
        pthread_mutex_unlock(&c->lock);                                                            \
        return status;                                                                             \
    }
LOCKED(run_scan, scan_steps)
LOCKED(run_while, while_steps)
LOCKED(run_switch, switch_branch)

static void control_free(dvt_kernel *handle) {
    control *c = (control *)handle;
    pthread_mutex_destroy(&c->lock);
    Py_XDECREF(c->bodies);
    free(c->compiled);
    free(c->in);
    free(c->out);
    free(c->sizes);
    free(c);
}

/* The bodies' C functions, and room for the operands of the largest. */
static int read_bodies(control *c, PyObject *bodies) {
    uint32_t n_in = 1, n_out = 1;
    c->n_bodies = PyTuple_GET_SIZE(bodies);
    c->bodies = Py_NewRef(bodies);
    c->compiled = calloc((size_t)c->n_bodies + 1, sizeof *c->compiled);
    if (c->compiled == NULL) return -1;
    for (int64_t i = 0; i < c->n_bodies; i++) {
        PyObject *address = PyObject_GetAttrString(PyTuple_GET_ITEM(bodies, i), "address");
        if (address == NULL) return -1;
        c->compiled[i] = PyLong_AsVoidPtr(address);
        Py_DECREF(address);
        if (c->compiled[i] == NULL) return -1;
        if (c->compiled[i]->n_inputs > n_in) n_in = c->compiled[i]->n_inputs;
        if (c->compiled[i]->n_outputs > n_out) n_out = c->compiled[i]->n_outputs;
    }
    const dvt_compiled *last = c->compiled[c->n_bodies - 1]; /* of a while: its body */
    c->in = calloc(n_in, sizeof *c->in);
    c->out = calloc(n_out, sizeof *c->out);
    c->sizes = calloc((size_t)last->n_inputs + 1, sizeof *c->sizes);
    if (c->in == NULL || c->out == NULL || c->sizes == NULL) return -1;
    for (uint32_t k = 0; k < last->n_inputs; k++) c->sizes[k] = bytes_of(&last->inputs[k]);
    return 0;
}

static uint64_t carry_bytes(const control *c) {
    uint64_t total = 0;
    for (int64_t k = 0; k < c->n_carry; k++) total += 2 * aligned(c->sizes[k]);
    return total;
}

/* control_kernel(device, kind, bodies, n_carry, n_rows, length, max_steps, reverse) -> Kernel. kind is
 * "scan", "while_loop" or "switch"; bodies are Entries: (body,), (condition, body) or the branches.
 * max_steps < 0: no bound. */
PyObject *dvf_py_control_kernel(PyObject *self, PyObject *args) {
    (void)self;
    PyObject *device, *kind, *bodies;
    long long n_carry, n_rows, length, max_steps;
    int reverse;
    if (!PyArg_ParseTuple(args, "O!UO!LLLLp", dvf_device_type, &device, &kind, &PyTuple_Type,
                          &bodies, &n_carry, &n_rows, &length, &max_steps, &reverse))
        return NULL;
    if (PyTuple_GET_SIZE(bodies) == 0) {
        PyErr_SetString(PyExc_ValueError, "control flow needs a body");
        return NULL;
    }
    control *c = calloc(1, sizeof *c);
    if (c == NULL) return PyErr_NoMemory();
    pthread_mutex_init(&c->lock, NULL);
    c->n_carry = n_carry;
    c->n_rows = n_rows;
    c->length = length;
    c->max_steps = max_steps;
    c->reverse = reverse != 0;
    dvf_kernel *k = NULL;
    if (read_bodies(c, bodies) == 0) k = PyObject_New(dvf_kernel, dvf_kernel_type);
    if (k == NULL) {
        control_free((dvt_kernel *)c);
        return PyErr_Occurred() ? NULL : PyErr_NoMemory();
    }
    memset((char *)k + sizeof(PyObject), 0, sizeof *k - sizeof(PyObject));
    const char *word = PyUnicode_AsUTF8(kind);
    k->run = strcmp(word, "scan") == 0         ? run_scan
             : strcmp(word, "while_loop") == 0 ? run_while
                                               : run_switch;
    k->device = (dvf_device *)Py_NewRef(device);
    k->op_name = Py_NewRef(kind);
    k->handle = (dvt_kernel *)c;
    k->destroy = control_free;
    k->workspace_size = carry_bytes(c);
    k->workspace_alignment = ALIGNMENT;
    k->row_flags = DVT_KERNEL_EMPTY;
    return (PyObject *)k;
}
