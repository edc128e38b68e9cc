/* Substitution for one tile of columns, included once per type by triangular.c, which defines TYPE and
 * NAME(x). Row i of the solution needs the rows before it: those above in a lower triangle, those
 * below in an upper one. */

/* sum(a[j * step] * x[j]) in eight lanes; both are contiguous when step is 1. */
static TYPE NAME(dot)(const TYPE *a, int64_t step, const TYPE *x, int64_t n) {
    TYPE lanes[8] = {0};
    int64_t j = 0;
    if (step == 1) {
        for (; j + 8 <= n; j += 8)
            for (int l = 0; l < 8; l++) lanes[l] += a[j + l] * x[j + l];
    }
    for (; j < n; j++) lanes[j % 8] += a[j * step] * x[j];
    return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) +
           ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
}

/* One column, x, of n elements. */
static void NAME(solve_column)(const triangle *t, const TYPE *a, TYPE *x) {
    for (int64_t s = 0; s < t->n; s++) {
        const int64_t i = t->lower ? s : t->n - 1 - s, first = t->lower ? 0 : i + 1;
        const TYPE *const row = a + i * t->row;
        x[i] -= NAME(dot)(row + first * t->column, t->column, x + first, s);
        if (!t->unit) x[i] /= row[i * t->column];
    }
}

/* The same for a transposed triangle, whose columns are contiguous: what is known of x is taken off
 * all rows that need it. */
static void NAME(solve_turned)(const triangle *t, const TYPE *a, TYPE *x) {
    for (int64_t s = 0; s < t->n; s++) {
        const int64_t i = t->lower ? s : t->n - 1 - s, first = t->lower ? i + 1 : 0;
        const TYPE *const column = a + i * t->column;
        if (!t->unit) x[i] /= column[i];
        const TYPE known = x[i];
        for (int64_t r = first; r < first + t->n - 1 - s; r++) x[r] -= column[r] * known;
    }
}

/* `width` of the k columns of x, whose rows lie k elements apart. */
static void NAME(solve_tile)(const triangle *t, const TYPE *a, TYPE *x, int64_t k, int64_t width) {
    for (int64_t s = 0; s < t->n; s++) {
        const int64_t i = t->lower ? s : t->n - 1 - s, first = t->lower ? 0 : i + 1;
        const TYPE *const row = a + i * t->row;
        TYPE sums[TILE];
        for (int64_t c = 0; c < width; c++) sums[c] = x[i * k + c];
        if (width == TILE) { /* an extent that the compiler knows keeps the sums in registers */
            for (int64_t j = first; j < first + s; j++)
                for (int64_t c = 0; c < TILE; c++) sums[c] -= row[j * t->column] * x[j * k + c];
        } else {
            for (int64_t j = first; j < first + s; j++)
                for (int64_t c = 0; c < width; c++) sums[c] -= row[j * t->column] * x[j * k + c];
        }
        const TYPE d = t->unit ? 1 : row[i * t->column];
        for (int64_t c = 0; c < width; c++) x[i * k + c] = sums[c] / d;
    }
}

/* The first zero of a diagonal, or n. */
static int64_t NAME(zero)(const triangle *t, const TYPE *a) {
    int64_t i = 0;
    while (i < t->n && a[i * (t->row + t->column)] != 0) i++;
    return i;
}

static void NAME(run_range)(void *context, uint64_t begin, uint64_t end, uint32_t worker) {
    const triangle *const t = context;
    (void)worker;
    for (uint64_t item = begin; item < end; item++) {
        const int64_t matrix = (int64_t)item / t->tiles, at = (int64_t)item % t->tiles * TILE;
        const TYPE *const a = (const TYPE *)t->a + matrix_offset(t, matrix);
        TYPE *const x = (TYPE *)t->x + matrix * t->n * t->k + at;
        const int64_t width = t->k - at < TILE ? t->k - at : TILE;
        if (t->k == 1 && t->row == 1)
            NAME(solve_turned)(t, a, x);
        else if (t->k == 1)
            NAME(solve_column)(t, a, x);
        else
            NAME(solve_tile)(t, a, x, t->k, width);
    }
}

#undef TYPE
#undef NAME
