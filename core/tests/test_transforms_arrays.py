"""Transforms of functions of arrays: each composition against the same one made of plain calls."""

import itertools
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dovetail as dt

Function = Callable[[Any], Any]
N = 6
RNG = np.random.default_rng(2)
W = dt.asarray(RNG.normal(size=(N, N)) / 3, dtype=dt.float64)
X = dt.asarray(RNG.normal(size=N), dtype=dt.float64)


def base(x: Any) -> Any:
    """A vector of a vector, with products, reductions, views, choices and element-wise chains."""
    h = dt.tanh(W @ x)
    gate = dt.nn.softmax(dt.concat([h[::2], x[1::2]])) * dt.where(h > 0, h, 0.3 * h)
    return dt.sin(gate) * dt.mean(x) + h


# Each gives the transformed function, and the same from calls without the transform.


def jit(f: Function, plain: Function) -> tuple[Function, Function]:
    return dt.jit(f), plain


def checkpoint(f: Function, plain: Function) -> tuple[Function, Function]:
    return dt.checkpoint(f), plain


def slope(f: Function, plain: Function) -> tuple[Function, Function]:
    def of(g: Function) -> Function:
        return dt.grad(lambda x: dt.sum(g(x) * dt.cos(x)))

    return of(f), of(plain)


def pulled(f: Function, plain: Function) -> tuple[Function, Function]:
    def of(g: Function) -> Function:
        def run(x: Any) -> Any:
            y, pull = dt.vjp(g, x)
            return y + pull(dt.sin(y))[0]

        return run

    return of(f), of(plain)


def pushed(f: Function, plain: Function) -> tuple[Function, Function]:
    def run(x: Any) -> Any:
        y, dy = dt.jvp(f, (x,), (dt.sin(x),))
        return y - dy

    def by_pulls(x: Any) -> Any:
        y, pull = dt.vjp(plain, x)
        rows = [pull(row)[0] for row in dt.unstack(dt.eye(N, dtype=dt.float64))]
        return y - dt.stack(rows) @ dt.sin(x)

    return run, by_pulls


def rows(f: Function, plain: Function) -> tuple[Function, Function]:
    def mapped(x: Any) -> Any:
        return dt.mean(dt.vmap(f)(dt.stack([x, 0.5 * x, x + 1])), axis=0)

    return mapped, lambda x: (plain(x) + plain(0.5 * x) + plain(x + 1)) / 3


def columns(f: Function, plain: Function) -> tuple[Function, Function]:
    scales = dt.asarray([1.0, -0.5], dtype=dt.float64)

    def mapped(x: Any) -> Any:
        both = dt.vmap(lambda x, s: f(x * s), in_axes=(None, 0), out_axes=1)(x, scales)
        return both @ scales

    return mapped, lambda x: plain(x * 1.0) - 0.5 * plain(x * -0.5)


def custom(f: Function, plain: Function) -> tuple[Function, Function]:
    @dt.custom_gradient
    def doubled(x: Any) -> Any:
        y, pull = dt.vjp(f, x)
        return y, lambda g: 2 * pull(g)[0]

    def same(x: Any) -> Any:
        y = plain(x)
        return 2 * y - dt.stop_gradient(y)

    return doubled, same


def scan(f: Function, plain: Function) -> tuple[Function, Function]:
    shifts = dt.asarray([0.0, 0.3, -0.2], dtype=dt.float64)

    def looped(x: Any) -> Any:
        def step(c: Any, s: Any) -> Any:
            return 0.5 * c + f(c + s), dt.sum(c)

        end, sums = dt.scan(step, x, shifts)
        return end + dt.mean(sums)

    def unrolled(x: Any) -> Any:
        total = 0.0
        for s in (0.0, 0.3, -0.2):
            total = total + dt.sum(x) / 3
            x = 0.5 * x + plain(x + s)
        return x + total

    return looped, unrolled


def cond(f: Function, plain: Function) -> tuple[Function, Function]:
    def chosen(x: Any) -> Any:
        return dt.cond(dt.sum(x) > 0, f, lambda x: -f(x), x)

    return chosen, lambda x: dt.where(dt.sum(x) > 0, 1.0, -1.0) * plain(x)


ALL = (jit, checkpoint, slope, pulled, pushed, rows, columns, custom, scan, cond)


def check(path: tuple[Any, ...]) -> None:
    f, plain = base, base
    for transform in reversed(path):
        f, plain = transform(f, plain)
    got, want = f(X), plain(X)
    assert got.shape == want.shape == (N,)
    scale = float(np.max(np.abs(np.asarray(want))))
    np.testing.assert_allclose(np.asarray(got), np.asarray(want), rtol=1e-8, atol=1e-10 * scale)


def name(path: tuple[Any, ...]) -> str:
    return "-".join(t.__name__ for t in path)


def sample(depth: int, count: int) -> list[tuple[Any, ...]]:
    """Some of the paths, the same in every run; derivatives of fourth order are left out."""
    orders = {slope: 1, pulled: 1, pushed: 1, custom: 1}
    chosen = random.Random(depth)
    every = [
        p for p in itertools.product(ALL, repeat=depth) if sum(orders.get(t, 0) for t in p) < 4
    ]
    return chosen.sample(every, count)


@pytest.mark.parametrize("path", list(itertools.product(ALL, repeat=2)), ids=name)
def test_two_transforms(path: tuple[Any, ...]) -> None:
    check(path)


@pytest.mark.parametrize("path", sample(3, 120), ids=name)
def test_three_transforms(path: tuple[Any, ...]) -> None:
    check(path)
