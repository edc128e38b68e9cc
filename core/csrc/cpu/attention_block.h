/* attention in one compute type T, with vectors W of LANES elements: both passes, block by block.
 * Included once per compute type. */
#include "attention.h"
#include "matmul_half.h"

#include <math.h>

#define LINE DVT_ATTENTION_LINE

static int64_t least(int64_t a, int64_t b) {
    return a < b ? a : b;
}
static int64_t most(int64_t a, int64_t b) {
    return a > b ? a : b;
}

/* ---- memory -------------------------------------------------------------------------------------- */

/* One element of the ABI as T. */
static T read_one(const dvt_gemm_element *element, const char *from, int64_t at) {
    if (element == &dvt_gemm_element_f16)
        return (T)dvt_product_from_f16(((const uint16_t *)(const void *)from)[at]);
    if (element == &dvt_gemm_element_bf16)
        return (T)dvt_product_from_bf16(((const uint16_t *)(const void *)from)[at]);
    return ((const T *)(const void *)from)[at];
}

static void write_one(const dvt_gemm_element *element, char *to, int64_t at, T value) {
    if (element == &dvt_gemm_element_f16)
        ((uint16_t *)(void *)to)[at] = dvt_product_to_f16((float)value);
    else if (element == &dvt_gemm_element_bf16)
        ((uint16_t *)(void *)to)[at] = dvt_product_to_bf16((float)value);
    else
        ((T *)(void *)to)[at] = value;
}

/* `rows` rows of `columns` elements, times a factor, `line` apart and filled up with zeros. */
static void read_rows(const dvt_gemm_element *element, const char *from, int64_t row,
                      int64_t column, int64_t rows, int64_t columns, T factor, T *to,
                      int64_t line) {
    for (int64_t i = 0; i < rows; i++, to += line) {
        const char *const x = from + i * row * element->size;
        if (element->same && column == 1) {
            const T *const same = (const T *)(const void *)x;
            for (int64_t j = 0; j < columns; j++) to[j] = same[j] * factor;
        } else {
            for (int64_t j = 0; j < columns; j++) to[j] = read_one(element, x, j * column) * factor;
        }
        for (int64_t j = columns; j < line; j++) to[j] = 0;
    }
}

static void write_rows(const dvt_gemm_element *element, const T *from, int64_t line, int64_t rows,
                       int64_t columns, char *to, int64_t row, int64_t column) {
    for (int64_t i = 0; i < rows; i++, from += line)
        for (int64_t j = 0; j < columns; j++)
            write_one(element, to + i * row * element->size, j * column, from[j]);
}

/* ---- products ------------------------------------------------------------------------------------ */

/* c (+)= a b for columns in whole tiles: c has room for them. b_step: from one tile's columns of b to
 * the next. */
static void product(int64_t rows, int64_t columns, int64_t k, const T *a, int64_t a_row,
                    int64_t a_k, const T *b, int64_t b_k, int64_t b_step, T *c, int64_t c_row,
                    int accumulate) {
    const dvt_gemm_type *const type = &DVT_ATTENTION_GEMM;
    for (int64_t j = 0; j < columns; j += type->nr, b += b_step)
        for (int64_t i = 0; i < rows; i += type->mr)
            type->tile((int)least(type->mr, rows - i), k, a + i * a_row, a_row, a_k, b, b_k,
                       c + i * c_row + j, c_row, accumulate);
}

/* Keys or values as the right operand of a product over their columns. */
static void panels(const dvt_attention_call *call, const dvt_attention_view *view, int64_t batch,
                   int64_t head, int64_t first, int64_t count, int64_t columns, T *to) {
    const dvt_gemm_element *const element = call->shape.element;
    const dvt_gemm_source source = {.data =
                                        dvt_attention_at(view, element->size, batch, head, first),
                                    .item = view->row,
                                    .depth = view->column};
    element->pack(&source, 0, count, 0, columns, (int)element->type->nr, to);
}

/* ---- scores -------------------------------------------------------------------------------------- */

/* Adds the bias to rows [i, i + rows) and columns [j, j + columns) of scores, and makes what is not
 * seen minus infinity. */
static void shade(const dvt_attention_call *call, int64_t batch, int64_t head, int64_t i,
                  int64_t rows, int64_t j, int64_t columns, T *scores) {
    const dvt_attention_shape *const x = &call->shape;
    for (int64_t r = 0; r < rows; r++) {
        T *const line = scores + r * LINE;
        if (x->has_bias) {
            const dvt_attention_view *const bias = &call->bias;
            const char *const from = dvt_attention_at(bias, x->element->size, batch, head, i + r) +
                                     j * bias->column * x->element->size;
            if (x->element->same && bias->column == 1) {
                const T *const same = (const T *)(const void *)from;
                for (int64_t c = 0; c < columns; c++) line[c] += same[c];
            } else {
                for (int64_t c = 0; c < columns; c++)
                    line[c] += read_one(x->element, from, c * bias->column);
            }
        }
        const int64_t begin = most(0, least(columns, i + r + x->low - j));
        const int64_t end = most(begin, least(columns, i + r + x->high + 1 - j));
        for (int64_t c = 0; c < begin; c++) line[c] = -(T)INFINITY;
        for (int64_t c = end; c < columns; c++) line[c] = -(T)INFINITY;
    }
}

/* The keys that some of the queries [i, i + rows) see. */
static void seen(const dvt_attention_shape *x, int64_t i, int64_t rows, int64_t *begin,
                 int64_t *end) {
    *begin = most(0, i + x->low);
    *end = most(*begin, least(x->keys, i + rows + x->high));
}

/* The elements from the last whole vector on, so that loops need no masks for most rows. */
static T row_max(const T *line, int64_t n) {
    int64_t j = 0;
    T top = -(T)INFINITY;
    if (n >= 2 * LANES) {
        W a = W_(load)(line), b = W_(load)(line + LANES);
        for (j = 2 * LANES; j + 2 * LANES <= n; j += 2 * LANES) {
            a = W_(max)(W_(load)(line + j), a);
            b = W_(max)(W_(load)(line + j + LANES), b);
        }
        T lanes[LANES];
        W_(store)(lanes, W_(max)(a, b));
        for (int l = 0; l < LANES; l++) top = lanes[l] > top ? lanes[l] : top;
    }
    for (; j < n; j++) top = line[j] > top ? line[j] : top;
    return top;
}

/* line = e^(line - top), and the sum of it. A NaN gives a NaN of a sum. */
static T row_exp(T *line, int64_t n, T top) {
    const W m = W_(set1)(top);
    W sum = W_(set1)(0), other = W_(set1)(0);
    int64_t j = 0;
    for (; j + 2 * LANES <= n; j += 2 * LANES) {
        const W a = exp_negative(W_(sub)(W_(load)(line + j), m));
        const W b = exp_negative(W_(sub)(W_(load)(line + j + LANES), m));
        W_(store)(line + j, a);
        W_(store)(line + j + LANES, b);
        sum = W_(add)(sum, a);
        other = W_(add)(other, b);
    }
    sum = W_(add)(sum, other);
    T lanes[LANES], total = 0;
    for (; j < n; j += LANES) {
        const size_t part = (size_t)least(LANES, n - j);
        const W a = exp_negative(W_(sub)(W_(load_n)(line + j, part), m));
        W_(store_n)(line + j, a, part);
        W_(store)(lanes, a);
        for (size_t l = 0; l < part; l++) total += lanes[l];
    }
    W_(store)(lanes, sum);
    for (int l = 0; l < LANES; l++) total += lanes[l];
    return total;
}

static void scale_row(T *line, int64_t n, T factor) {
    const W f = W_(set1)(factor);
    int64_t j = 0;
    for (; j + LANES <= n; j += LANES) W_(store)(line + j, W_(mul)(W_(load)(line + j), f));
    for (; j < n; j++) line[j] *= factor;
}

/* ---- forward ------------------------------------------------------------------------------------- */

static T *room(const dvt_attention_call *call, uint64_t at) {
    return (T *)(void *)(call->workspace + at);
}

static void pack(const dvt_attention_call *call, int64_t task) {
    const dvt_attention_shape *const x = &call->shape;
    const int64_t nr = DVT_ATTENTION_GEMM.nr, width = dvt_attention_up(x->width, nr);
    const int64_t blocks = dvt_attention_blocks(x->keys, DVT_ATTENTION_COLUMNS);
    const int64_t pair = task / blocks, first = task % blocks * DVT_ATTENTION_COLUMNS;
    const int64_t batch = pair / x->key_heads, head = pair % x->key_heads;
    const int64_t count = least(DVT_ATTENTION_COLUMNS, x->keys - first);
    T *const keys =
        room(call, call->keys_at) + (pair * dvt_attention_up(x->keys, nr) + first) * x->depth;
    panels(call, &call->k, batch, head, first, count, x->depth, keys);
    if (!x->values_in_place)
        read_rows(x->element, dvt_attention_at(&call->v, x->element->size, batch, head, first),
                  call->v.row, call->v.column, count, x->width, 1,
                  room(call, call->values_at) + (pair * x->keys + first) * width, width);
}

/* Scores become weights; the results so far are brought to the new maximum of their rows. */
static void soften(T *scores, int64_t rows, int64_t columns, T *top, T *sum, T *result,
                   int64_t width) {
    for (int64_t r = 0; r < rows; r++) {
        T *const line = scores + r * LINE;
        const T here = row_max(line, columns), old = top[r], now = here > old ? here : old;
        if (now == -(T)INFINITY) { /* nothing seen yet, or nothing but NaN */
            for (int64_t c = 0; c < columns; c++) line[c] = line[c] == line[c] ? 0 : line[c];
            for (int64_t c = 0; c < columns; c++) sum[r] += line[c];
            continue;
        }
        const T part = row_exp(line, columns, now);
        if (now != old) {
            const T factor = old == -(T)INFINITY ? 0 : (T)exp((double)(old - now));
            sum[r] *= factor;
            if (old != -(T)INFINITY) scale_row(result + r * width, width, factor);
            top[r] = now;
        }
        sum[r] += part;
    }
}

static void forward(const dvt_attention_call *call, int64_t task, uint32_t worker) {
    const dvt_attention_shape *const x = &call->shape;
    const int64_t nr = DVT_ATTENTION_GEMM.nr, size = x->element->size;
    const int64_t depth = dvt_attention_up(x->depth, nr), width = dvt_attention_up(x->width, nr);
    const int64_t blocks = dvt_attention_blocks(x->queries, DVT_ATTENTION_ROWS);
    const int64_t pair = task / blocks * x->together, i = task % blocks * DVT_ATTENTION_ROWS;
    const int64_t batch = pair / x->heads, head = pair % x->heads;
    const int64_t key_head = head / (x->heads / x->key_heads);
    const int64_t key_pair = batch * x->key_heads + key_head;
    const int64_t each = least(DVT_ATTENTION_ROWS, x->queries - i), rows = each * x->together;
    T *const q = room(call, call->mine_at + worker * call->mine_bytes);
    T *const scores = q + DVT_ATTENTION_ROWS * depth;
    T *const result = scores + DVT_ATTENTION_ROWS * LINE;
    T *const top = result + DVT_ATTENTION_ROWS * width, *const sum = top + DVT_ATTENTION_ROWS;
    const T *const keys =
        room(call, call->keys_at) + key_pair * dvt_attention_up(x->keys, nr) * x->depth;
    const T *values = room(call, call->values_at) + key_pair * x->keys * width;
    int64_t value_row = width, begin, end;
    if (x->values_in_place) {
        values = (const T *)(const void *)dvt_attention_at(&call->v, size, batch, key_head, 0);
        value_row = call->v.row;
    }
    for (int64_t h = 0; h < x->together; h++)
        read_rows(x->element, dvt_attention_at(&call->q, size, batch, head + h, i), call->q.row,
                  call->q.column, each, x->depth, (T)x->scale, q + h * each * depth, depth);
    for (int64_t r = 0; r < rows * width; r++) result[r] = 0;
    for (int64_t r = 0; r < rows; r++) {
        top[r] = -(T)INFINITY;
        sum[r] = 0;
    }
    seen(x, i, each, &begin, &end);
    for (int64_t j = begin / nr * nr; begin < end && j < end; j += DVT_ATTENTION_COLUMNS) {
        const int64_t columns = least(DVT_ATTENTION_COLUMNS, end - j);
        product(rows, dvt_attention_up(columns, nr), x->depth, q, depth, 1, keys + j * x->depth, nr,
                nr * x->depth, scores, LINE, 0);
        if (x->has_bias || j < i + each - 1 + x->low || j + columns - 1 > i + x->high)
            for (int64_t h = 0; h < x->together; h++)
                shade(call, batch, head + h, i, each, j, columns, scores + h * each * LINE);
        soften(scores, rows, columns, top, sum, result, width);
        product(rows, width, columns, scores, LINE, 1, values + j * value_row, value_row, nr,
                result, width, 1);
    }
    for (int64_t r = 0; r < rows; r++) {
        T *const lse = (T *)(void *)(uintptr_t)dvt_attention_at(
            &call->lse, (int64_t)sizeof(T), batch, head + r / each, i + r % each);
        /* A row that sees nothing gives zeros, and minus infinity for its logarithm. */
        const T inverse = sum[r] == 0 ? 0 : 1 / sum[r];
        *lse = sum[r] == 0 ? -(T)INFINITY : (top[r] == -(T)INFINITY ? 0 : top[r]) + LOG(sum[r]);
        scale_row(result + r * width, x->width, inverse);
    }
    for (int64_t h = 0; h < x->together; h++)
        write_rows(x->element, result + h * each * width, width, each, x->width,
                   (char *)(uintptr_t)dvt_attention_at(&call->y, size, batch, head + h, i),
                   call->y.row, call->y.column);
}

#include "attention_backward.h"

const dvt_attention_type DVT_ATTENTION_TYPE = {
    &DVT_ATTENTION_GEMM, pack, forward, unpack, backward, finish,
};
