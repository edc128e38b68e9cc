/* Packing and storing for one element type, included once per type and after matmul_simd.h.
 * DVT_PACK(name) names the functions, S is the element in memory, FROM and TO convert. */

/* Items side by side: whole rows of the panels are copied, a few k at a time over all panels, so
 * that memory is read in order. */
DVT_GEMM_INLINE void DVT_PACK(across)(const S *from, int64_t depth, int64_t count, int64_t k,
                                      const int width, T *to) {
    const int64_t full = count / width;
    for (int64_t p0 = 0; p0 < k; p0 += 8) {
        const int64_t p1 = p0 + 8 < k ? p0 + 8 : k;
        for (int64_t j = 0; j < full; j++)
            for (int64_t p = p0; p < p1; p++) {
                const S *in = from + p * depth + j * width;
                T *out = to + (j * k + p) * width;
                for (int i = 0; i < width; i++) out[i] = FROM(in[i]);
            }
    }
    const int64_t rest = count - full * width;
    for (int64_t p = 0; rest > 0 && p < k; p++) {
        const S *in = from + p * depth + full * width;
        T *out = to + (full * k + p) * width;
        for (int64_t i = 0; i < width; i++) out[i] = i < rest ? FROM(in[i]) : (T)0;
    }
}

/* Any strides; rows of the matrix become columns of the panel. */
DVT_GEMM_INLINE void DVT_PACK(along)(const S *from, int64_t item, int64_t depth, int64_t count,
                                     int64_t k, const int width, T *to) {
    for (int64_t first = 0; first < count; first += width, to += width * k) {
        const S *in = from + first * item;
        int64_t p = 0;
        if (count - first >= width) {
#ifdef DVT_PACK_TURN
            if (depth == 1) p = DVT_PACK_TURN(in, item, k, width, to);
#endif
            for (; p < k; p++)
                for (int i = 0; i < width; i++) to[p * width + i] = FROM(in[i * item + p * depth]);
        } else {
            for (; p < k; p++)
                for (int64_t i = 0; i < width; i++)
                    to[p * width + i] = first + i < count ? FROM(in[i * item + p * depth]) : (T)0;
        }
    }
}

static void DVT_PACK(pack)(const dvt_gemm_source *source, int64_t first, int64_t count, int64_t k0,
                           int64_t k, int width, void *panels) {
    const S *from = (const S *)source->data + first * source->item + k0 * source->depth;
    if (width == NR && source->item == 1)
        DVT_PACK(across)(from, source->depth, count, k, NR, panels);
    else if (width == NR)
        DVT_PACK(along)(from, source->item, source->depth, count, k, NR, panels);
    else if (source->item == 1)
        DVT_PACK(across)(from, source->depth, count, k, MR, panels);
    else
        DVT_PACK(along)(from, source->item, source->depth, count, k, MR, panels);
}

static void DVT_PACK(store)(const dvt_gemm_sink *sink, int64_t row, int64_t rows, int64_t column,
                            int64_t columns, const void *block, int64_t ld) {
    const T *from = block;
    for (int64_t i = 0; i < rows; i++, from += ld) {
        S *to = (S *)sink->data + (row + i) * sink->row + column * sink->column;
        if (sink->column == 1)
            for (int64_t j = 0; j < columns; j++) to[j] = TO(from[j]);
        else
            for (int64_t j = 0; j < columns; j++) to[j * sink->column] = TO(from[j]);
    }
}
