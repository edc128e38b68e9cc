"""Programs for arrays of many sizes: named extents, and what is refused where they do not fit."""

from pathlib import Path

import numpy as np
import pytest

import dovetail as dt
from dovetail import program_instance, symbols
from dovetail.symbolic_trace import points
from dovetail.symbols import Dim, FloatDim, affine, evaluated


def saved(path: Path, function, *examples) -> dt.Program:
    dt.save(path / "p.dt", function, examples)
    return dt.load(path / "p.dt")


def network():
    random = np.random.default_rng(0)
    return {
        "w": dt.asarray(random.normal(size=(8, 5)).astype(np.float32)),
        "b": dt.asarray(random.normal(size=5).astype(np.float32)),
    }


def test_one_program_serves_every_batch(tmp_path: Path) -> None:
    weights = network()

    def classify(x):
        hidden = dt.nn.gelu(x @ weights["w"] + weights["b"])
        return dt.nn.softmax(hidden.reshape((-1, 5)), axis=-1), hidden.sum() / x.shape[0]

    program = saved(tmp_path, classify, dt.spec(("n", 8)))
    assert [str(one) for one in program.inputs] == ["x: float32[n, 8]"]
    assert str(program.outputs[0].spec) == "float32[n, 5]"
    assert program.symbols == ("n",)
    for n in (1, 2, 3, 64):
        x = np.random.default_rng(n).normal(size=(n, 8)).astype(np.float32)
        for got, want in zip(program(x), classify(dt.asarray(x)), strict=True):
            np.testing.assert_allclose(np.asarray(got), np.asarray(want), rtol=1e-5, atol=1e-6)
        for got, want in zip(program.reference(x), program(x), strict=True):
            np.testing.assert_allclose(got, np.asarray(want), rtol=1e-5, atol=1e-6)
    text = program.text
    assert "float32[n, 8]" in text and "float(n)" in text
    assert program.metadata["format_version"] == "2"


def test_several_sizes_and_what_is_made_of_them(tmp_path: Path) -> None:
    def mix(x, y):
        table = dt.arange(x.shape[0] * 2 + 1)
        pairs = dt.concat([x, x, dt.zeros((1, y.shape[0]))], axis=0) + y
        return pairs, table, pairs.reshape((y.shape[0], -1))

    program = saved(tmp_path, mix, dt.spec(("n", "m")), dt.spec("m"))
    assert "2*n+1" in program.text
    for n, m in ((2, 3), (5, 1), (1, 4), (0, 2)):
        found = program(dt.ones((n, m)), dt.ones(m))
        want = mix(dt.ones((n, m)), dt.ones(m)) if n else None
        assert [x.shape for x in found][:2] == [(2 * n + 1, m), (2 * n + 1,)]
        if want:
            for a, b in zip(found, want, strict=True):
                assert a.tolist() == b.tolist()


def test_randomness_and_loops_of_any_size(tmp_path: Path) -> None:
    def walk(key, x):
        noise = dt.random.normal(key, x.shape)

        def step(total, row):
            return total + row, total

        last, before = dt.scan(step, dt.zeros(x.shape[1:]), x + noise)
        return last, before

    program = saved(tmp_path, walk, dt.random.key(0), dt.spec(("steps", 3)))
    assert "scan@1(" in program.text and "length=steps" in program.text
    for steps in (1, 4, 9):
        x, key = dt.ones((steps, 3)), dt.random.key(steps)
        for a, b in zip(program(key, x), walk(key, x), strict=True):
            np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-6)


def test_means_and_what_their_gradients_leave_behind(tmp_path: Path) -> None:
    def f(x):
        scaled = x * (3.0 / x.shape[0]) + dt.full(x.shape, 2.5)
        return scaled, dt.grad(lambda x: (x * x).mean(axis=0).sum())(x), dt.ones_like(x)

    program = saved(tmp_path, f, dt.spec(("n", 4)))
    for n in (1, 3, 50):
        x = dt.asarray(np.random.default_rng(n).normal(size=(n, 4)).astype(np.float32))
        for a, b in zip(program(x), f(x), strict=True):
            np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-6)


def test_the_gradient_of_a_loss_of_any_batch(tmp_path: Path) -> None:
    def loss(w, x, y):
        return ((x @ w - y) ** 2).mean()

    step = dt.grad(loss)
    program = saved(tmp_path, step, dt.ones((3, 1)), dt.spec(("n", 3)), dt.spec(("n", 1)))
    for n in (2, 7):
        x, y = dt.ones((n, 3)), dt.zeros((n, 1))
        a, b = program(dt.ones((3, 1)), x, y), step(dt.ones((3, 1)), x, y)
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-6)


REFUSED = [
    (lambda x: x.reshape((x.shape[0] // 2, -1)), "fails for n = 11, one of the sizes it is tried"),
    (lambda x: x[: x.shape[0] // 2], "stop of slice.*5 and 8 and 12 and 1 for n = 11 and 17"),
    (lambda x: dt.zeros(x.shape[0] ** 2) + x.sum(), "no whole multiple of n plus a constant"),
    (lambda x: x[3:] - x[:-3], "start of slice.*3 and 3 and 3 and 0"),
    (lambda x: x + 1.0 if x.shape[0] > 15 else x, "computes something else for n = 17"),
    (lambda x: x * (2.0 if x.shape[0] > 15 else 3.0), "a constant of .*no whole multiple"),
    (lambda x: x + dt.asarray(np.eye(x.shape[0], 4, dtype=np.float32)), "constant array"),
    (lambda x: [x] * (x.shape[0] % 3), "another container"),
    (lambda x: x.sum() * (1.0 / x.shape[0] ** 2), "no whole multiple"),
    (lambda x: dt.concat([x] * (x.shape[0] // 4), axis=1), "computes something else"),
    (lambda x: x + 1.0 if x.shape[0] < 5 else x, "computes something else for n = 2"),
]


@pytest.mark.parametrize(("function", "words"), REFUSED)
def test_what_is_not_affine_is_refused_in_a_sentence(tmp_path: Path, function, words) -> None:
    with pytest.raises(dt.ProgramError, match=words) as caught:
        dt.save(tmp_path / "p.dt", function, (dt.spec(("n", 4)),))
    assert str(caught.value).startswith("save: ")
    assert not list(tmp_path.iterdir())


def test_a_size_too_small_for_the_function_is_named_when_called(tmp_path: Path) -> None:
    kernel = dt.ones((3, 3, 1, 1))
    program = saved(tmp_path, lambda x: dt.nn.conv2d(x, kernel), dt.spec((1, "n", 3, 1)))
    assert program(dt.ones((1, 4, 3, 1))).reshape(-1).tolist() == [9.0, 9.0]
    with pytest.raises(dt.ProgramError, match="does not work for n = 2"):
        program(dt.ones((1, 2, 3, 1)))


def test_calls_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    program = saved(tmp_path, lambda x, y: x @ y, dt.spec(("n", 4)), dt.spec((4, "n")))
    program(dt.ones((2, 4)), dt.ones((4, 2)))
    for x, y, words in [
        (dt.ones((2, 4)), dt.ones((4, 3)), "n is 2 in x and 3 in y"),
        (
            dt.ones((2, 5)),
            dt.ones((4, 2)),
            r"x must be float32\[n, 4\], not float32\[2, 5\]; only n",
        ),
        (dt.ones(2), dt.ones((4, 2)), r"not float32\[2\]"),
        (np.ones((2, 4)), dt.ones((4, 2)), "float64.*astype"),
    ]:
        with pytest.raises(dt.ProgramError, match=words):
            program(x, y)


def test_the_plans_of_the_last_sizes_are_kept(tmp_path: Path) -> None:
    program = saved(tmp_path, lambda x: x * 2.0, dt.spec("n"))
    for n in range(1, program_instance.KEPT + 9):
        program(dt.ones(n))
    made = program._instances._made
    assert len(made) == program_instance.KEPT
    before = made[(program_instance.KEPT + 8,)]["main"]
    program(dt.ones(program_instance.KEPT + 8))
    assert made[(program_instance.KEPT + 8,)]["main"] is before
    assert len(before._plans) == 1


def test_explain_shows_the_names_and_takes_sizes(tmp_path: Path) -> None:
    program = saved(tmp_path, lambda x: dt.exp(x).sum(), dt.spec(("n", 4)))
    text = str(program.explain(n=1000))
    assert "takes x: float32[n, 4]" in text and "for n = 1000" in text
    assert "plan: " in str(program.explain())
    with pytest.raises(dt.ProgramError, match="no size named 'rows'; its named sizes: n"):
        program.explain(rows=3)
    assert program.planned(n=5).steps


def test_a_program_with_names_is_saved_again_as_it_is(tmp_path: Path) -> None:
    program = saved(tmp_path, lambda x: x * 2.0, dt.spec("n"))
    dt.save(tmp_path / "again.dt", program)
    assert (tmp_path / "again.dt").read_bytes() == (tmp_path / "p.dt").read_bytes()


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        (("2n",), "cannot name a size"),
        (("float32",), "a word of the program's text"),
        ((1.5,), "no extent"),
        ((-1,), "no extent"),
        ((True,), "no extent"),
        (("größe",), "cannot name a size"),
    ],
)
def test_extents_that_are_none_are_refused(shape, words: str) -> None:
    with pytest.raises(dt.ProgramError, match=words):
        dt.spec(shape)


def test_specs_without_names_stand_for_arrays(tmp_path: Path) -> None:
    program = saved(tmp_path, lambda x: x + 1, dt.spec((2, 3), dt.int32))
    assert str(program.inputs[0]) == "x: int32[2, 3]"
    assert program.metadata["format_version"] == "1"
    assert repr(dt.spec(3)) == "float32[3]"


def test_expressions_are_written_as_they_are_read() -> None:
    from dovetail.graph_parse import _Reader
    from dovetail.graph_tokens import Line

    sizes = {"n": 7, "m": 5}
    reader = _Reader("", lambda *_: None, sizes)
    for terms, constant in [
        ((("n", 1),), 0),
        ((("n", 2), ("m", -1)), 3),
        ((("m", -3),), -4),
        ((("n", 1), ("m", 1)), -12),
    ]:
        text = affine(terms, constant)
        value = constant + sum(k * sizes[name] for name, k in terms)
        found = reader.number(Line(text, 1))
        assert (found, str(found)) == (value, text)
        assert evaluated(found, {"n": 100, "m": 10}) == constant + sum(
            k * {"n": 100, "m": 10}[name] for name, k in terms
        )
    assert reader.number(Line("3+4", 1)) == 7
    for bad in ("2*q", "1.5*n", "n+1.5", "2*"):
        with pytest.raises(dt.ProgramError):
            reader.number(Line(bad, 1))
    assert str(FloatDim(Dim(7, (("n", 1),), 0))) == "float(n)"


def test_points_tell_symbols_apart() -> None:
    for names in (("n",), ("a", "b", "c")):
        at = points(names)
        assert len(at) == len(names) + 3
        assert all(len(set(sizes.values())) == len(names) for sizes in at)
    with pytest.raises(dt.ProgramError, match="9 named sizes"):
        points("abcdefghi")


def test_the_examples_run() -> None:
    import doctest

    result = doctest.testmod(symbols)
    assert result.attempted and not result.failed
