"""The public namespace: what it names, what it documents, and how little importing it costs."""

import doctest
import importlib
import os
import pkgutil
import subprocess
import sys
from collections import namedtuple
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import dovetail as dt
from dovetail.errors import OpError

NN = sorted(m.name for m in pkgutil.iter_modules(dt.nn.__path__, "nn.") if m.name != "nn.layout")
MODULES = [
    "casting",
    "contraction",
    "creation",
    "differences",
    "fft",
    "histograms",
    "indexing",
    "inspection",
    "linalg.factors",
    "linalg.norms",
    "linalg.solutions",
    "linalg.traces",
    "manipulation",
    "nonzeros",
    "optim",
    "products",
    "random.angle_draws",
    "random.category_draws",
    "random.count_draws",
    "random.gamma_draws",
    "random.integer_draws",
    "random.inverse_draws",
    "random.keys",
    "random.normal_draws",
    "random.order_draws",
    "random.uniform_draws",
    "random.vector_draws",
    "ranges",
    "sets",
    "special",
    "statistics",
    "testing.goodness_of_fit",
    "tree",
]


@pytest.mark.parametrize("name", dt.__all__)
def test_every_public_name_exists(name: str) -> None:
    assert hasattr(dt, name)


def test_the_list_of_names_is_sorted_and_without_repeats() -> None:
    assert len(set(dt.__all__)) == len(dt.__all__)


@pytest.mark.parametrize("name", MODULES + NN)
def test_the_examples_of_a_module_run(name: str) -> None:
    result = doctest.testmod(importlib.import_module(f"dovetail.{name}"))
    assert result.attempted > 0
    assert result.failed == 0


@pytest.mark.parametrize("name", MODULES + NN)
def test_every_public_function_has_an_example(name: str) -> None:
    module = importlib.import_module(f"dovetail.{name}")
    bare = [
        word
        for word in module.__all__
        if callable(getattr(module, word))
        and not isinstance(getattr(module, word), type)
        and ">>>" not in (getattr(module, word).__doc__ or "")
    ]
    assert not bare


def test_every_function_of_the_layers_is_public() -> None:
    named = {
        word for module in NN for word in importlib.import_module(f"dovetail.{module}").__all__
    }
    assert named <= set(dt.nn.__all__)
    assert all(callable(getattr(dt.nn, word)) for word in dt.nn.__all__)
    assert sorted(dt.nn.__all__) == list(dt.nn.__all__)


def test_dtypes_are_the_ones_arrays_have() -> None:
    assert dt.asarray(True).dtype is dt.bool
    assert dt.asarray([1.0]).dtype is dt.float32
    assert {str(t) for t in (dt.int8, dt.uint64, dt.bfloat16)} == {"int8", "uint64", "bfloat16"}


def test_lazy_names_come_from_their_modules() -> None:
    from dovetail import program

    assert dt.save is program.save
    assert dt.load is program.load
    assert dt.__version__[0].isdigit()
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        dt.nothing  # noqa: B018


def test_importing_loads_nothing_that_only_plugins_need() -> None:
    code = (
        "import sys, dovetail; print(*sorted({'pluggy', 'importlib.metadata', 'hashlib', 'cffi',"
        " 'dovetail.program', 'dovetail.plugins', 'dovetail.backends'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def processor_seconds(module: str, cache: Path) -> float:
    """The least processor time of a few imports, from bytecode as an installed package has it."""
    code = f"import time; t = time.process_time(); import {module}; print(time.process_time() - t)"
    env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    env["PYTHONPYCACHEPREFIX"] = str(cache)
    runs = [
        subprocess.run(
            [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True
        )
        for _ in range(6)
    ]
    return min(float(run.stdout) for run in runs[1:])


@pytest.mark.slow
def test_importing_costs_less_than_importing_numpy_again(tmp_path: Path) -> None:
    # The budget is numpy and 50 ms; a ratio holds on machines of any speed.
    assert processor_seconds("dovetail", tmp_path) < 2 * processor_seconds("numpy", tmp_path)


# ---- dtype questions -----------------------------------------------------------------------------


def test_limits_are_those_of_numpy() -> None:
    import numpy as np

    for dtype in (dt.float16, dt.float32, dt.float64):
        ours, theirs = dt.finfo(dtype), np.finfo(dtype.name)
        assert (ours.bits, ours.eps) == (theirs.bits, float(theirs.eps))
        assert (ours.max, ours.min) == (float(theirs.max), float(theirs.min))
        assert ours.smallest_normal == float(theirs.smallest_normal)
    for word in ("int8", "int64", "uint8", "uint64"):
        ours_, theirs_ = dt.iinfo(getattr(dt, word)), np.iinfo(word)
        assert (ours_.bits, ours_.min, ours_.max) == (theirs_.bits, theirs_.min, theirs_.max)
    assert dt.finfo(dt.bfloat16).max == 3.3895313892515355e38
    with pytest.raises(OpError, match="iinfo"):
        dt.finfo(dt.int8)
    with pytest.raises(OpError, match="finfo"):
        dt.iinfo(dt.bool)


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        ((dt.int8, dt.uint8), dt.int16),
        ((dt.float16, dt.bfloat16), dt.float32),
        ((dt.int64, dt.float16), dt.float16),
        ((dt.int8, 1000), dt.int8),
        ((dt.int8, 1.5), dt.float32),
        ((dt.bool, 1), dt.int64),
        ((1, 2.5), dt.float32),
        ((True,), dt.bool),
    ],
)
def test_result_type_promotes(args: Any, expected: Any) -> None:
    assert dt.result_type(*args) is expected


def test_result_type_is_what_adding_gives() -> None:
    for a in (dt.int8, dt.uint16, dt.float16, dt.float64):
        for b in (dt.int32, dt.uint8, dt.bfloat16):
            total = dt.ones(1, dtype=a) + dt.ones(1, dtype=b)
            assert dt.result_type(a, b) is total.dtype


def test_isdtype_knows_the_words_of_the_standard() -> None:
    assert dt.isdtype(dt.uint8, "unsigned integer")
    assert dt.isdtype(dt.bfloat16, ("integral", "real floating"))
    assert not dt.isdtype(dt.bool, "numeric")
    with pytest.raises(OpError, match="no kind"):
        dt.isdtype(dt.bool, "whole")


# ---- containers ----------------------------------------------------------------------------------

Point = namedtuple("Point", ["x", "y"])


@dataclass(frozen=True)
class Pair:
    left: Any
    right: Any


TREES = [
    3,
    None,
    (),
    [1, (2, [3])],
    {"b": 1, "a": {"c": [None, 2]}},
    Point(1, Pair(2, {"k": 3})),
]


@pytest.mark.parametrize("tree", TREES, ids=repr)
def test_a_container_survives_being_taken_apart(tree: Any) -> None:
    leaves, structure = dt.tree.flatten(tree)
    assert dt.tree.unflatten(structure, leaves) == tree
    assert dt.tree.leaves(tree) == leaves
    assert dt.tree.map(lambda leaf: leaf, tree) == tree
    doubled = dt.tree.map(lambda a, b: a + b, tree, tree)
    assert dt.tree.leaves(doubled) == [2 * leaf for leaf in leaves]


def test_dicts_fit_whatever_the_order_of_their_keys() -> None:
    assert dt.tree.map(lambda a, b: a - b, {"x": 5, "y": 7}, {"y": 1, "x": 2}) == {"x": 3, "y": 6}


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"a": 1}, "keys"),
        ({"a": 1, "b": [2]}, r"at \['b'\] the length is 1, not 2"),
        ({"a": 1, "b": (2, 3)}, "tuple for a list"),
        ({"a": [1], "b": [2, 3]}, "list for a leaf"),
        ({"a": 1, "b": [2, None]}, "none for a leaf"),
        ([1, 2], "list for a dict"),
    ],
)
def test_a_container_that_does_not_fit_is_named(other: Any, message: str) -> None:
    with pytest.raises(OpError, match=message):
        dt.tree.map(lambda a, b: a, {"a": 1, "b": [2, 3]}, other)
