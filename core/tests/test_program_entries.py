"""Programs with several entry points, control flow and randomness, and their damaged files."""

import json
import runpy
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import dovetail as dt

FILES = runpy.run_path(str(Path(__file__).with_name("test_program_file.py")))
changed, refused, signed, split = (FILES[k] for k in ("changed", "refused", "signed", "split"))


def make(path: Path, *, names: bool = True) -> dt.Program:
    """A model that learns and predicts, in one file."""
    w = dt.asarray(np.arange(8, dtype=np.float32).reshape(4, 2))
    rows: int | str = "n" if names else 5

    def predict(x):
        return dt.nn.softmax(x @ w, axis=-1)

    def train(params, x, y):
        def loss(params):
            return ((x @ params + w.sum() - y) ** 2).sum()

        value, slope = dt.value_and_grad(loss)(params)
        return params - 0.01 * slope, value

    def sample(key, x):
        def more(state):
            total, turn = state
            return total + dt.random.normal(dt.random.fold_in(key, 3), (4,)).sum(), turn + 1

        total, _ = dt.while_loop(lambda s: s[1] < 3, more, (dt.sum(x @ w), 0))
        return dt.cond(total > 0.0, lambda t: t * 2.0, lambda t: -t, total)

    x, y = dt.spec((rows, 4)), dt.spec((rows, 2))
    dt.save(
        path,
        {
            "predict": (predict, (x,)),
            "train": (train, (dt.spec((4, 2)), x, y)),
            "sample": (sample, (dt.random.key(0), x)),
        },
    )
    return dt.load(path)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> dt.Program:
    return make(tmp_path_factory.mktemp("entries") / "p.dt")


def test_each_entry_is_called_by_its_name(program: dt.Program) -> None:
    assert program.entries == ("predict", "train", "sample")
    x = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    w = np.arange(8, dtype=np.float32).reshape(4, 2)
    e = np.exp(x @ w - (x @ w).max(axis=1, keepdims=True))
    want = e / e.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(np.asarray(program["predict"](x)), want, rtol=1e-5, atol=1e-7)
    params = dt.zeros((4, 2))
    values = []
    for _ in range(3):
        params, value = program["train"](params, x, np.zeros((3, 2), np.float32))
        values.append(value.item())
    assert values[0] > values[1] > values[2]
    assert [str(one) for one in program["train"].inputs] == [
        "params: float32[4, 2]",
        "x: float32[n, 4]",
        "y: float32[n, 2]",
    ]


def test_control_flow_and_keys_are_in_the_file(program: dt.Program) -> None:
    x = np.ones((2, 4), np.float32)
    sample = program["sample"]
    found = sample(dt.random.key(1), x)
    assert found.item() != sample(dt.random.key(2), x).item()
    assert sample(dt.random.key(1), x).item() == found.item()
    np.testing.assert_allclose(sample.reference(dt.random.key(1), x), found.item(), rtol=1e-5)
    for word in ("while_loop@1(", "switch@1(", "random_", "body=@", "graph sample("):
        assert word in program.text
    text = str(sample.explain())
    assert "control flow" in text and "body = graph " in text
    assert sample.explain().to_svg().count("body: ") >= 1


def test_shared_weights_are_stored_once(program: dt.Program) -> None:
    weights = [t for t in program._file.tensors.values() if t.shape == (4, 2)]
    assert [t.name for t in weights] == ["w"]
    assert program.text.count("constant 'w'") == 2


def test_a_whole_program_is_no_function(program: dt.Program) -> None:
    with pytest.raises(dt.ProgramError, match=r"predict, train, sample; choose one, as in"):
        program(np.ones((2, 4), np.float32))
    with pytest.raises(dt.ProgramError, match="no entry point 'fit'; it has predict, train"):
        program["fit"]
    assert repr(program).endswith(": predict, train, sample>")
    text = str(program.explain())
    assert "predict:" in text and text.count("plan: ") == 3


def test_an_entry_runs_on_the_device_the_program_was_sent_to(program: dt.Program) -> None:
    sent = program.to_device("cpu:0")["predict"]
    assert sent(np.ones((1, 4), np.float32)).device.name == "cpu:0"


def test_entries_are_saved_again(tmp_path: Path) -> None:
    program = make(tmp_path / "p.dt", names=False)
    dt.save(tmp_path / "all.dt", program)
    assert dt.load(tmp_path / "all.dt").entries == program.entries
    dt.save(tmp_path / "one.dt", program["predict"])
    one = dt.load(tmp_path / "one.dt")
    x = np.ones((5, 4), np.float32)
    assert one(x).tolist() == program["predict"](x).tolist()
    assert one.metadata["format_version"] == "1"
    symbolic = make(tmp_path / "s.dt")
    with pytest.raises(dt.ProgramError, match="save the whole program"):
        dt.save(tmp_path / "t.dt", symbolic["predict"])


@pytest.mark.parametrize(
    ("functions", "words"),
    [
        ({}, "no function to save"),
        ({"a b": (lambda: 1, ())}, "cannot name an entry point"),
        ({"a": lambda x: x}, "a pair of a function and its example inputs"),
        ({3: (lambda: 1, ())}, "cannot name an entry point"),
    ],
)
def test_wrong_entries_are_refused(tmp_path: Path, functions, words: str) -> None:
    with pytest.raises(dt.ProgramError, match=words):
        dt.save(tmp_path / "p.dt", functions)


# ---- damaged files -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("good") / "p.dt"
    make(path)
    return path.read_bytes()


def entries(change):
    def edit(header: dict) -> None:
        found = json.loads(header["__metadata__"]["entries"])
        change(found)
        header["__metadata__"]["entries"] = json.dumps(found)

    return edit


WRONG = [
    (entries(lambda e: e[0].update(graph="nothing")), "holds no graph 'nothing'"),
    (entries(lambda e: e.pop()), "used by no other"),
    (entries(lambda e: e[1].update(name="predict")), "two have one name"),
    (entries(lambda e: e[1].update(name="a-b")), "cannot name an entry point"),
    (entries(lambda e: e[1].pop("inputs")), "describes no entry point"),
    (entries(lambda e: e.append(3)), "describes no entry point"),
    (lambda h: h["__metadata__"].update(entries="{}"), "no list"),
    (entries(list.clear), "no entry point"),
    (lambda h: h["__metadata__"].update(entries="["), "not JSON"),
    (lambda h: h["__metadata__"].update(symbols="[]"), "no dict"),
    (lambda h: h["__metadata__"].update(symbols='{"n": -1}'), "is no size"),
    (lambda h: h["__metadata__"].update(symbols='{"n": 1e9}'), "is no size"),
    (lambda h: h["__metadata__"].update(symbols='{"n": 9999999999999999999}'), "is no size"),
    (lambda h: h["__metadata__"].update(symbols='{"float32": 3}'), "a word of the program"),
    (lambda h: h["__metadata__"].update(symbols="{}"), "a number should come before 'n'"),
]


@pytest.mark.parametrize(("change", "words"), WRONG)
def test_a_wrong_list_of_entries_is_refused(good: bytes, tmp_path: Path, change, words) -> None:
    refused(tmp_path / "h.dt", changed(good, change), words)


def text_edit(old: str, new: str):
    def edit(header: dict) -> None:
        lines = header["__metadata__"]
        keys = [k for k in lines if k.startswith("graph.") and old in lines[k]]
        assert keys, f"no line has {old}"
        lines[keys[0]] = lines[keys[0]].replace(old, new)

    return edit


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("float32[n, 4]", "float32[2*n, 4]", "as its size|gives|needs|takes"),
        ("float32[n, 4]", "float32[m, 4]", "a number should come before 'm'"),
        ("float32[n, 4]", "float32[-3*n, 4]", "whole number"),
        ("float32[n, 4]", "float32[9223372036854775807*n, 4]", "whole number"),
        ("body=@", "body=@no", "used before it is defined"),
    ],
)
def test_wrong_sizes_in_the_text_are_refused(
    good: bytes, tmp_path: Path, old: str, new: str, words: str
) -> None:
    refused(tmp_path / "h.dt", changed(good, text_edit(old, new)), words)


def test_a_graph_that_holds_itself_is_refused(good: bytes, tmp_path: Path) -> None:
    def edit(header: dict) -> None:
        lines = header["__metadata__"]
        key = next(k for k in lines if k.startswith("graph.") and "body=@" in lines[k])
        name = lines[key].partition("body=@")[2].split(",")[0].split("}")[0]
        lines[key] = lines[key].replace(f"body=@{name}", "body=@sample")

    refused(tmp_path / "h.dt", changed(good, edit), "@sample is used before it is defined")


@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    edits=st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(32, 126)), min_size=1, max_size=3)
)
def test_a_hostile_header_is_refused_or_a_program(
    good: bytes, tmp_path: Path, edits: list[tuple[int, int]]
) -> None:
    header, data = split(good)
    damaged = bytearray(header)
    for at, value in edits:
        damaged[100 + at % (len(damaged) - 100)] = value
    path = tmp_path / "hostile.dt"
    path.write_bytes(signed(bytes(damaged), data))
    try:
        program = dt.load(path)
    except dt.ProgramError:
        return
    for name in program.entries:
        assert program[name].inputs


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_refused(good: bytes, tmp_path: Path, share: float) -> None:
    refused(tmp_path / "t.dt", good[: int(len(good) * share)], "ends|truncated|bytes")
