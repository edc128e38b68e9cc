/* Options of a device: typed attributes of device_open, or one environment variable named after the
 * device word, ACCELERATOR_OPTIONS="memory=1048576,delay_us=50", which the attributes override. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device.h"

static const struct {
    const char *name;
    size_t place;
} NUMBERS[] = {
    {"memory", offsetof(options, memory)},   {"scratch", offsetof(options, scratch)},
    {"queue", offsetof(options, queue)},     {"opaque", offsetof(options, opaque)},
    {"chip", offsetof(options, chip)},       {"delay_us", offsetof(options, delay_us)},
    {"copy_us", offsetof(options, copy_us)}, {"seed", offsetof(options, seed)},
    {"fail_at", offsetof(options, fail_at)}, {"oom_at", offsetof(options, oom_at)},
    {"lose_at", offsetof(options, lose_at)},
};

static uint64_t *number(options *o, const char *name) {
    for (size_t i = 0; i < sizeof NUMBERS / sizeof NUMBERS[0]; i++)
        if (strcmp(NUMBERS[i].name, name) == 0)
            return (uint64_t *)(void *)((char *)o + NUMBERS[i].place);
    return NULL;
}

/* Text of any length, cut at a whole character. */
static void take_text(options *o, const char *text) {
    dvt_error cut = {.struct_size = sizeof cut};
    dvt_set_error(&cut, DVT_OK, text);
    memcpy(o->fail_text, cut.message, sizeof o->fail_text);
}

static dvt_status unknown(const char *name, dvt_error *error) {
    return fail(error, DVT_INVALID_ARGUMENT,
                "device " DEVICE_WORD
                " has no option %s; it has memory, scratch, queue, opaque, chip, "
                "delay_us, copy_us, seed, fail_at, fail_text, oom_at and lose_at",
                name);
}

/* The environment variable of this device word, in capitals; null when it is not set. */
static const char *environment(void) {
    char name[64] = DEVICE_WORD "_OPTIONS";
    for (char *c = name; *c != '\0'; c++)
        if (*c >= 'a' && *c <= 'z') *c = (char)(*c - 'a' + 'A'); /* whatever the locale */
    return getenv(name);
}

/* The next "name=value" of a list; returns where the list goes on, or null at its end. */
static const char *next_pair(const char *text, char *name, size_t name_room, char *value,
                             size_t value_room) {
    size_t length = strcspn(text, ","), equals = strcspn(text, "=");
    size_t key = equals < length ? equals : length, skip = equals < length ? equals + 1 : length;
    if (text[0] == '\0') return NULL;
    snprintf(name, name_room, "%.*s", (int)key, text);
    snprintf(value, value_room, "%.*s", (int)(length - skip), text + skip);
    return text + length + (text[length] == ',');
}

static dvt_status read_environment(options *o, dvt_error *error) {
    const char *text = environment();
    char name[32], value[1024];
    while (text != NULL && (text = next_pair(text, name, sizeof name, value, sizeof value))) {
        uint64_t *slot = number(o, name);
        if (slot != NULL) {
            char *end = NULL;
            *slot = strtoull(value, &end, 10);
            if (value[0] < '0' || value[0] > '9' || *end != '\0')
                return fail(error, DVT_INVALID_ARGUMENT,
                            "option %s of device " DEVICE_WORD " is '%s'; it must be a number",
                            name, value);
        } else if (strcmp(name, "fail_text") == 0) {
            take_text(o, value);
        } else if (strcmp(name, "devices") != 0) {
            return unknown(name, error);
        }
    }
    return DVT_OK;
}

uint32_t options_devices(void) {
    const char *text = environment();
    char name[32], value[16];
    while (text != NULL && (text = next_pair(text, name, sizeof name, value, sizeof value)))
        if (strcmp(name, "devices") == 0) return (uint32_t)strtoul(value, NULL, 10);
    return 2;
}

dvt_status options_read(const dvt_device_desc *desc, options *out, dvt_error *error) {
    *out = (options){.memory = UINT64_C(1) << 28,
                     .scratch = UINT64_C(1) << 20,
                     .queue = 64,
                     .chip = 1,
                     .fail_text = "the simulated fault"};
    dvt_status status = read_environment(out, error);
    for (uint32_t i = 0; status == DVT_OK && i < desc->n_options; i++) {
        const dvt_attr *a = &desc->options[i];
        uint64_t *slot = number(out, a->name);
        bool is_text = strcmp(a->name, "fail_text") == 0;
        if (slot == NULL && !is_text) return unknown(a->name, error);
        if (a->count != 1 || a->kind != (is_text ? DVT_ATTR_STRING : DVT_ATTR_INT64))
            return fail(error, DVT_INVALID_ARGUMENT,
                        "option %s of device " DEVICE_WORD " must be one %s", a->name,
                        is_text ? "text" : "integer");
        if (is_text)
            take_text(out, ((const char *const *)a->values)[0]);
        else
            *slot = (uint64_t)((const int64_t *)a->values)[0];
    }
    if (status == DVT_OK && (out->queue < 1 || out->queue > 65536))
        return fail(error, DVT_INVALID_ARGUMENT, "option queue must lie between 1 and 65536");
    return status;
}
