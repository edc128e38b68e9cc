/* Inverses of the incomplete gamma and beta functions. The smaller of the two complementary parts
 * is solved for: Newton's method on its logarithm as a function of the logarithm of x (of
 * x / (1 - x) for beta), which is concave, inside a bracket that every step shrinks; and a last
 * step in x itself, with the difference taken in twice the precision. */
#include "special_incomplete.h"

/* e^-u has no number beyond. */
#define END 746.0

typedef struct problem {
    double a, b; /* b: of beta only */
    double goal; /* in (0, 1/2] */
    int upper;   /* whether the goal is of the upper part */
    int is_beta;
} problem;

/* Both x and 1 - x (or nothing) from the unknown u. */
static void point_of(const problem *p, double u, dvt_dd *x, dvt_dd *y) {
    if (!p->is_beta) {
        *x = dvt_dd_of(exp(u));
        return;
    }
    const double e = exp(-fabs(u)), small = e / (1 + e), large = 1 / (1 + e);
    *x = dvt_dd_of(u < 0 ? small : large);
    *y = dvt_dd_of(u < 0 ? large : small);
}

static dvt_dd part_at(const problem *p, dvt_dd x, dvt_dd y) {
    return p->is_beta ? dvt_betainc_part(p->a, p->b, x, y, p->upper)
                      : dvt_gammainc_part(p->a, x.high, p->upper);
}

/* dP/du: x dP/dx, and x y dP/dx for beta. */
static double density_at(const problem *p, dvt_dd x, dvt_dd y) {
    const dvt_dd front =
        p->is_beta ? dvt_beta_front(p->a, p->b, x, y) : dvt_gamma_front(p->a, x.high);
    return front.high * p->a;
}

/* The u at which the part is the goal. */
static double solve(const problem *p, double u) {
    double low = -HUGE_VAL, high = HUGE_VAL, step = 1;
    for (int i = 0; i < 200; i++) {
        dvt_dd x, y;
        point_of(p, u, &x, &y);
        /* where x has no number the lower part is 0 */
        const int empty = !(x.high > 0);
        const double part = empty ? p->upper : part_at(p, x, y).high;
        const double slope = empty ? 1 : density_at(p, x, y);
        const double excess = part > 0 ? log(part / p->goal) : -HUGE_VAL;
        if ((excess < 0) != p->upper)
            low = u;
        else
            high = u;
        double next = u - (p->upper ? -1 : 1) * excess * part / slope;
        if (fabs(next - u) <= 1e-9 * (1 + fabs(u)) * 1e-3) return next;
        if (!(next > low && next < high)) { /* out of the bracket: halve it, or look further */
            next = low > -HUGE_VAL && high < HUGE_VAL ? 0.5 * (low + high)
                   : low > -HUGE_VAL                  ? low + (step *= 2)
                                                      : high - (step *= 2);
        }
        if (next == u || (fabs(u) >= END && fabs(next) >= END)) return next;
        u = fmax(-END, fmin(END, next));
    }
    return u;
}

/* x - (P(x) - goal) / P'(x) */
static double polished(const problem *p, double u) {
    dvt_dd x, y;
    point_of(p, u, &x, &y);
    if (!(x.high > 0x1p-1000) || (p->is_beta && !(y.high > 0x1p-1000))) return x.high;
    int turned = 0; /* beta: whether the unknown is y */
    if (p->is_beta) {
        turned = y.high < x.high;
        if (turned)
            x = dvt_dd_sum(1, -y.high);
        else
            y = dvt_dd_sum(1, -x.high);
    }
    const dvt_dd part = part_at(p, x, y);
    const double slope = density_at(p, x, y);
    const double error = dvt_dd_value(dvt_dd_add_d(part, -p->goal)) * (p->upper ? -1 : 1);
    /* relative to x, and to x y for beta */
    double shift = error / slope;
    if (!(fabs(shift) < 0.1)) shift = 0;
    if (turned) return 1 - (y.high + y.high * (shift * x.high));
    return x.high - x.high * (p->is_beta ? shift * y.high : shift);
}

static double gamma_inverse(double a, double goal, int upper) {
    const problem p = {.a = a, .goal = goal, .upper = upper};
    double start;
    if (a > 1) { /* Wilson and Hilferty's cube */
        const double z = upper ? -dvt_ndtri(goal) : dvt_ndtri(goal), s = 1 / (9 * a);
        const double root = 1 - s + z * sqrt(s);
        start = root > 0.1 ? log(a) + 3 * log(root) : (log(goal) + dvt_gammaln(a + 1)) / a;
    } else {
        start = upper && goal < 0.1 ? log(fmax(-log(goal), 0.1))
                                    : (log(upper ? 1 - goal : goal) + dvt_gammaln(a + 1)) / a;
    }
    return polished(&p, solve(&p, fmax(start, -700)));
}

static double gamma_inverse_edge(double a, double p, double q) {
    if (!(a >= 0 && a < HUGE_VAL)) return NAN;
    return p == 0 ? 0 : q == 0 ? HUGE_VAL : NAN;
}

double dvt_gammaincinv(double a, double p) {
    if (!(a > 0 && a < HUGE_VAL && p > 0 && p < 1)) return gamma_inverse_edge(a, p, 1 - p);
    return p <= 0.5 ? gamma_inverse(a, p, 0) : gamma_inverse(a, 1 - p, 1);
}

double dvt_gammainccinv(double a, double q) {
    if (!(a > 0 && a < HUGE_VAL && q > 0 && q < 1)) return gamma_inverse_edge(a, 1 - q, q);
    return q <= 0.5 ? gamma_inverse(a, q, 1) : gamma_inverse(a, 1 - q, 0);
}

double dvt_betaincinv(double a, double b, double p) {
    if (!(a > 0 && b > 0) || (a == HUGE_VAL && b == HUGE_VAL)) return NAN;
    if (!(p > 0 && p < 1)) return p == 0 ? 0 : p == 1 ? 1 : NAN;
    if (a == HUGE_VAL || b == HUGE_VAL) return a == HUGE_VAL;
    const int upper = p > 0.5;
    const problem q = {.a = a, .b = b, .goal = upper ? 1 - p : p, .upper = upper, .is_beta = 1};
    return polished(&q, solve(&q, log(a / b)));
}
