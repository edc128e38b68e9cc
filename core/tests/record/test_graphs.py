"""Whole graphs in recordings: attributes of every kind, constants, symbols, aliases, saved bytes.

The library writes one number that every field of a graph went into, so a replay that rebuilds a
field otherwise cannot give the same.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dovetail import _fast
from dovetail._abi import ffi, lib
from dovetail.replay_calls import Recording, contained, read, report

Digests = Callable[[int], Path]
DTYPES = {"float32": (2, 32), "int64": (0, 64), "uint8": (1, 8), "int8": (0, 8), "uint64": (1, 64)}


class Maker:
    """Structs of dovetail.h by hand, kept alive together."""

    def __init__(self) -> None:
        self.kept: list[Any] = []

    def new(self, kind: str, value: Any = None) -> Any:
        made = ffi.new(kind) if value is None else ffi.new(kind, value)
        self.kept.append(made)
        return made

    def struct(self, kind: str, **members: Any) -> Any:
        made = self.new(f"{kind} *")
        if kind not in ("dvt_tensor", "dvt_attr"):
            made.struct_size = ffi.sizeof(kind)
        for name, value in members.items():
            setattr(made, name, self.text(value) if isinstance(value, str) else value)
        return made

    def text(self, text: str) -> Any:
        return self.new("char[]", text.encode())

    def tensor(self, array: np.ndarray, *, spec: bool = False) -> Any:
        self.kept.append(array)
        t = self.struct("dvt_tensor", ndim=array.ndim)
        t.dtype.code, t.dtype.bits = DTYPES[array.dtype.name]
        t.dtype.lanes, t.place.type = 1, lib.DVT_PLACE_CPU
        t.shape = self.new("int64_t[]", list(array.shape) or [0])
        t.strides = self.new("int64_t[]", [s // array.itemsize for s in array.strides] or [0])
        if not spec:
            t.data = ffi.cast("void *", array.ctypes.data)
        return t

    def attrs(self, *rows: tuple[str, int, str, Any, int]) -> tuple[Any, int]:
        """Rows of name, kind, C type of values, values, is_list."""
        array = self.new("dvt_attr[]", max(len(rows), 1))
        for one, (name, kind, c_type, values, is_list) in zip(array, rows, strict=False):
            one.name, one.kind, one.is_list = self.text(name), kind, is_list
            one.count, one.values = len(values), self.new(c_type, values)
        return array, len(rows)

    def node(self, op: str, inputs: list[int], outputs: list[int], attrs: Any, **words: Any) -> Any:
        node = self.struct("dvt_node", op=op, version=2, **words)
        node.inputs, node.n_inputs = self.new("uint32_t[]", inputs), len(inputs)
        node.outputs, node.n_outputs = self.new("uint32_t[]", outputs), len(outputs)
        node.attrs, node.n_attrs = attrs
        return node

    def graph(self, values: list[Any], nodes: list[Any], **words: Any) -> Any:
        graph = self.struct("dvt_graph", **words)
        graph.values, graph.n_values = self.new("dvt_value *[]", values), len(values)
        graph.nodes, graph.n_nodes = self.new("dvt_node *[]", nodes), len(nodes)
        graph.inputs, graph.n_inputs = self.new("uint32_t[]", [0]), 1
        graph.outputs, graph.n_outputs = self.new("uint32_t[]", [len(values) - 1]), 1
        return graph

    def value(self, tensor: Any, **words: Any) -> Any:
        value = self.struct("dvt_value", **words)
        value.spec = tensor[0]
        return value


def every_kind(m: Maker, body: Any) -> tuple[Any, int]:
    """An attribute of every kind, single and in a list."""
    strided = m.tensor(np.arange(24, dtype=np.float32).reshape(4, 6)[::2, ::-3])
    scalar, empty = m.tensor(np.array(7, np.int64)), m.tensor(np.zeros((0, 3), np.uint8))
    return m.attrs(
        ("one", lib.DVT_ATTR_INT64, "int64_t[]", [-(2**63)], 0),
        ("ints", lib.DVT_ATTR_INT64, "int64_t[]", [3, 2**63 - 1], 1),
        ("none", lib.DVT_ATTR_INT64, "int64_t[]", [], 1),
        ("tenth", lib.DVT_ATTR_FLOAT64, "double[]", [0.1], 0),
        ("floats", lib.DVT_ATTR_FLOAT64, "double[]", [1e308, 5e-324, -0.0, 1 / 3], 1),
        ("odd", lib.DVT_ATTR_FLOAT64, "double[]", [float("inf"), float("-inf")], 1),
        ("word", lib.DVT_ATTR_STRING, "char *[]", [m.text('Käse "\\\n\t')], 0),
        ("words", lib.DVT_ATTR_STRING, "char *[]", [m.text(""), m.text("二")], 1),
        ("type", lib.DVT_ATTR_DTYPE, "dvt_dtype[]", [(4, 16, 1)], 0),
        ("types", lib.DVT_ATTR_DTYPE, "dvt_dtype[]", [(17, 4, 1), (10, 8, 4)], 1),
        ("bytes", lib.DVT_ATTR_BYTES, "uint8_t[]", list(range(256)), 1),
        ("tensor", lib.DVT_ATTR_TENSOR, "dvt_tensor *[]", [strided], 0),
        ("tensors", lib.DVT_ATTR_TENSOR, "dvt_tensor *[]", [scalar, empty], 1),
        ("body", lib.DVT_ATTR_GRAPH, "dvt_graph *[]", [body], 0),
    )


def a_graph(m: Maker) -> Any:
    """A graph that leaves no field at zero."""
    x, y = np.zeros((2, 3), np.float32), np.zeros((), np.uint64)
    inner = m.graph(
        [m.value(m.tensor(x, spec=True)), m.value(m.tensor(y, spec=True))],
        [m.node("exp", [0], [1], m.attrs())],
    )
    quant = m.struct("dvt_quant", axis=1)
    quant.scale = m.tensor(np.array([0.5, 2.0], np.float32))
    quant.zero_point = m.tensor(np.array([1, -1], np.int8))
    weights = m.tensor(np.random.default_rng(5).random((3, 4), np.float32))
    open_ = m.tensor(x, spec=True)
    open_.shape[0] = -1  # symbol 0
    graph = m.graph(
        [
            m.value(open_, name="x"),
            m.value(weights, name="w", flags=lib.DVT_VALUE_CONSTANT, quant=quant),
            m.value(m.tensor(y, spec=True)),
        ],
        [
            m.node("scan", [0, 1], [2], every_kind(m, inner), name="loop", location="a.py:3 in f"),
            m.node("add", [2, 2], [2], m.attrs(), flags=lib.DVT_MATH_DETERMINISTIC),
        ],
        name="whole",
    )
    symbol = m.struct("dvt_symbol", name="batch", min=1, typical=8, max=-1, multiple_of=2)
    graph.symbols, graph.n_symbols = m.new("dvt_symbol *[]", [symbol]), 1
    alias = m.struct("dvt_alias", flags=lib.DVT_ALIAS_MUST, input=0, output=0)
    graph.aliases, graph.n_aliases = m.new("dvt_alias *[]", [alias]), 1
    return graph


@pytest.fixture(scope="module")
def driven(tmp_path_factory: pytest.TempPathFactory, digests: Digests) -> Callable[[str], Any]:
    """``driven("full")``: the recording of a graph's life, and the number that it gave."""

    def drive(data: str) -> tuple[Recording, int]:
        capsule = _fast.load_plugin(str(digests(1)))
        pattern = str(tmp_path_factory.mktemp("graphs") / "graph.dvr")
        path = _fast.record_plugin(capsule, pattern, data, 1 << 30, 1 << 24)
        table: Any = ffi.cast("dvt_plugin *", _fast.plugin_address(capsule))
        host: Any = ffi.cast("dvt_host *", _fast.host_address(capsule))
        m, error = Maker(), ffi.new("dvt_error *")
        error.struct_size = ffi.sizeof("dvt_error")
        graph = a_graph(m)
        desc = m.struct("dvt_compile_desc", graph=graph, host=host, flags=lib.DVT_MATH_ALLOW_TF32)
        desc.devices, desc.n_devices = m.new("dvt_device *[]", [ffi.NULL]), 1
        desc.options, desc.n_options = every_kind(m, graph)
        claims = [m.struct("dvt_claim") for _ in range(2)]
        api = table.graph
        assert api.partition(desc, m.new("dvt_claim *[]", claims), error) == 0
        assert [claim.group for claim in claims] == [1, 0]
        made, info = ffi.new("dvt_executable **"), m.struct("dvt_executable_info")
        assert api.compile(desc, made, info, error) == 0
        out = np.zeros(1, np.uint64)
        call = m.struct("dvt_call", host=host, n_inputs=1, n_outputs=1, tag=7)
        call.inputs = m.new("dvt_tensor *[]", [m.tensor(np.arange(6, dtype=np.int64)[::-2])])
        call.outputs = m.new("dvt_tensor *[]", [m.tensor(out)])
        assert api.execute(made[0], call, error) == 0
        saved: list[bytes] = []

        @ffi.callback("dvt_write_fn")
        def write(_context: Any, piece: Any, size: int) -> int:
            saved.append(bytes(ffi.buffer(piece, size)))
            return 0

        assert api.save(made[0], m.struct("dvt_blob", host=host, write=write), error) == 0
        kept = m.new("char[]", b"".join(saved))
        blob = m.struct("dvt_blob", host=host, bytes=kept, size=len(saved[0]))
        again = ffi.new("dvt_executable **")
        assert api.load(blob, again, info, error) == 0
        first = int(out[0])
        assert api.execute(again[0], call, error) == 0 and int(out[0]) == first
        for one in (made, again):
            api.destroy(one[0])
        return read(Path(path)), first

    return drive


def replayed(recording: Recording, library: Path) -> contained.Replay:
    return contained.replay(recording, library, recording.calls)


def test_a_graph_is_rebuilt_to_the_last_field(
    driven: Callable[[str], Any], digests: Digests
) -> None:
    recording, number = driven("full")
    names = [call.name for call in recording.calls]
    assert (
        names
        == ["partition", "compile", "execute", "save", "load", "execute"]
        + ["executable_destroy"] * 2
    )
    first = recording.calls[2]
    assert first.end is not None
    told = recording.data(first.end["outputs"][0]["data"])
    assert int.from_bytes(told, "little") == number
    result = replayed(recording, digests(1))
    assert list(report.problems(result)) == []
    assert [outcome.kind for outcome in result.of("execute")] == ["same", "same"]
    shown = recording.calls[1].begin["graph"]
    assert shown["symbols"] == [
        {"min": 1, "typical": 8, "max": -1, "multiple_of": 2, "name": "batch"}
    ]
    assert shown["nodes"][0]["location"] == "a.py:3 in f"
    assert shown["values"][0]["spec"]["shape"] == [-1, 3]


def test_another_claim_is_named(driven: Callable[[str], Any], digests: Digests) -> None:
    result = replayed(driven("full")[0], digests(0))
    [outcome] = result.of("partition")
    assert outcome.kind == "refused"
    assert outcome.text == (
        "node 0 (scan) was claimed, and is not now: only the first node is wanted"
    )
    assert [one.kind for one in result.of("execute")] == ["same", "same"]
    wide = replayed(driven("full")[0], digests(5))  # another number for the same group
    assert [one.kind for one in wide.of("partition")] == ["same"]


def test_a_library_without_graphs_refuses(
    driven: Callable[[str], Any], faults: Callable[[str], Path]
) -> None:
    result = replayed(driven("full")[0], faults("right"))
    assert {one.text for one in result.of("execute")} == {"it has no graph table"}
    assert not report.is_good(result)


def test_constants_and_saved_graphs_are_data(
    driven: Callable[[str], Any], digests: Digests
) -> None:
    recording, number = driven("hash")
    content = recording.path.read_bytes()
    weights = np.random.default_rng(5).random((3, 4), np.float32)
    for secret in (weights.tobytes()[:8], bytes(range(16)), number.to_bytes(8, "little")):
        assert secret not in content
    assert weights.tobytes()[:8] in driven("full")[0].path.read_bytes()
    result = replayed(recording, digests(1))
    assert [one.kind for one in result.of("execute")] == ["unchecked", "refused"]
    assert "the recording does not hold the saved graph" in result.of("load")[0].text
