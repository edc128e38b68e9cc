"""Write the golden files of the installed Dovetail: ``python write.py FOLDER``.

Each release adds a folder named after it, which is never changed again: SHA256SUMS says so, and
tests/test_golden.py loads every file in every later version. A program is ``NAME.dvt``; its inputs
and results are ``NAME.npz``, arrays numbered as they lie in their containers.
"""

from __future__ import annotations

import hashlib
import sys
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import dovetail as dt
from dovetail import _fast, container

Pair = namedtuple("Pair", ["left", "right"])
Program = tuple[Any, tuple[Any, ...] | None]


def numbers(*shape: int, kind: str = "float32", low: float = -2, high: float = 2) -> Any:
    random = np.random.default_rng(sum((i + 1) * n for i, n in enumerate(shape)) + 1)
    return dt.asarray(random.uniform(low, high, shape).astype(kind))


def dense() -> Program:
    layers = [(numbers(6, 8), numbers(8)), (numbers(8, 3), numbers(3))]
    scale, bias = numbers(8), numbers(8)

    def predict(x):
        (w, b), (v, c) = layers
        hidden = dt.nn.layer_norm(dt.nn.gelu(x @ w + b), scale, bias)
        return dt.nn.softmax(hidden @ v + c, axis=-1)

    return predict, (numbers(4, 6),)


def images() -> Program:
    w = numbers(3, 3, 2, 4)

    def classify(x):
        y = dt.nn.relu(dt.nn.conv2d(x, w, padding="same"))
        y = dt.nn.max_pool2d(y, 2)
        return dt.argmax(y.reshape((x.shape[0], -1)), axis=1), dt.mean(y, axis=(1, 2))

    return classify, (numbers(2, 6, 6, 2),)


def containers() -> Program:
    table = dt.asarray(np.arange(12, dtype=np.int64).reshape(4, 3))
    mask = dt.asarray([True, False, True])
    half = numbers(3, kind="float16")

    def pick(state, rows):
        taken = dt.take(table, rows, axis=0)
        left = dt.where(mask, state["x"], dt.pad(half, low=(0,), high=(0,)).astype(dt.float32))
        whole = dt.concat([left, state["pair"].right], axis=0)
        return {"taken": taken, "pair": Pair(left, [whole, None])}

    state = {"x": numbers(3), "pair": Pair(numbers(2), numbers(5))}
    return pick, (state, dt.asarray(np.array([3, 0, -1], np.int32)))


def descent() -> Program:
    def step(params, x, y):
        def loss(w, b):
            return ((dt.tanh(x @ w) + b - y) ** 2).mean()

        value, (dw, db) = dt.value_and_grad(loss, argnums=(0, 1))(params["w"], params["b"])
        return {"w": params["w"] - 0.1 * dw, "b": params["b"] - 0.1 * db}, value

    return step, ({"w": numbers(3, 2), "b": numbers(2)}, numbers(5, 3), numbers(5, 2))


def bits() -> Program:
    def draw(words):
        return dt.ops.random_bits(words, shape=(9,), dtype=dt.uint32), words * 3

    return draw, (dt.asarray(np.array([1, 2], np.uint32)),)


def entries() -> Program:
    """Several functions, named sizes, loops, branches and keys: format 2."""
    w = numbers(4, 2)

    def predict(x):
        return dt.nn.softmax(x @ w, axis=-1), x.mean(axis=0)

    def walk(key, x):
        def step(total, row):
            return total + row, total * 2.0

        last, rows = dt.scan(step, dt.zeros(4), x + dt.random.uniform(key, x.shape))
        grown = dt.while_loop(lambda v: dt.sum(v) < 100.0, lambda v: v * 1.5 + 1.0, last * last)
        return dt.cond(dt.sum(last) > 0.0, lambda v: v, lambda v: -v, grown), rows

    x = dt.spec(("n", 4))
    return {"predict": (predict, (x,)), "walk": (walk, (dt.random.key(0), x))}, None


PROGRAMS: dict[str, Callable[[], Program]] = {
    "dense": dense,
    "images": images,
    "containers": containers,
    "descent": descent,
    "bits": bits,
}
if hasattr(dt, "spec"):
    PROGRAMS["entries"] = entries


def leaves(value: Any) -> list[Any]:
    """The arrays of a container, from left to right; a `Record` is one like any other."""
    if isinstance(value, container.Record):
        value = list(value)
    if isinstance(value, list | tuple):
        return [leaf for one in value for leaf in leaves(one)]
    if isinstance(value, dict):
        return [leaf for one in value.values() for leaf in leaves(one)]
    return [] if value is None else [value]


def called(program: Any, inputs: tuple[Any, ...]) -> dict[str, np.ndarray]:
    """Inputs and results as they go into the .npz."""
    flat, _ = _fast.tree_flatten(inputs)
    found = {f"in{i}": np.asarray(x) for i, x in enumerate(flat)}
    return found | {f"out{i}": np.asarray(x) for i, x in enumerate(leaves(program(*inputs)))}


def main(folder: Path) -> None:
    folder.mkdir(parents=True)
    for name, make in PROGRAMS.items():
        function, examples = make()
        path = folder / f"{name}.dvt"
        if examples is not None:
            dt.save(path, function, examples)
            np.savez(folder / f"{name}.npz", **called(dt.load(path), examples))
            continue
        dt.save(path, function)
        program = dt.load(path)
        x = numbers(5, 4)
        for word, inputs in (("predict", (x,)), ("walk", (dt.random.key(3), x))):
            np.savez(folder / f"{name}.{word}.npz", **called(program[word], inputs))
    sums = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}"
        for path in sorted(folder.iterdir())
    ]
    (folder / "SHA256SUMS").write_text("\n".join(sums) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
