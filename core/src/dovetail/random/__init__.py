"""Random numbers from keys: the same key gives the same numbers, always and everywhere.

A `Key` names a stream. Nothing is consumed by drawing: the same key draws the same numbers again,
so `split` it or `fold_in` a number or a name to get independent ones. Element i of a draw depends
only on the key and on i (and on i's own parameters), so neither the device nor its instruction set
nor the number of threads nor the shape's other extents change it. The bits are Philox4x32-10
(Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011), and what is
made of them is made by operations that every device rounds alike. They are part of the interface:
they never change.

Where a draw has parameters they may be numbers, or arrays that broadcast to ``shape``; without a
shape it is theirs. float32 is the dtype unless one is given or an array has another.

>>> import dovetail as dt
>>> key = dt.random.key(0)
>>> for_noise, for_order = dt.random.split(key)
>>> noise = dt.random.normal(for_noise, (2, 3))
>>> order = dt.random.permutation(for_order, 10)
"""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING as _TYPE_CHECKING

from dovetail.random.keys import Key, fold_in, key, key_data, split, wrap_key_data

if _TYPE_CHECKING:
    from dovetail.random.angle_draws import vonmises
    from dovetail.random.category_draws import categorical
    from dovetail.random.count_draws import (
        binomial,
        geometric,
        multinomial,
        negative_binomial,
        poisson,
    )
    from dovetail.random.gamma_draws import (
        beta,
        chi_square,
        dirichlet,
        gamma,
        loggamma,
        student_t,
        t,
    )
    from dovetail.random.integer_draws import bernoulli, rademacher, randint
    from dovetail.random.inverse_draws import (
        cauchy,
        exponential,
        gumbel,
        laplace,
        logistic,
        pareto,
        triangular,
        weibull,
    )
    from dovetail.random.normal_draws import (
        lognormal,
        normal,
        rayleigh,
        truncated_normal,
        wald,
    )
    from dovetail.random.order_draws import choice, permutation, shuffle
    from dovetail.random.uniform_draws import bits, uniform
    from dovetail.random.vector_draws import ball, multivariate_normal, orthogonal

__all__ = [
    "Key",
    "ball",
    "bernoulli",
    "beta",
    "binomial",
    "bits",
    "categorical",
    "cauchy",
    "chi_square",
    "choice",
    "dirichlet",
    "exponential",
    "fold_in",
    "gamma",
    "geometric",
    "gumbel",
    "key",
    "key_data",
    "laplace",
    "loggamma",
    "logistic",
    "lognormal",
    "multinomial",
    "multivariate_normal",
    "negative_binomial",
    "normal",
    "orthogonal",
    "pareto",
    "permutation",
    "poisson",
    "rademacher",
    "randint",
    "rayleigh",
    "shuffle",
    "split",
    "student_t",
    "t",
    "triangular",
    "truncated_normal",
    "uniform",
    "vonmises",
    "wald",
    "weibull",
    "wrap_key_data",
]

_DRAWS = {
    "angle_draws": "vonmises",
    "category_draws": "categorical",
    "count_draws": "binomial geometric multinomial negative_binomial poisson",
    "gamma_draws": "beta chi_square dirichlet gamma loggamma student_t t",
    "integer_draws": "bernoulli rademacher randint",
    "inverse_draws": "cauchy exponential gumbel laplace logistic pareto triangular weibull",
    "normal_draws": "lognormal normal rayleigh truncated_normal wald",
    "order_draws": "choice permutation shuffle",
    "uniform_draws": "bits uniform",
    "vector_draws": "ball multivariate_normal orthogonal",
}
_LAZY = {name: module for module, names in _DRAWS.items() for name in names.split()}


def __getattr__(name: str) -> object:
    """Draws are loaded when first asked for."""
    if name in _LAZY:
        found = getattr(_import_module(f"dovetail.random.{_LAZY[name]}"), name)
        globals()[name] = found
        return found
    raise AttributeError(f"module 'dovetail.random' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
