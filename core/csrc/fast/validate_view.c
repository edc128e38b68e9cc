/* Views: whether a dvt_tensor is what the header says, and whether its elements lie in live memory. */
#include "validate.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

bool dvv_measure(const dvt_tensor *t, dvv_span *span) {
    int64_t low = 0, last = 0, count = 1, packed = 1;
    bool contiguous = true;
    span->item = (uint32_t)t->dtype.bits * t->dtype.lanes / 8;
    uint32_t bits = (uint32_t)t->dtype.bits * t->dtype.lanes;
    if (bits % 8 != 0) span->item = 0;
    if (t->ndim < 0 || t->ndim > 64 || bits == 0) return false;
    if (t->ndim > 0 && (t->shape == NULL || t->strides == NULL)) return false;
    for (int32_t d = t->ndim - 1; d >= 0; d--) {
        int64_t n = t->shape[d], stride = t->strides[d], reach = 0;
        if (n < 0 || __builtin_mul_overflow(count, n, &count)) return false;
        if (n > 1 && stride != packed) contiguous = false;
        if (n > 1 && __builtin_mul_overflow(n - 1, stride, &reach)) return false;
        if (__builtin_add_overflow(reach < 0 ? low : last, reach, reach < 0 ? &low : &last))
            return false;
        if (n > 0 && __builtin_mul_overflow(packed, n, &packed)) return false;
    }
    span->elements = (uint64_t)count;
    span->contiguous = contiguous || count == 0;
    span->low = span->high = 0;
    if (count == 0) return true;
    if (span->item == 0) { /* packed: contiguous, or it is a finding */
        span->high = (int64_t)(((uint64_t)count * bits + 7) / 8);
        return true;
    }
    int64_t end;
    return !__builtin_mul_overflow(low, (int64_t)span->item, &span->low) &&
           !__builtin_add_overflow(last, 1, &end) &&
           !__builtin_mul_overflow(end, (int64_t)span->item, &span->high);
}

/* "float32 (2, 3) with strides (3, 1)" */
static const char *describe(const dvt_tensor *t, char *text, size_t size) {
    size_t n = (size_t)snprintf(text, size, "of type code %u, %u bits, shape (", t->dtype.code,
                                t->dtype.bits);
    for (int32_t d = 0; d < t->ndim && d < 6 && n < size; d++)
        n += (size_t)snprintf(text + n, size - n, "%s%" PRId64, d > 0 ? ", " : "", t->shape[d]);
    if (n < size) n += (size_t)snprintf(text + n, size - n, ") and strides (");
    for (int32_t d = 0; d < t->ndim && d < 6 && n < size; d++)
        n += (size_t)snprintf(text + n, size - n, "%s%" PRId64, d > 0 ? ", " : "", t->strides[d]);
    if (n < size) snprintf(text + n, size - n, ")");
    return text;
}

uint32_t dvv_alignment(dvt_dtype dtype) {
    uint32_t unit = dtype.code == DVT_COMPLEX ? dtype.bits / 16u : dtype.bits / 8u;
    return dtype.bits % 8 == 0 && dvv_power_of_two(unit) ? unit : 1;
}

/* Where elements of one write could fall together: stride 0, which is what broadcasting makes. */
static bool overlaps_itself(const dvt_tensor *t) {
    for (int32_t d = 0; d < t->ndim; d++)
        if (t->shape[d] > 1 && t->strides[d] == 0) return true;
    return false;
}

/* Of host memory only the part in this plugin's own blocks is known; the rest may be anybody's. */
static bool check_memory(dvv_frame *f, const char *role, uint32_t index, const dvt_tensor *t,
                         unsigned promises, const dvv_device *device, const dvv_span *span) {
    bool strict = !dvv_on_host(device), opaque = dvv_opaque(device, 0);
    uintptr_t first = (uintptr_t)t->data + t->byte_offset;
    if ((promises & DVV_ON_HOST) && strict) return true; /* not this device's memory */
    dvv_count(f->layer, DVV_MEMORY);
    pthread_mutex_lock(&f->layer->lock);
    dvv_block *b = dvv_block_at(f->layer, opaque ? (uintptr_t)t->data : first, opaque);
    uintptr_t base = b != NULL ? b->data : 0;
    uint64_t size = b != NULL ? b->size : 0;
    pthread_mutex_unlock(&f->layer->lock);
    if (base == 0) {
        if (strict)
            dvv_blame_host(f,
                           "%s %u lies at %p + %" PRIu64 ", which is in no live memory of %s: it "
                           "was released, or never allocated",
                           role, index, t->data, t->byte_offset,
                           device != NULL ? device->label : "the host");
        return !strict; /* a host pointer may come from anywhere */
    }
    int64_t at = (int64_t)(first - base);
    if (at + span->low >= 0 && at + span->high <= (int64_t)size) return true;
    dvv_blame_host(f,
                   "%s %u reaches bytes %" PRId64 " to %" PRId64 " of memory of %" PRIu64 " bytes",
                   role, index, at + span->low, at + span->high, size);
    return false;
}

bool dvv_check_view(dvv_frame *f, const char *role, uint32_t index, const dvt_tensor *t,
                    unsigned promises, const dvv_device *device, dvv_span *span) {
    char text[200];
    dvv_count(f->layer, DVV_VIEWS);
    if (t == NULL) {
        dvv_blame_host(f, "%s %u is null", role, index);
        return false;
    }
    if (!dvv_measure(t, span)) {
        dvv_blame_host(f, "%s %u is no possible view: %d axes, %u bits, shape %s, strides %s", role,
                       index, (int)t->ndim, t->dtype.bits, t->shape != NULL ? "given" : "null",
                       t->strides != NULL ? "given" : "null");
        return false;
    }
    if (span->elements == 0) return true;
    if (t->data == NULL) {
        dvv_blame_host(f, "%s %u %s has elements but no data", role, index,
                       describe(t, text, sizeof text));
        return false;
    }
    if (!span->contiguous && (span->item == 0 || !(promises & DVV_ANY_STRIDES))) {
        dvv_blame_host(f, "%s %u %s is not contiguous, %s", role, index,
                       describe(t, text, sizeof text),
                       span->item == 0 ? "as packed types must be"
                                       : "but the row does not set DVT_KERNEL_STRIDED");
        return false;
    }
    /* A handle is no address: there the offset alone can be judged. */
    bool handle = dvv_opaque(device, 0) && !(promises & DVV_ELSEWHERE);
    uintptr_t first = (handle ? 0 : (uintptr_t)t->data) + t->byte_offset;
    uint32_t unit = dvv_alignment(t->dtype);
    if (!(promises & (DVV_ANY_ALIGNMENT | DVV_ELSEWHERE)) && first % unit != 0) {
        dvv_blame_host(f, "%s %u at %p is not aligned to its elements of %u bytes", role, index,
                       (void *)first, unit);
        return false;
    }
    if ((promises & DVV_WRITTEN) && overlaps_itself(t)) {
        dvv_blame_host(f, "%s %u %s is written, but several of its elements share one place", role,
                       index, describe(t, text, sizeof text));
        return false;
    }
    if (promises & DVV_ELSEWHERE) return true;
    return check_memory(f, role, index, t, promises, device, span);
}

bool dvv_walk(const dvt_tensor *t, char *a, char *b, dvv_visit visit, void *context) {
    dvv_span span;
    if (!dvv_measure(t, &span) || span.elements == 0) return true;
    if (span.contiguous) return visit(context, a, b, (size_t)(span.high - span.low));
    /* The innermost axes that lie together are one piece. */
    int32_t outer = t->ndim;
    int64_t piece = 1;
    while (outer > 0 && (t->shape[outer - 1] == 1 || t->strides[outer - 1] == piece))
        piece *= t->shape[--outer];
    int64_t at[64] = {0}, offset = 0, item = span.item;
    for (;;) {
        if (!visit(context, a + offset * item, b + offset * item, (size_t)(piece * item)))
            return false;
        int32_t d = outer - 1;
        for (; d >= 0; d--) {
            offset += t->strides[d];
            if (++at[d] < t->shape[d]) break;
            offset -= t->shape[d] * t->strides[d];
            at[d] = 0;
        }
        if (d < 0) return true;
    }
}
