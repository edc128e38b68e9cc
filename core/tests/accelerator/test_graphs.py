"""The graph table of the simulated accelerator: groups, programs, their bytes."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from dovetail._abi import ffi, lib

FLOATS = np.arange(600, dtype=np.float32).reshape(20, 30) / 64


class Graph:
    """A dvt_graph of named values; ``node("z", "add", "x", "y")``."""

    def __init__(self, chip: Any, table: Any, *, inputs: dict[str, np.ndarray]) -> None:
        self.chip, self.table = chip, table
        self.index: dict[str, int] = {}
        self.likes: list[np.ndarray] = []
        self.values: list[Any] = []
        self.nodes: list[Any] = []
        self.keep: list[Any] = []
        self.inputs = [self.value(name, like) for name, like in inputs.items()]

    def kept(self, made: Any) -> Any:
        self.keep.append(made)
        return made

    def value(self, name: str, like: np.ndarray, data: Any = ffi.NULL) -> int:
        view = self.kept(self.chip.view(data, like))
        value = self.kept(self.table.sized("dvt_value"))
        value.spec = view.tensor[0]
        value.flags = 0 if data == ffi.NULL else lib.DVT_VALUE_CONSTANT
        self.index[name] = len(self.values)
        self.values.append(value)
        self.likes.append(like)
        return self.index[name]

    def node(self, result: str, op: str, *operands: str, like: np.ndarray | None = None) -> None:
        like = self.likes[self.index[operands[0]]] if like is None else like
        node = self.kept(self.table.sized("dvt_node"))
        node.op = self.kept(ffi.new("char[]", op.encode()))
        node.version, node.n_inputs, node.n_outputs = 1, len(operands), 1
        node.inputs = self.kept(ffi.new("uint32_t[]", [self.index[name] for name in operands]))
        node.outputs = self.kept(ffi.new("uint32_t[]", [self.value(result, like)]))
        self.nodes.append(node)

    def described(self, *outputs: str) -> Any:
        graph, desc = self.kept(self.table.sized("dvt_graph")), self.table.sized("dvt_compile_desc")
        graph.nodes = self.kept(ffi.new("dvt_node *[]", self.nodes))
        graph.values = self.kept(ffi.new("dvt_value *[]", self.values))
        graph.inputs = self.kept(ffi.new("uint32_t[]", self.inputs or [0]))
        graph.outputs = self.kept(ffi.new("uint32_t[]", [self.index[name] for name in outputs]))
        graph.n_nodes, graph.n_values = len(self.nodes), len(self.values)
        graph.n_inputs, graph.n_outputs = len(self.inputs), len(outputs)
        desc.graph, desc.host, desc.n_devices = graph, self.chip.host, 1
        desc.devices = self.kept(ffi.new("dvt_device *[]", [self.chip.handle]))
        return desc

    def partition(self) -> list[tuple[int, str]]:
        """(group, reason) of each node."""
        claims = [self.kept(self.table.sized("dvt_claim")) for _ in self.nodes]
        pointers = ffi.new("dvt_claim *[]", claims)
        self.table.ok(self.chip.graph.partition, self.described(), pointers)
        return [
            (int(c.group), "" if c.reason == ffi.NULL else ffi.string(c.reason).decode())
            for c in claims
        ]

    def compile(self, *outputs: str) -> "Program":
        out, info = ffi.new("dvt_executable **"), self.table.sized("dvt_executable_info")
        self.table.ok(self.chip.graph.compile, self.described(*outputs), out, info)
        likes = [self.likes[i] for i in self.inputs]
        likes += [self.likes[self.index[name]] for name in outputs]
        return Program(self.chip, self.table, (out[0], info), likes, len(self.inputs))


class Program:
    def __init__(
        self, chip: Any, table: Any, made: tuple[Any, Any], likes: Sequence[Any], n_inputs: int
    ) -> None:
        self.chip, self.table, (self.handle, self.info) = chip, table, made
        self.likes, self.n_inputs = likes, n_inputs

    def enqueue(self, data: Sequence[Any], stream: Any = ffi.NULL, tag: int = 0) -> None:
        views = [self.chip.view(one, like) for one, like in zip(data, self.likes, strict=True)]
        operands = ffi.new("dvt_tensor *[]", [view.tensor for view in views])
        call = self.table.sized("dvt_call")
        call.device, call.stream, call.host, call.tag = (
            self.chip.handle,
            stream,
            self.chip.host,
            tag,
        )
        call.inputs, call.outputs = operands, operands + self.n_inputs
        call.n_inputs, call.n_outputs = self.n_inputs, len(data) - self.n_inputs
        size = int(self.info.workspace_size)
        if size:
            call.workspace, call.workspace_size = self.chip.alloc(size, stream=stream), size
        self.table.ok(self.chip.graph.execute, self.handle, call)
        if size:
            self.chip.release(call.workspace, size, stream=stream)
        for view in views:
            view.spoil()

    def __call__(self, *inputs: np.ndarray) -> list[np.ndarray]:
        data = [self.chip.put(one) for one in inputs]
        outputs = [self.chip.alloc(max(one.nbytes, 1)) for one in self.likes[self.n_inputs :]]
        self.enqueue([*data, *outputs])
        results = zip(outputs, self.likes[self.n_inputs :], strict=True)
        return [self.chip.get(one, like) for one, like in results]

    def save(self) -> bytes:
        pieces: list[bytes] = []

        @ffi.callback("int32_t(void *, const void *, uint64_t)")
        def write(_context: Any, data: Any, size: int) -> int:
            pieces.append(bytes(ffi.buffer(data, size)))
            return lib.DVT_OK

        blob = self.table.sized("dvt_blob")
        blob.write, blob.device, blob.host = write, self.chip.handle, self.chip.host
        self.table.ok(self.chip.graph.save, self.handle, blob)
        return b"".join(pieces)

    def loaded(self, saved: bytes, chip: Any) -> "Program":
        blob, info = self.table.sized("dvt_blob"), self.table.sized("dvt_executable_info")
        held = ffi.new("char[]", saved)
        blob.bytes, blob.size, blob.device, blob.host = held, len(saved), chip.handle, chip.host
        out = ffi.new("dvt_executable **")
        self.table.ok(chip.graph.load, blob, out, info)
        return Program(chip, self.table, (out[0], info), self.likes, self.n_inputs)

    def destroy(self) -> None:
        self.chip.graph.destroy(self.handle)


@pytest.fixture
def new(table) -> Callable[..., Graph]:
    return lambda chip, **inputs: Graph(chip, table, inputs=inputs)


def typical(graph: Graph) -> Graph:
    """r = exp(-(x * c + y)) / (y - x), c a constant; also gives the difference."""
    constant = np.full_like(graph.likes[0], 0.25)
    data = graph.chip.put(constant)
    graph.value("c", constant, data)
    graph.node("p", "multiply", "x", "c")
    graph.node("q", "add", "p", "y")
    graph.node("n", "negative", "q")
    graph.node("e", "exp", "n")
    graph.node("d", "subtract", "y", "x")
    graph.node("r", "divide", "e", "d")
    return graph


def expected(x: np.ndarray, y: np.ndarray) -> list[np.ndarray]:
    return [np.exp(-(x * np.float32(0.25) + y)) / (y - x), y - x]


def close(got: Sequence[np.ndarray], want: Sequence[np.ndarray]) -> None:
    for one, other in zip(got, want, strict=True):
        np.testing.assert_allclose(one, other, rtol=3e-7)


# ---- partition -----------------------------------------------------------------------------------


def test_connected_elementwise_nodes_are_one_group(chip, new) -> None:
    claims = typical(new(chip(), x=FLOATS, y=FLOATS)).partition()
    assert {group for group, _ in claims} == {1} and len(claims) == 6


def test_every_refused_node_has_its_reason(chip, new) -> None:
    graph = new(chip(), x=FLOATS, h=FLOATS.astype(np.float16), i=FLOATS.astype(np.int32))
    graph.node("a", "sin", "x")
    graph.node("b", "add", "h", "h")
    graph.node("c", "divide", "i", "i")
    graph.node("d", "negative", "i")
    graph.node("e", "matmul", "x", "x", like=np.ones((20, 20), np.float32))
    claims = graph.partition()
    assert [group for group, _ in claims] == [0] * 5
    words = ["not element-wise", "f32 and f64", "f32 and f64", "alone it gains nothing", "not elem"]
    for (_, reason), word in zip(claims, words, strict=True):
        assert word in reason


def test_groups_are_convex(chip, new) -> None:
    """a feeds a node outside, which feeds b again: a and b must not be one group."""
    graph = new(chip(), x=FLOATS)
    graph.node("a", "negative", "x")
    graph.node("a2", "add", "a", "x")
    graph.node("outside", "tanh", "a2")
    graph.node("b", "multiply", "outside", "a2")
    graph.node("b2", "exp", "b")
    groups = [group for group, _ in graph.partition()]
    assert groups == [1, 1, 0, 2, 2]


@pytest.mark.parametrize("seed", range(12))
def test_groups_of_random_graphs_are_convex_and_of_one_kind(seed: int, chip, new) -> None:
    random = np.random.default_rng(seed)
    kinds = [FLOATS, FLOATS.astype(np.float64), FLOATS[:1]]
    graph = new(chip(), x0=kinds[0], x1=kinds[1], x2=kinds[2])
    names = ["x0", "x1", "x2"]
    operands: list[list[str]] = []
    for i in range(40):
        first = names[int(random.integers(len(names)))]
        like = graph.likes[graph.index[first]]
        partners = [n for n in names if graph.likes[graph.index[n]] is like]
        second = partners[int(random.integers(len(partners)))]
        op = ["add", "multiply", "maximum", "exp", "sin"][int(random.integers(5))]
        operands.append([first] if op in ("exp", "sin") else [first, second])
        graph.node(f"v{i}", op, *operands[-1])
        names.append(f"v{i}")
    claims = graph.partition()
    group = {f"v{i}": claims[i][0] or -1 - i for i in range(40)}
    # Convex: groups, taken as single nodes, depend on each other without a circle.
    needs: dict[int, set[int]] = {number: set() for number in group.values()}
    likes: dict[int, set[int]] = {}
    for i, read in enumerate(operands):
        own = group[f"v{i}"]
        needs[own] |= {group[name] for name in read if name in group} - {own}
        likes.setdefault(own, set()).add(id(graph.likes[graph.index[f"v{i}"]]))
    while done := [number for number, before in needs.items() if not before]:
        for number in done:
            del needs[number]
        for before in needs.values():
            before.difference_update(done)
    assert not needs, "groups in a circle"
    assert all(len(kind) == 1 for kind in likes.values())


# ---- programs ------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(20, 30), (256,), (257,), (), (0, 4), (3, 700)])
def test_a_program_computes_what_its_nodes_mean(shape: tuple[int, ...], chip, new) -> None:
    x = np.asarray(np.resize(FLOATS, shape))
    y = np.asarray(x * 3 + 1)
    program = typical(new(chip(), x=x, y=y)).compile("r", "d")
    close(program(x, y), expected(x, y))


def test_it_tells_what_it_is(chip, new) -> None:
    program = typical(new(chip(), x=FLOATS, y=FLOATS)).compile("r", "d")
    text = ffi.string(program.info.description).decode()
    assert text == "program: 6 instructions on 600 elements of f32; registers: 1"
    assert program.info.flags & lib.DVT_EXECUTABLE_CONCURRENT
    assert program.info.cost_ns > 2000 and program.info.workspace_size == 1024


def test_an_output_may_lie_over_an_input_that_is_read_before(chip, new) -> None:
    """r is written last: over x or y. d is written while x and y are still read: over neither."""
    program = typical(new(chip(), x=FLOATS, y=FLOATS)).compile("r", "d")
    assert program.info.may_alias & 0b11 == 0b11
    one = program.chip
    for over in (0, 1):
        x, y = FLOATS, FLOATS + 2
        data = [one.put(x), one.put(y)]
        difference = one.alloc(x.nbytes)
        program.enqueue([*data, data[over], difference])
        close([one.get(data[over], x), one.get(difference, x)], expected(x, y))


@pytest.mark.parametrize("kind", ["f4", "f8", "i4", "i8"])
def test_results_that_are_inputs_constants_or_named_twice(kind: str, chip, new) -> None:
    x = FLOATS.astype(kind)
    one = chip()
    graph = new(one, x=x)
    graph.value("c", x, one.put(x + 5))
    graph.node("y", "add", "x", "x")
    program = graph.compile("y", "y", "x", "c")
    for got, want in zip(program(x + 1), [2 * x + 2, 2 * x + 2, x + 1, x + 5], strict=True):
        np.testing.assert_array_equal(got, want)


def test_registers_are_used_again(chip, new) -> None:
    graph = new(chip(), x=FLOATS)
    graph.node("v0", "add", "x", "x")
    for i in range(20):
        graph.node(f"v{i + 1}", "maximum", f"v{i}", "x" if i % 2 else f"v{i}")
    program = graph.compile("v20")
    assert program.info.workspace_size == 1024, "one register will do"
    np.testing.assert_array_equal(program(FLOATS)[0], 2 * FLOATS)


def test_what_is_no_program_is_refused_with_a_sentence(chip, new, table) -> None:
    graph = new(chip(), x=FLOATS)
    graph.node("y", "tanh", "x")
    answer = table.refused(graph.compile, "y")
    assert answer.status == lib.DVT_UNSUPPORTED and "element-wise" in answer.text
    many = new(chip(), **{f"x{i}": FLOATS for i in range(40)})
    many.node("y", "add", "x0", "x1")
    assert "at most 32" in table.refused(many.compile, "y").text


def test_an_input_that_nothing_reads_may_have_any_size(chip, new) -> None:
    graph = new(chip(), x=FLOATS, unused=np.ones(3, np.int32))
    graph.node("y", "add", "x", "x")
    np.testing.assert_array_equal(graph.compile("y")(FLOATS, np.ones(3, np.int32))[0], 2 * FLOATS)


def test_a_value_that_nothing_makes_is_refused(chip, new, table) -> None:
    graph = new(chip(), x=FLOATS)
    graph.value("nowhere", FLOATS)
    graph.node("y", "add", "x", "nowhere")
    answer = table.refused(graph.compile, "y")
    assert answer.status == lib.DVT_INVALID_ARGUMENT and "no node before it makes" in answer.text


def test_it_runs_on_streams_and_outlives_its_handle(chip, new) -> None:
    one = chip(delay_us=200)
    program = typical(new(one, x=FLOATS, y=FLOATS)).compile("r", "d")
    x, y = FLOATS, FLOATS + 1
    results = []
    for _ in range(4):
        stream = one.stream()
        data = [one.put(x, stream), one.put(y, stream), *(one.alloc(x.nbytes) for _ in "rd")]
        program.enqueue(data, stream)
        results.append((stream, [one.get(part, x, stream) for part in data[2:]]))
    program.destroy()  # its launches are queued
    for stream, got in results:
        one.sync(stream)
        close(got, expected(x, y))


# ---- bytes ---------------------------------------------------------------------------------------


def test_a_saved_program_runs_on_every_device_of_the_same_chip(chip, new) -> None:
    program = typical(new(chip(0), x=FLOATS, y=FLOATS)).compile("r", "d")
    saved = program.save()
    program.destroy()
    other = program.loaded(saved, chip(1))
    x, y = FLOATS, FLOATS + 4
    close(other(x, y), expected(x, y))
    assert ffi.string(other.info.description) and other.info.may_alias & 0b11 == 0b11
    assert other.save() == saved


def test_another_chips_bytes_are_incompatible(chip, new, table) -> None:
    program = typical(new(chip(0), x=FLOATS, y=FLOATS)).compile("r")
    answer = table.refused(program.loaded, program.save(), chip(0, chip=2))
    assert answer.status == lib.DVT_INCOMPATIBLE
    assert "chip1" in answer.text and "chip2" in answer.text and "compile it again" in answer.text


def test_broken_bytes_are_refused(chip, new, table) -> None:
    one = chip()
    program = typical(new(one, x=FLOATS[0, :6].copy(), y=FLOATS[1, :6].copy())).compile("r")
    saved = program.save()
    random = np.random.default_rng(5)
    broken = [saved[:n] for n in range(0, len(saved), 7)] + [saved + b"\0"]
    for at in range(len(saved)):
        changed = bytearray(saved)
        changed[at] ^= 1 << int(random.integers(8))
        broken.append(bytes(changed))
    for one_broken in broken:
        answer = table.refused(program.loaded, one_broken, one)
        assert answer.status == lib.DVT_INCOMPATIBLE and answer.text


def forged(saved: bytes, at: int, word: int) -> bytes:
    """Other bytes under a checksum that fits them: only looking at the instructions helps."""
    header, code = 112, bytearray(saved)
    code[at : at + 4] = word.to_bytes(4, "little")
    code[header - 8 : header] = bytes(8)
    total = 14695981039346656037
    for byte in code:
        total = (total ^ byte) * 1099511628211 % 2**64
    code[header - 8 : header] = total.to_bytes(8, "little")
    return bytes(code)


def test_forged_instructions_are_refused_or_harmless(chip, new, table) -> None:
    one = chip()
    x = FLOATS[0, :6].copy()
    program = typical(new(one, x=x, y=x + 1)).compile("r")
    saved = program.save()
    assert forged(saved, 112, int.from_bytes(saved[112:116], "little")) == saved
    refused = 0
    for at in range(112, 112 + 16 * 6, 4):
        for word in (0, 3, 5, 77, 1000, 0x3FFFFFFF, 0x40000001, 0x80000001, 0xC0000000):
            try:
                other = program.loaded(forged(saved, at, word), one)
            except Exception as answer:
                assert getattr(answer, "status", None) == lib.DVT_INCOMPATIBLE
                refused += 1
            else:
                other(x, x + 1)
                other.destroy()
    assert refused > 100


def test_a_writer_that_fails_is_told_of(chip, new, table) -> None:
    program = typical(new(chip(), x=FLOATS, y=FLOATS)).compile("r")

    @ffi.callback("int32_t(void *, const void *, uint64_t)")
    def full(_context: Any, _data: Any, _size: int) -> int:
        return lib.DVT_IO

    blob = table.sized("dvt_blob")
    blob.write = full
    answer = table.refused(table.ok, program.chip.graph.save, program.handle, blob)
    assert answer.status == lib.DVT_IO and "could not be written" in answer.text
