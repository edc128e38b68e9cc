"""Names of dtypes and their promotion."""

import copy
import itertools
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dovetail as dt
from dovetail.dtypes import (
    ALL,
    BOOLEAN,
    COMPLEX,
    DTYPES,
    FLOATING,
    INTEGER,
    NUMERIC,
    REAL,
    DType,
    bfloat16,
    bool_,
    complex64,
    complex128,
    complex_of,
    default_dtype,
    dtype,
    float16,
    float32,
    float64,
    int8,
    int16,
    int64,
    join,
    promote_types,
    real_of,
    uint8,
    uint64,
)

NUMPY = [t for t in DTYPES if t is not bfloat16]
any_dtype = st.sampled_from(DTYPES)


def promoted(a: DType, b: DType) -> DType | None:
    try:
        return promote_types(a, b)
    except dt.OpError:
        return None


@pytest.mark.parametrize("kind", DTYPES, ids=str)
def test_a_dtype_is_found_by_each_of_its_names(kind: DType) -> None:
    assert dtype(kind) is dtype(kind.name) is dtype(kind.word) is kind
    assert pickle.loads(pickle.dumps(kind)) is kind
    assert copy.deepcopy(kind) is kind
    assert repr(kind) == f"dovetail.{kind.name}"


@pytest.mark.parametrize("kind", NUMPY, ids=str)
def test_a_dtype_is_found_by_numpys(kind: DType) -> None:
    assert dtype(np.dtype(kind.name)) is kind
    assert dtype(getattr(np, "bool" if kind is bool_ else kind.name)) is kind
    assert np.dtype(kind.name).itemsize == kind.itemsize


def test_python_types_are_the_defaults() -> None:
    assert dtype(bool) is bool_ is default_dtype("bool")
    assert dtype(int) is int64 is default_dtype("int")
    assert dtype(float) is float32 is default_dtype("float")
    assert dtype(complex) is complex64 is default_dtype("complex")


@pytest.mark.parametrize("value", ["float128", "", 3, None, str, np.datetime64])
def test_an_unknown_dtype_is_refused_with_the_list(value: object) -> None:
    with pytest.raises(dt.OpError, match="bfloat16"):
        dtype(value)


def test_the_sets_are_complete() -> None:
    assert BOOLEAN | INTEGER | FLOATING | COMPLEX == ALL == set(DTYPES)
    assert INTEGER | FLOATING == NUMERIC
    assert REAL == ALL - COMPLEX
    assert len(INTEGER) == 8
    assert len(FLOATING) == 4
    assert len(COMPLEX) == 2


def in_the_standard(a: DType, b: DType) -> bool:
    """Whether the standard's table has an entry: equal kinds, integers with a common type, and
    floats with complex numbers."""
    if {a.kind, b.kind} == {"float", "complex"}:
        return float16 not in (a, b)
    if {"float", "bool", "complex"} & {a.kind, b.kind}:
        return a.kind == b.kind
    return a.kind == b.kind or uint64 not in (a, b)


PAIRS = [pair for pair in itertools.product(NUMPY, NUMPY) if in_the_standard(*pair)]


@pytest.mark.parametrize(("a", "b"), PAIRS, ids=str)
def test_promotion_is_numpys_where_the_standard_has_an_entry(a: DType, b: DType) -> None:
    assert promote_types(a, b).name == np.promote_types(a.name, b.name).name


@pytest.mark.parametrize("signed", [t for t in DTYPES if t.kind == "int"], ids=str)
def test_integers_without_a_common_type_are_refused(signed: DType) -> None:
    for pair in ((signed, uint64), (uint64, signed)):
        with pytest.raises(dt.OpError, match="astype"):
            promote_types(*pair)


def test_mixed_kinds_keep_the_wider_kinds_dtype() -> None:
    assert promote_types(int64, float16) is float16
    assert promote_types(bool_, float32) is float32
    assert promote_types(bool_, int8) is int8
    assert promote_types(bfloat16, uint64) is bfloat16
    assert promote_types(complex64, int64) is complex64
    assert promote_types(bool_, complex128) is complex128
    assert promote_types(float16, complex64) is promote_types(complex64, bfloat16) is complex64


def test_complex_dtypes_and_their_parts_know_each_other() -> None:
    assert complex_of(float16) is complex_of(float32) is complex64
    assert complex_of(float64) is complex128
    assert [real_of(t) for t in (complex64, complex128, int8)] == [float32, float64, int8]
    assert all(promote_types(real_of(t), t) is t is complex_of(t) for t in COMPLEX)


def test_the_two_halves_meet_in_single_precision() -> None:
    assert promote_types(float16, bfloat16) is float32
    assert promote_types(bfloat16, float32) is float32
    assert promote_types(float64, bfloat16) is float64


@given(any_dtype, any_dtype)
def test_promotion_commutes(a: DType, b: DType) -> None:
    assert promoted(a, b) is promoted(b, a)


@given(any_dtype)
def test_promotion_with_itself_changes_nothing(a: DType) -> None:
    assert promote_types(a, a) is a


@given(any_dtype, any_dtype)
def test_promotion_absorbs_what_it_came_from(a: DType, b: DType) -> None:
    together = promoted(a, b)
    if together is not None:
        assert promote_types(together, a) is together
        assert promote_types(together, b) is together


def test_join_goes_from_left_to_right() -> None:
    assert join([int8]) is int8
    assert join([uint8, int8, float16]) is float16
    assert join(iter([uint8, int8])) is int16
