"""Vectors and matrices."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from dovetail import ops
from dovetail.errors import OpError
from dovetail.random.arguments import (
    Shape,
    array_of,
    checked,
    extents_of,
    floating,
    wide_of,
)
from dovetail.random.gamma_draws import ordered_sum
from dovetail.random.integer_draws import rademacher
from dovetail.random.keys import Key, data_of, split
from dovetail.random.uniform_draws import open_unit
from dovetail.ranges import eye

__all__ = ["ball", "multivariate_normal", "orthogonal"]


def multivariate_normal(
    key: Key, mean: Any, covariance: Any, shape: Shape | None = None, dtype: Any = None
) -> Any:
    """Normal vectors with this mean, [..., n], and covariance, [..., n, n].

    ``shape`` is that of the draws, without the last axis; the batch axes of mean and covariance
    broadcast to it. mean + L z for the Cholesky factor L and standard normal z: z has the same bits
    everywhere, the factor and the product are as exact as the device computes them.

    Raises OpError when the shapes do not fit and when the covariance is not positive definite.

    >>> import dovetail as dt
    >>> x = dt.random.multivariate_normal(dt.random.key(0), dt.zeros(2), dt.eye(2), (5,))
    >>> x.shape
    (5, 2)
    """
    op = "multivariate_normal"
    size = covariance.shape[-1] if covariance.ndim >= 2 else -1
    if mean.ndim < 1 or covariance.shape[-2:] != (size, size) or mean.shape[-1] not in (1, size):
        raise OpError(
            f"random.{op}: the mean is {list(mean.shape)} and the covariance "
            f"{list(covariance.shape)}; they must be [..., n] and [..., n, n]"
        )
    kind = floating(op, dtype, mean, covariance)
    wide = wide_of(kind)
    data = data_of(key, op)
    batches = [mean.shape[:-1], covariance.shape[:-2]]
    try:
        common = np.broadcast_shapes(*batches)
        draws = common if shape is None else extents_of(op, shape)
        fits = np.broadcast_shapes(common, draws) == draws
    except ValueError:
        fits = False
    if not fits:
        raise OpError(
            f"random.{op}: batch axes {batches[0]} of the mean and {batches[1]} of the covariance "
            f"do not broadcast to shape={shape}"
        )
    factor = ops.cholesky(ops.astype(covariance, wide))
    z = ops.random_normal(data, (*draws, size), wide)
    moved = ops.matmul(factor, ops.reshape(z, (*z.shape, 1)))
    x = ops.reshape(moved, z.shape) + ops.astype(mean, wide)
    return ops.astype(x, kind)


def orthogonal(
    key: Key, n: int, shape: Shape = (), dtype: Any = None, columns: int | None = None
) -> Any:
    """Orthogonal matrices of n rows, spread evenly: after the Haar measure.

    With fewer ``columns`` the columns are orthonormal; with more, the rows. F. Mezzadri, "How to
    generate random matrices from the classical compact groups", Notices of the AMS 54 (2007): Q of
    the QR factors of normal matrices, its columns with the signs of R's diagonal. The factors are
    as exact as the device computes them.

    >>> import dovetail as dt
    >>> q = dt.random.orthogonal(dt.random.key(0), 3)
    >>> bool(dt.all(dt.abs(q @ q.T - dt.eye(3)) < 1e-5))
    True
    """
    n = operator.index(n)
    columns = n if columns is None else operator.index(columns)
    if n < 1 or columns < 1:
        raise OpError(f"random.orthogonal: a matrix of {n} rows and {columns} columns is empty")
    kind = floating("orthogonal", dtype)
    large, small = max(n, columns), min(n, columns)
    draws = extents_of("orthogonal", shape)
    z = ops.random_normal(data_of(key, "orthogonal"), (*draws, large, small), wide_of(kind))
    q, r = ops.qr(z)
    signs = ops.sum(r * eye(small, dtype=r.dtype, device=r.device), axis=-2, keepdims=True)
    q = ops.astype(q * ops.where(signs < 0, -1.0, 1.0), kind)
    if n >= columns:
        return q
    axes = (*range(len(draws)), len(draws) + 1, len(draws))
    return ops.permute_dims(q, axes)


def ball(key: Key, n: int, p: float = 2.0, shape: Shape = (), dtype: Any = None) -> Any:
    """Points spread evenly over the unit ball of the p-norm in n dimensions, along the last axis.

    F. Barthe, O. Guedon, S. Mendelson and A. Naor, "A probabilistic approach to the geometry of the
    l_p^n-ball", Annals of Probability 33 (2005): x / (sum |x|**p + e)**(1/p) for x of density
    proportional to exp(-|x|**p) and a waiting time e.

    >>> import dovetail as dt
    >>> x = dt.random.ball(dt.random.key(0), 3, shape=(100,))
    >>> x.shape, bool(dt.all(dt.sum(x * x, axis=-1) <= 1))
    ((100, 3), True)
    """
    n = operator.index(n)
    if n < 1:
        raise OpError(f"random.ball: a ball of {n} dimensions has no points")
    checked("ball", "p", p, lambda v: 0 < v < float("inf"), "positive and finite")
    kind = floating("ball", dtype)
    wide = wide_of(kind)
    extents = (*extents_of("ball", shape), n)
    data_of(key, "ball")
    for_size, for_sign, for_radius = split(key, 3)
    # |x|**p has a gamma distribution of concentration 1 / p.
    concentration = array_of(1.0 / p, wide, extents, for_size.data)
    log = ops.random_gamma(for_size.data, concentration, log=True)
    e = -ops.portable_log(open_unit(for_radius.data, (*extents[:-1], 1), wide))
    radius = ops.portable_log(ordered_sum(ops.portable_exp(log)) + e)
    x = ops.portable_exp((log - radius) * (1.0 / p)) * rademacher(for_sign, extents, wide)
    return ops.astype(x, kind)
