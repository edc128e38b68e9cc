"""What every op record promises, derived from the records: no op is named here."""

import doctest
import inspect

import numpy as np
import pytest

import dovetail as dt
from dovetail.dtypes import ALL, DTYPES, complex64, float32, float64
from dovetail.op import ANY, REGISTRY, REQUIRED, Op, Spec, iterate
from dovetail.reference import call
from dovetail.shapes import contiguous_strides
from dovetail.testing import check_gradient, check_op, check_trace, samples_of
from dovetail.testing.device_check import function_of
from dovetail.testing.gradient_check import differentiable_operands

OPS = sorted(REGISTRY.values(), key=lambda op: op.name)
every_op = pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
VIEWS = [op for op in OPS if op.claim == "view" and len(op.operands) == 1]
WORDS = {t.word for t in DTYPES} | {t.name for t in DTYPES}


def test_there_are_ops() -> None:
    assert len(OPS) > 80


@every_op
def test_shape_and_dtype_rule_agree_with_numpy(op: Op) -> None:
    count = 0
    for case in samples_of(op):
        call(op, *case.arrays, dtypes=case.dtypes, **case.attributes)  # raises where they differ
        count += 1
    assert count


@every_op
def test_device_agrees_with_the_reference(op: Op) -> None:
    assert check_op(op)


@every_op
def test_first_and_second_derivatives_agree_with_differences(op: Op) -> None:
    checked = check_gradient(op)
    floating = any(
        differentiable_operands(op, len(sample.inputs))
        for sample in op.samples()
        if sample.differentiable
    )
    assert bool(checked) == floating


@every_op
def test_compiled_agrees_with_eager(op: Op) -> None:
    assert check_trace(op)


@every_op
def test_the_record_is_complete(op: Op) -> None:
    assert op.claim in ("kernel", "view", "composite", "structured")
    assert (op.view is not None) == (op.claim == "view")
    assert op.claim != "composite" or op.decomposition is not None
    assert op.version >= 1
    if isinstance(op.gradient, tuple):
        assert len(op.gradient) == len(op.operands)
        assert any(op.gradient), "no rule at all: leave gradient out"
    assert callable(op.gradient) == op.variadic or op.gradient is None or not op.variadic
    words = {word for _, word in op.operands} | set(op.results)
    assert set(op.types) <= words, "a type variable that the signature lacks"
    assert all(word in {*WORDS, ANY} or word.isupper() for word in words)
    names = [name.lstrip("*") for name, _ in op.operands]
    assert len({*names, *op.attributes}) == len(names) + len(op.attributes)
    for kind in op.types.values():
        assert kind <= ALL
    known = {t.name for t in DTYPES} | {"norm"}
    assert set(op.tolerance) <= known


@every_op
def test_the_op_has_a_public_function(op: Op) -> None:
    assert callable(getattr(dt.ops, op.name))


@every_op
def test_the_doc_says_what_it_means(op: Op) -> None:
    first = op.doc.split("\n")[0]
    assert first and first[-1] in ".,;:", "the first line is a sentence, or the start of one"
    assert inspect.getdoc(getattr(dt.ops, op.name)) == inspect.cleandoc(op.doc)
    assert all(len(line) <= 100 for line in op.doc.splitlines())


@every_op
def test_the_example_of_the_doc_runs(op: Op) -> None:
    examples = doctest.DocTestParser().get_doctest(op.doc, {}, op.name, None, 0)
    assert examples.examples, f"{op.name} has no example"
    report: list[str] = []
    result = doctest.DocTestRunner(verbose=False).run(examples, out=report.append)
    assert not result.failed, "".join(report)


@every_op
def test_canonical_attributes_stay_as_they_are(op: Op) -> None:
    for case in samples_of(op):
        specs = _promoted(op, case)
        given = {**op.attributes, **case.attributes}
        once = op.canonical(*specs, **given) if op.canonical else given
        assert list(once) == list(op.attributes), "in the order of the record"
        assert all(value is not REQUIRED for value in once.values())
        hash(tuple(once.values()))
        if op.canonical:
            assert op.canonical(*specs, **once) == once


def _promoted(op, case):
    from dovetail.promotion import promotion

    specs = [Spec(x.shape, t) for x, t in zip(case.arrays, case.dtypes, strict=True)]
    if not specs:
        return specs
    casts, shapes = promotion(op, specs)
    return [
        Spec(shape if shape is not None else s.shape, cast or s.dtype)
        for s, cast, shape in zip(specs, casts, shapes, strict=True)
    ]


def _laid_out(array: np.ndarray, layout: str) -> np.ndarray:
    """The same values under other strides."""
    if layout == "transposed":
        return np.ascontiguousarray(array.T).T
    if layout == "backwards":
        turned = tuple(slice(None, None, -1) for _ in array.shape)
        return np.ascontiguousarray(array[turned])[turned]
    if layout == "spread":
        wide = np.zeros([2 * n for n in array.shape], array.dtype)
        every = tuple(slice(None, None, 2) for _ in array.shape)
        wide[every] = array
        return wide[every]
    return np.ascontiguousarray(array)


@pytest.mark.parametrize("layout", ["contiguous", "transposed", "backwards", "spread"])
@pytest.mark.parametrize("op", VIEWS, ids=lambda op: op.name)
def test_a_view_reads_the_same_memory(op: Op, layout: str) -> None:
    views = 0
    for case in samples_of(op):
        if case.dtypes[0] is not float64:
            continue
        spec = Spec(case.arrays[0].shape, float64)
        attributes = {**op.attributes, **case.attributes}
        if op.canonical:
            attributes = op.canonical(spec, **attributes)
        x = _laid_out(case.arrays[0], layout).reshape(case.arrays[0].shape)
        strides = tuple(s // x.itemsize for s in x.strides)
        found = op.view(x.shape, strides, **attributes)
        want = call(op, x, **case.attributes)
        if found is None:
            assert layout != "contiguous", "contiguous memory can always be viewed"
            continue
        shape, new_strides, offset = found
        views += 1
        assert shape == want.shape
        assert len(new_strides) == len(shape)
        if want.size == 0:
            continue
        reached = [
            offset + sum(i * s for i, s in zip(at, new_strides, strict=True))
            for at in np.ndindex(*shape)
        ]
        # A view of x's own memory, from its first element on, whatever lies around it.
        memory = {
            sum(i * s for i, s in zip(at, strides, strict=True)): x[at]
            for at in np.ndindex(*x.shape)
        }
        np.testing.assert_array_equal([memory[place] for place in reached], want.reshape(-1))
    assert views


@pytest.mark.parametrize("op", VIEWS, ids=lambda op: op.name)
def test_a_view_with_row_major_strides_counts_as_contiguous(op: Op) -> None:
    for case in samples_of(op):
        x = case.arrays[0]
        function = function_of(op)
        y = function(dt.asarray(np.ones(x.shape, np.float32)), **case.attributes)
        contiguous = y._strides == contiguous_strides(y.shape)
        if contiguous and y.size:
            assert y._contiguous


# ---- bad input ----------------------------------------------------------------------------------


def _valid(op: Op):
    return next(c for c in samples_of(op) if all(x.size for x in c.arrays))


@pytest.mark.parametrize(
    "op", [op for op in OPS if "axis" in op.attributes and op.operands], ids=lambda op: op.name
)
@pytest.mark.parametrize("axis", [99, -99, "x", 1.5], ids=str)
def test_a_wrong_axis_is_refused_in_words(op: Op, axis: object) -> None:
    case = _valid(op)
    attributes = {**case.attributes, "axis": axis}
    arrays = [dt.asarray(x) for x in case.arrays]
    with pytest.raises(dt.OpError) as error:
        function_of(op)(*arrays, **attributes)
    assert str(error.value).startswith(f"{op.name}: ")
    assert "axis" in str(error.value)


@pytest.mark.parametrize("op", [op for op in OPS if op.broadcast], ids=lambda op: op.name)
def test_shapes_that_do_not_broadcast_are_refused_in_words(op: Op) -> None:
    case = _valid(op)
    arrays = [
        dt.asarray(np.ones((2, n), dtype=x.dtype)) for n, x in enumerate(case.arrays, start=3)
    ]
    with pytest.raises(dt.OpError) as error:
        function_of(op)(*arrays, **case.attributes)
    assert str(error.value).startswith(f"{op.name}: ")
    assert "3" in str(error.value) and "4" in str(error.value)


def _refused(op: Op) -> list[tuple[int, object]]:
    """(operand, dtype) pairs that no promotion makes acceptable: floats where neither they nor
    complex numbers fit, else complex numbers where they do not."""
    found = []
    for i, word in enumerate(op.words(max(1, len(op.operands)) if op.operands else 0)):
        fixed = word in WORDS
        kinds = set() if fixed else {t.kind for t in op.allowed(word)}
        if not kinds & {"float", "complex"}:
            found.append((i, float32))
        elif "complex" not in kinds:
            found.append((i, complex64))
    return found


@pytest.mark.parametrize("op", [op for op in OPS if _refused(op)], ids=lambda op: op.name)
def test_a_wrong_dtype_is_refused_in_words(op: Op) -> None:
    for position, kind in _refused(op):
        case = _valid(op)
        arrays = [dt.asarray(x) for x in case.arrays]
        if position == len(arrays):
            continue  # a trailing operand that may be left out
        arrays[position] = dt.asarray(np.ones(case.arrays[position].shape, kind.name))
        with pytest.raises(dt.OpError) as error:
            function_of(op)(*arrays, **case.attributes)
        assert str(error.value).startswith(f"{op.name}: ")
        assert kind.name in str(error.value)


@every_op
def test_an_unknown_attribute_is_refused_in_words(op: Op) -> None:
    case = _valid(op)
    arrays = [dt.asarray(x) for x in case.arrays]
    with pytest.raises(TypeError, match="colour"):
        function_of(op)(*arrays, **case.attributes, colour=1)


@pytest.mark.parametrize("op", [op for op in OPS if op.operands], ids=lambda op: op.name)
def test_missing_operands_are_refused_in_words(op: Op) -> None:
    with pytest.raises((TypeError, dt.OpError), match=op.name):
        function_of(op)(**_valid(op).attributes)


@every_op
def test_results_are_named_by_the_signature(op: Op) -> None:
    case = _valid(op)
    arrays = [dt.asarray(x, dtype=t) for x, t in zip(case.arrays, case.dtypes, strict=True)]
    results = list(iterate(function_of(op)(*arrays, **case.attributes)))
    if ANY in op.results:  # as many as its graphs give
        return
    assert len(results) == len(op.results)
    for word, y in zip(op.results, results, strict=True):
        if word in WORDS:
            assert y.dtype is dt.dtype(word)
        else:
            assert y.dtype in op.allowed(word)
