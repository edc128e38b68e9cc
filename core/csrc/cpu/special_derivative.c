/* Derivatives of the incomplete functions in their parameters, by the same series and continued
 * fractions in truncated power series (jets) of the parameters: a jet holds the coefficients of
 * e^i f^j, where the parameters are a + e and b + f. */
#include "special_incomplete.h"

#define SIZE (DVT_DERIVATIVE_ORDER + 1)

typedef struct jet {
    int rows, columns; /* orders + 1 in e and in f */
    double c[SIZE][SIZE];
} jet;

#define EACH(x, i, j)                                                                              \
    for (int i = 0; i < (x).rows; i++)                                                             \
        for (int j = 0; j < (x).columns; j++)

static jet jet_of(int rows, int columns, double value) {
    jet x = {.rows = rows, .columns = columns};
    x.c[0][0] = value;
    return x;
}

static jet jet_mul(const jet *x, const jet *y) {
    jet z = jet_of(x->rows, x->columns, 0);
    EACH(z, i, j) {
        double sum = 0;
        for (int p = 0; p <= i; p++)
            for (int q = 0; q <= j; q++) sum += x->c[p][q] * y->c[i - p][j - q];
        z.c[i][j] = sum;
    }
    return z;
}

/* x (k + e in_e + f in_f) */
static jet jet_mul_linear(const jet *x, double k, double in_e, double in_f) {
    jet z = jet_of(x->rows, x->columns, 0);
    EACH(z, i, j) {
        z.c[i][j] = k * x->c[i][j];
        if (i > 0) z.c[i][j] += in_e * x->c[i - 1][j];
        if (j > 0) z.c[i][j] += in_f * x->c[i][j - 1];
    }
    return z;
}

/* x / (k + e) */
static jet jet_div_linear(const jet *x, double k) {
    jet z = jet_of(x->rows, x->columns, 0);
    EACH(z, i, j) z.c[i][j] = (x->c[i][j] - (i > 0 ? z.c[i - 1][j] : 0)) / k;
    return z;
}

static jet jet_div(const jet *x, const jet *y) {
    jet z = jet_of(x->rows, x->columns, 0);
    EACH(z, i, j) {
        double sum = x->c[i][j];
        for (int p = 0; p <= i; p++)
            for (int q = 0; q <= j; q++)
                if (p < i || q < j) sum -= z.c[p][q] * y->c[i - p][j - q];
        z.c[i][j] = sum / y->c[0][0];
    }
    return z;
}

/* e^x times `value`, of which the constant term of x is the logarithm: by x' e^x along e, and along
 * f in the first row. */
static jet jet_exp(const jet *x, double value) {
    jet z = jet_of(x->rows, x->columns, value);
    EACH(z, i, j) {
        if (i == 0 && j == 0) continue;
        double sum = 0;
        if (i > 0) {
            for (int p = 1; p <= i; p++)
                for (int q = 0; q <= j; q++) sum += p * x->c[p][q] * z.c[i - p][j - q];
            z.c[i][j] = sum / i;
        } else {
            for (int q = 1; q <= j; q++) sum += q * x->c[0][q] * z.c[0][j - q];
            z.c[0][j] = sum / j;
        }
    }
    return z;
}

/* The n-th Taylor coefficient of log(gamma) at x, n >= 1. */
static double log_gamma_term(int n, double x) {
    static const double factorial[] = {1, 1, 2, 6, 24, 120, 720, 5040, 40320};
    return dvt_polygamma(n - 1, x) / factorial[n];
}

static double factorials(int i, int j) {
    static const double factorial[] = {1, 1, 2, 6, 24};
    return factorial[i] * factorial[j];
}

/* x^a e^-x / gamma(a + shift) as a jet of a; shift is 0 or 1. */
static jet gamma_front(int rows, double a, double x, int shift) {
    jet log_front = jet_of(rows, 1, 0);
    for (int n = 1; n < rows; n++) log_front.c[n][0] = -log_gamma_term(n, a + shift);
    if (rows > 1) log_front.c[1][0] += log(x);
    const double front = dvt_dd_value(dvt_gamma_front(a, x));
    return jet_exp(&log_front, shift ? front : front * a);
}

/* For an a so large that the series is long: differences of order 8 of the uniform expansion, which
 * as a function of a changes over its root. */
static double gamma_difference(double a, double x, int i) {
    /* of orders 1 to 4; odd ones change sign with the side */
    static const double middle[] = {0, 0, -205.0 / 72, 0, 91.0 / 8};
    static const double side[][4] = {
        {0, 0, 0, 0},
        {4.0 / 5, -1.0 / 5, 4.0 / 105, -1.0 / 280},
        {8.0 / 5, -1.0 / 5, 8.0 / 315, -1.0 / 560},
        {-61.0 / 30, 169.0 / 120, -3.0 / 10, 7.0 / 240},
        {-122.0 / 15, 169.0 / 60, -2.0 / 5, 7.0 / 240},
    };
    const double step = exp2(nearbyint(log2((i < 3 ? 0.03 : 0.12) * sqrt(a))));
    const int upper = x > a; /* the smaller part, which has its digits */
    double sum = middle[i] != 0 ? middle[i] * dvt_gammainc_part(a, x, upper).high : 0;
    for (int k = 1; k <= 4; k++) {
        const double above = dvt_gammainc_part(a + k * step, x, upper).high;
        const double below = dvt_gammainc_part(a - k * step, x, upper).high;
        sum += side[i][k - 1] * (i % 2 != 0 ? above - below : above + below);
    }
    for (int k = 0; k < i; k++) sum /= step;
    return upper ? -sum : sum;
}

double dvt_gammainc_derivative(double a, double x, int i) {
    if (i == 0) return dvt_gammainc(a, x);
    if (!(a > 0 && x >= 0) || a == HUGE_VAL) return NAN;
    if (x == 0 || x == HUGE_VAL) return 0;
    if (a >= 1.1 * DVT_LARGE_A) return gamma_difference(a, x, i);
    const int rows = i + 1;
    if (x <= a + 1) {
        jet sum = jet_of(rows, 1, 1), term = sum;
        for (int k = 1;; k++) {
            double largest = 0;
            for (int r = 0; r < rows; r++) term.c[r][0] *= x;
            term = jet_div_linear(&term, a + k);
            for (int r = 0; r < rows; r++) {
                sum.c[r][0] += term.c[r][0];
                largest = fmax(largest, fabs(term.c[r][0]) - 0x1p-58 * fabs(sum.c[r][0]));
            }
            if (!(largest > 0)) break;
        }
        const jet front = gamma_front(rows, a, x, 1);
        return jet_mul(&front, &sum).c[i][0] * factorials(i, 0);
    }
    if (x - a > 800 + 60 * sqrt(a)) return 0;
    /* Q: x + 2k + 1 - a - k (k - a) / (...), from the end */
    const int n = dvt_gamma_fraction_length(a, x) * 3 / 2 + 8;
    jet rest = jet_of(rows, 1, x + 2 * n + 1 - a);
    rest.c[1][0] = -1;
    for (int k = n; k >= 1; k--) {
        jet above = jet_of(rows, 1, k * (a - k));
        above.c[1][0] = k;
        rest = jet_div(&above, &rest);
        rest.c[0][0] += x + 2 * k - 1 - a;
        rest.c[1][0] -= 1;
    }
    const jet front = gamma_front(rows, a, x, 0);
    return -jet_div(&front, &rest).c[i][0] * factorials(i, 0);
}

/* x^a y^b / (a beta(a, b)) as a jet of both. */
static jet beta_front(int rows, int columns, double a, double b, dvt_dd x, dvt_dd y) {
    jet log_front = jet_of(rows, columns, 0);
    EACH(log_front, i, j) {
        double binomial = 1; /* (i + j) over i */
        for (int k = 1; k <= i; k++) binomial = binomial * (j + k) / k;
        if (i + j > 0) log_front.c[i][j] = binomial * log_gamma_term(i + j, a + b);
    }
    for (int i = 1; i < rows; i++) log_front.c[i][0] -= log_gamma_term(i, a + 1);
    for (int j = 1; j < columns; j++) log_front.c[0][j] -= log_gamma_term(j, b);
    if (rows > 1) log_front.c[1][0] += dvt_dd_log(x).high;
    if (columns > 1) log_front.c[0][1] += dvt_dd_log(y).high;
    return jet_exp(&log_front, dvt_dd_value(dvt_beta_front(a, b, x, y)));
}

static double beta_derivative(double a, double b, dvt_dd x, dvt_dd y, int i, int j) {
    const int n = dvt_beta_fraction_length(a, b, x.high) * 3 / 2 + 8;
    jet one = jet_of(i + 1, j + 1, 1), rest = one;
    for (int m = n; m >= 0; m--) {
        /* 1 - (a+m)(a+b+m) x / ((a+2m)(a+2m+1)) / rest */
        jet term = jet_div(&one, &rest);
        term = jet_mul_linear(&term, (a + m) * x.high, x.high, 0);
        term = jet_mul_linear(&term, a + b + m, 1, 1);
        term = jet_div_linear(&term, a + 2 * m);
        term = jet_div_linear(&term, a + 2 * m + 1);
        EACH(rest, p, q) rest.c[p][q] = one.c[p][q] - term.c[p][q];
        if (m == 0) break;
        /* 1 + m (b-m) x / ((a+2m-1)(a+2m)) / rest */
        term = jet_div(&one, &rest);
        term = jet_mul_linear(&term, m * x.high * (b - m), 0, m * x.high);
        term = jet_div_linear(&term, a + 2 * m - 1);
        term = jet_div_linear(&term, a + 2 * m);
        EACH(rest, p, q) rest.c[p][q] = one.c[p][q] + term.c[p][q];
    }
    const jet front = beta_front(i + 1, j + 1, a, b, x, y);
    return jet_div(&front, &rest).c[i][j] * factorials(i, j);
}

double dvt_betainc_derivative(double a, double b, double x, int i, int j) {
    if (i == 0 && j == 0) return dvt_betainc(a, b, x);
    if (!(a > 0 && b > 0 && x >= 0 && x <= 1) || a == HUGE_VAL || b == HUGE_VAL) return NAN;
    if (x == 0 || x == 1) return 0;
    const dvt_dd left = dvt_dd_of(x), right = dvt_dd_sum(1, -x);
    return x * (a + b + 2) > a + 1 ? -beta_derivative(b, a, right, left, j, i)
                                   : beta_derivative(a, b, left, right, i, j);
}
