/* The backward pass of attention_block.h: the weights are computed again from the logarithms of their
 * sums, block by block; with p the weights, dp = g v^T and ds = p (dp - delta),
 *   dv = p^T g,  dk = ds^T (scale q),  dq = scale ds k. */

/* Queries (times scale) and gradients as rows that serve every product. */
static void unpack(const dvt_attention_call *call, int64_t task) {
    const dvt_attention_shape *const x = &call->shape;
    const int64_t nr = DVT_ATTENTION_GEMM.nr, size = x->element->size;
    const int64_t depth = dvt_attention_up(x->depth, nr), width = dvt_attention_up(x->width, nr);
    const int64_t blocks = dvt_attention_blocks(x->queries, DVT_ATTENTION_ROWS);
    const int64_t pair = task / blocks, i = task % blocks * DVT_ATTENTION_ROWS;
    const int64_t batch = pair / x->heads, head = pair % x->heads;
    const int64_t rows = least(DVT_ATTENTION_ROWS, x->queries - i), at = pair * x->queries + i;
    read_rows(x->element, dvt_attention_at(&call->q, size, batch, head, i), call->q.row,
              call->q.column, rows, x->depth, (T)x->scale,
              room(call, call->queries_at) + at * depth, depth);
    read_rows(x->element, dvt_attention_at(&call->g, size, batch, head, i), call->g.row,
              call->g.column, rows, x->width, 1, room(call, call->gradient_at) + at * width, width);
}

/* scores = e^(scores - lse), which are the weights. */
static void weigh(const dvt_attention_call *call, int64_t batch, int64_t head, int64_t i,
                  int64_t rows, int64_t columns, T *scores) {
    const T *const lse =
        (const T *)(const void *)dvt_attention_at(&call->lse, (int64_t)sizeof(T), batch, head, i);
    for (int64_t r = 0; r < rows; r++) {
        const T l = lse[r * call->lse.row];
        T *const line = scores + r * LINE;
        if (l == -(T)INFINITY) {
            for (int64_t c = 0; c < columns; c++) line[c] = 0;
            continue;
        }
        const W m = W_(set1)(l);
        int64_t c = 0;
        for (; c + LANES <= columns; c += LANES)
            W_(store)(line + c, exp_bounded(W_(sub)(W_(load)(line + c), m)));
        if (c < columns) {
            const size_t part = (size_t)(columns - c);
            W_(store_n)(line + c, exp_bounded(W_(sub)(W_(load_n)(line + c, part), m)), part);
        }
    }
}

/* slopes = weights (slopes - delta) */
static void slope(const dvt_attention_call *call, int64_t batch, int64_t head, int64_t i,
                  int64_t rows, int64_t columns, const T *weights, T *slopes) {
    const T *const delta =
        (const T *)(const void *)dvt_attention_at(&call->delta, (int64_t)sizeof(T), batch, head, i);
    for (int64_t r = 0; r < rows; r++) {
        const T d = delta[r * call->delta.row];
        const T *const p = weights + r * LINE;
        T *const s = slopes + r * LINE;
        const W m = W_(set1)(d);
        int64_t c = 0;
        for (; c + LANES <= columns; c += LANES)
            W_(store)(s + c, W_(mul)(W_(load)(p + c), W_(sub)(W_(load)(s + c), m)));
        for (; c < columns; c++) s[c] = p[c] * (s[c] - d);
    }
}

/* What one block of keys needs of a worker's memory. */
typedef struct backward_block {
    T *key_panels, *key_rows, *value_panels;
    T *dk, *dv;
    T *weights, *slopes;
} backward_block;

/* One block of queries of one head against one block of keys. */
static void meet(const dvt_attention_call *call, const backward_block *b, int64_t batch,
                 int64_t head, int64_t i, int64_t rows, int64_t j, int64_t columns, T *dq) {
    const dvt_attention_shape *const x = &call->shape;
    const int64_t nr = DVT_ATTENTION_GEMM.nr;
    const int64_t depth = dvt_attention_up(x->depth, nr), width = dvt_attention_up(x->width, nr);
    const int64_t wide = dvt_attention_up(columns, nr),
                  at = (batch * x->heads + head) * x->queries + i;
    const T *const q = room(call, call->queries_at) + at * depth;
    const T *const g = room(call, call->gradient_at) + at * width;
    product(rows, wide, x->depth, q, depth, 1, b->key_panels, nr, nr * x->depth, b->weights, LINE,
            0);
    if (x->has_bias || j < i + rows - 1 + x->low || j + columns - 1 > i + x->high)
        shade(call, batch, head, i, rows, j, columns, b->weights);
    weigh(call, batch, head, i, rows, columns, b->weights);
    product(columns, width, rows, b->weights, 1, LINE, g, width, nr, b->dv, width, 1);
    product(rows, wide, x->width, g, width, 1, b->value_panels, nr, nr * x->width, b->slopes, LINE,
            0);
    slope(call, batch, head, i, rows, columns, b->weights, b->slopes);
    product(columns, depth, rows, b->slopes, 1, LINE, q, depth, nr, b->dk, depth, 1);
    product(rows, depth, columns, b->slopes, LINE, 1, b->key_rows, depth, nr, dq + at * depth,
            depth, 1);
}

/* The keys of one head that belong to one split. */
static void backward(const dvt_attention_call *call, int64_t task, uint32_t worker) {
    const dvt_attention_shape *const x = &call->shape;
    const int64_t nr = DVT_ATTENTION_GEMM.nr, size = x->element->size;
    const int64_t depth = dvt_attention_up(x->depth, nr), width = dvt_attention_up(x->width, nr);
    const int64_t pair = task / call->splits, split = task % call->splits;
    const int64_t batch = pair / x->key_heads, key_head = pair % x->key_heads;
    const int64_t group = x->heads / x->key_heads;
    const int64_t blocks = dvt_attention_blocks(x->keys, DVT_ATTENTION_COLUMNS);
    T *const dq = room(call, call->sums_at) + split * x->batch * x->heads * x->queries * depth;
    backward_block b;
    b.key_panels = room(call, call->mine_at + worker * call->mine_bytes);
    b.key_rows = b.key_panels + DVT_ATTENTION_COLUMNS * depth + 64;
    b.value_panels = b.key_rows + DVT_ATTENTION_COLUMNS * depth;
    b.dk = b.value_panels + DVT_ATTENTION_COLUMNS * width + 64;
    b.dv = b.dk + DVT_ATTENTION_COLUMNS * depth;
    b.weights = b.dv + DVT_ATTENTION_COLUMNS * width;
    b.slopes = b.weights + DVT_ATTENTION_ROWS * LINE;
    for (int64_t h = key_head * group; h < (key_head + 1) * group; h++) {
        T *const sums = dq + (batch * x->heads + h) * x->queries * depth;
        for (int64_t e = 0; e < x->queries * depth; e++) sums[e] = 0;
    }
    /* Every splits-th block, so that a causal triangle is shared evenly. */
    for (int64_t block = split; block < blocks; block += call->splits) {
        const int64_t j = block * DVT_ATTENTION_COLUMNS;
        const int64_t columns = least(DVT_ATTENTION_COLUMNS, x->keys - j);
        panels(call, &call->k, batch, key_head, j, columns, x->depth, b.key_panels);
        panels(call, &call->v, batch, key_head, j, columns, x->width, b.value_panels);
        read_rows(x->element, dvt_attention_at(&call->k, size, batch, key_head, j), call->k.row,
                  call->k.column, columns, x->depth, 1, b.key_rows, depth);
        for (int64_t e = 0; e < columns * depth; e++) b.dk[e] = 0;
        for (int64_t e = 0; e < columns * width; e++) b.dv[e] = 0;
        for (int64_t h = key_head * group; h < (key_head + 1) * group; h++)
            for (int64_t i = 0; i < x->queries; i += DVT_ATTENTION_ROWS) {
                const int64_t rows = least(DVT_ATTENTION_ROWS, x->queries - i);
                int64_t begin, end;
                seen(x, i, rows, &begin, &end);
                if (begin < j + columns && j < end)
                    meet(call, &b, batch, h, i, rows, j, columns, dq);
            }
        write_rows(x->element, b.dk, depth, columns, x->depth,
                   (char *)(uintptr_t)dvt_attention_at(&call->dk, size, batch, key_head, j),
                   call->dk.row, call->dk.column);
        write_rows(x->element, b.dv, width, columns, x->width,
                   (char *)(uintptr_t)dvt_attention_at(&call->dv, size, batch, key_head, j),
                   call->dv.row, call->dv.column);
    }
}

/* The sums of all splits, in order, as dq. */
static void finish(const dvt_attention_call *call, int64_t task) {
    const dvt_attention_shape *const x = &call->shape;
    const int64_t depth = dvt_attention_up(x->depth, DVT_ATTENTION_GEMM.nr);
    const int64_t blocks = dvt_attention_blocks(x->queries, DVT_ATTENTION_ROWS);
    const int64_t pair = task / blocks, i = task % blocks * DVT_ATTENTION_ROWS;
    const int64_t rows = least(DVT_ATTENTION_ROWS, x->queries - i);
    T *const sums = room(call, call->sums_at) + (pair * x->queries + i) * depth;
    for (int64_t s = 1; s < call->splits; s++) {
        const T *const other = sums + s * x->batch * x->heads * x->queries * depth;
        for (int64_t e = 0; e < rows * depth; e++) sums[e] += other[e];
    }
    for (int64_t e = 0; e < rows * depth; e++) sums[e] *= (T)x->scale;
    write_rows(x->element, sums, depth, rows, x->depth,
               (char *)(uintptr_t)dvt_attention_at(&call->dq, x->element->size, pair / x->heads,
                                                   pair % x->heads, i),
               call->dq.row, call->dq.column);
}
