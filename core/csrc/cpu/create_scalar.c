/* A scalar attribute as an element of any type. */
#include "create.h"

#include <string.h>

#include "half.h"

/* Toward zero, with the last bit set when anything was lost: a shorter float that is rounded from
 * this is the one that is rounded from the double. */
static float round_to_odd(double value) {
    float near = (float)value;
    uint32_t bits;
    if ((double)near == value || value != value) return near;
    memcpy(&bits, &near, sizeof bits);
    if ((value < 0 ? -value : value) < (double)(near < 0 ? -near : near)) bits--;
    bits |= 1u;
    memcpy(&near, &bits, sizeof bits);
    return near;
}

/* Toward zero, held at the ends of 64 bits, which shorter integers are cut from; NaN is zero. */
static int64_t to_signed(double value) {
    if (value != value) return 0;
    if (value >= 0x1p63) return INT64_MAX;
    return value < -0x1p63 ? INT64_MIN : (int64_t)value;
}

static uint64_t to_unsigned(double value) {
    if (!(value > 0)) return 0;
    return value >= 0x1p64 ? UINT64_MAX : (uint64_t)value;
}

static int64_t clamp(int64_t value, int64_t low, int64_t high) {
    return value < low ? low : value > high ? high : value;
}

int dvt_scalar_element(const dvt_attr *attr, dvt_type type, void *element) {
    const int whole = attr && attr->kind == DVT_ATTR_INT64;
    int64_t integer = 0;
    double real = 0;
    if (attr && (attr->count != 1 || (!whole && attr->kind != DVT_ATTR_FLOAT64))) return 0;
    if (whole) {
        integer = *(const int64_t *)attr->values;
        real = (double)integer;
    } else if (attr) {
        real = *(const double *)attr->values;
    }
    switch (type) {
    case DVT_TYPE_BOOL:
        *(uint8_t *)element = whole ? integer != 0 : real != 0;
        return 1;
#define SIGNED(end, END, c_type)                                                                   \
    case DVT_TYPE_##END: {                                                                         \
        const int64_t high = (int64_t)(UINT64_MAX >> (65 - 8 * sizeof(c_type)));                   \
        const c_type value = (c_type)(whole ? integer : clamp(to_signed(real), -high - 1, high));  \
        memcpy(element, &value, sizeof value);                                                     \
        return 1;                                                                                  \
    }
        DVT_SIGNED_TYPES(SIGNED)
#define UNSIGNED(end, END, c_type)                                                                 \
    case DVT_TYPE_##END: {                                                                         \
        const uint64_t high = UINT64_MAX >> (64 - 8 * sizeof(c_type)), held = to_unsigned(real);   \
        const c_type value = (c_type)(whole ? (uint64_t)integer : held < high ? held : high);      \
        memcpy(element, &value, sizeof value);                                                     \
        return 1;                                                                                  \
    }
        DVT_UNSIGNED_TYPES(UNSIGNED)
    case DVT_TYPE_F16:
    case DVT_TYPE_BF16: {
        const float odd = round_to_odd(real);
        dvt_half_narrow(dvt_half_of(type), element, &odd, 1);
        return 1;
    }
    case DVT_TYPE_F32: {
        const float value = whole ? (float)integer : (float)real;
        memcpy(element, &value, sizeof value);
        return 1;
    }
    case DVT_TYPE_F64:
        memcpy(element, &real, sizeof real);
        return 1;
    default:
        return 0;
    }
}
