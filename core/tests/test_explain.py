"""What a compiled function and a program say about themselves, as text and as pictures."""

import doctest
import itertools
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

import dovetail as dt
from dovetail import cli
from dovetail.devices import load
from dovetail.explain import explanation, part_of
from dovetail.explain.drawing import draw_graphs
from dovetail.explain.layered import arrange
from dovetail.explain.part import duration
from dovetail.explain.text import graph_text, part_lines
from dovetail.graph import Graph, Value
from dovetail.host_kernel import host_kernel
from dovetail.op import REGISTRY, REQUIRED, Op, Spec
from dovetail.plan import plan

SVG = "{http://www.w3.org/2000/svg}"


def block(x, w, b):
    h = dt.nn.gelu(x @ w + b)
    return dt.nn.softmax(h @ w.T, axis=-1), h.sum()


X, W, B = dt.ones((32, 64)), dt.ones((64, 64)), dt.ones(64)


@pytest.fixture(scope="module")
def found():
    return dt.jit(block).explain(X, W, B)


def words(picture: str) -> list[str]:
    return [e.text or "" for e in ElementTree.fromstring(picture).iter(f"{SVG}text")]


def test_the_text_has_graph_steps_cost_and_memory(found) -> None:
    text = str(found)
    for part in ("graph block(", "matmul(%0, %1)", "test_explain.py:", "plan: 5 steps on cpu:0"):
        assert part in text
    for part in ("runs as", "fused", "kernel", "broadcast_to, add, gelu", "memory: at most"):
        assert part in text
    assert "about" in found.parts[0].total
    assert "<explanation of 5 steps" in repr(found)


def test_the_memory_map_is_the_plan_s(found) -> None:
    part = found.parts[0]
    assert part.blocks
    for block_ in part.blocks:
        assert 0 <= block_.first <= block_.last < len(part.steps)
        assert block_.offset % 64 == 0
        assert block_.offset + block_.size <= part.arena
    for i, one in enumerate(part.blocks):
        for other in part.blocks[:i]:
            together = one.first <= other.last and other.first <= one.last
            apart = one.offset + one.size <= other.offset or other.offset + other.size <= one.offset
            assert apart or not together, "two live temporaries share memory"
    live = [
        sum(b.size for b in part.blocks if b.first <= step <= b.last)
        for step in range(len(part.steps))
    ]
    assert part.peak == (max(live), live.index(max(live)))
    assert part.peak[0] <= part.arena


def test_every_node_is_in_one_step_or_costs_nothing(found) -> None:
    part = found.parts[0]
    ran = [node for step in part.steps for node in step.nodes]
    assert len(set(map(id, ran))) == len(ran)
    left = {id(n) for n in part.graph.nodes} - set(map(id, ran))
    assert all(n.op.claim == "view" for n in part.graph.nodes if id(n) in left)


def numpy_only() -> Op:
    return Op(
        name="test_unknown_cost",
        doc="",
        signature="x: T -> T",
        infer=lambda x: x,
        reference=lambda x: x + 1,
        samples=lambda: (),
    )


def test_a_step_that_numpy_runs_says_so_and_its_cost_is_unknown() -> None:
    graph = Graph(name="g")
    x = Value(Spec((3,), dt.float32))
    graph.inputs = [x]
    (y,) = graph.add(numpy_only(), [x], {}, [x.spec], "model.py:3 in f")
    graph.outputs = list(graph.add(REGISTRY["exp"], [y], {}, [x.spec]))
    part = part_of("", graph, plan(graph, dt.device("cpu")))
    first = part.steps[0]
    assert (first.where, first.cost_ns, first.cost) == ("numpy on the host", None, "unknown")
    assert first.location == "model.py:3 in f"
    assert "1 of unknown cost" in part.total
    text = "\n".join(part_lines(part))
    assert "numpy on the host  unknown" in text
    assert any(w.startswith("step 0: numpy") for w in words(draw_graphs([part])))


def test_a_device_that_lacks_a_kernel_is_named(build) -> None:
    partial = load(build("good", "partial"))
    f = dt.jit(lambda x: dt.nn.softmax(x @ x))
    x = dt.asarray(np.ones((4, 4), np.float32), device="partial")
    with pytest.warns(RuntimeWarning, match="partial:0 has no kernel for .*matmul"):
        found = f.explain(x)
    part = found.parts[0]
    assert part.device == partial.name
    assert any(step.where == "kernel on cpu:0" and step.why for step in part.steps)
    for one in part.placements:
        if one.node.op.claim == "view":
            continue
        assert one.device == "cpu:0" and "partial:0: it has no kernel of that name" in one.why
        assert one.step is not None and one.node in part.steps[one.step].nodes
    assert re.search(r"0  cpu:0 +kernel on cpu:0 .*matmul", str(found))


def test_nothing_to_run_is_explained_too() -> None:
    found = dt.jit(lambda x: x).explain(dt.ones(3))
    assert "no step to run" in str(found)
    assert "no temporary needs memory" in found.memory_svg()
    ElementTree.fromstring(found.to_svg())


def test_the_drawing_shows_each_node_each_input_and_the_groups(found) -> None:
    picture = found.to_svg()
    shown = words(picture)
    for node in found.parts[0].graph.nodes:
        assert any(w.startswith(f"{node.op.name}(") for w in shown)
    assert "%0: float32[32, 64]" in shown
    assert any(w.startswith("return ") for w in shown)
    root = ElementTree.fromstring(picture)
    assert any("fused" in (e.get("class") or "") for e in root.iter(f"{SVG}rect"))
    assert sum(1 for _ in root.iter(f"{SVG}path")) >= len(found.parts[0].graph.nodes)
    assert "prefers-color-scheme: dark" in picture
    assert found._repr_svg_() == picture, "twice the same"


def test_pictures_are_written_where_asked(found, tmp_path: Path) -> None:
    assert found.to_svg(tmp_path / "g.svg") == (tmp_path / "g.svg").read_text().rstrip()
    found.memory_svg(tmp_path / "m.svg")
    shown = words((tmp_path / "m.svg").read_text())
    assert "workspace" in " ".join(shown)
    assert any("needed at once" in w for w in shown)


def test_a_long_graph_makes_a_long_picture_of_the_same_letters() -> None:
    def chain(x, n):
        for _ in range(n):
            x = dt.sum(x @ x, axis=0, keepdims=True) + x
        return x

    def size(n: int) -> tuple[float, float]:
        f = dt.jit(chain, static="n")
        root = ElementTree.fromstring(f.explain(dt.ones((4, 4)), n=n).to_svg())
        assert root.get("viewBox") == f"0 0 {root.get('width')} {root.get('height')}"
        return float(root.get("width", 0)), float(root.get("height", 0))

    (_, short), (width, long) = size(5), size(100)
    assert long > 10 * short
    assert width < 3000


@pytest.fixture
def op_with_body():
    op = Op(
        name="test_repeat_body",
        doc="",
        signature="x: T -> T",
        attributes={"body": REQUIRED, "branches": ()},
        infer=lambda x, body, branches: x,
        reference=lambda x, body, branches: x,
        samples=lambda: (),
        claim="structured",
        build=lambda device, inputs, outputs, attributes: host_kernel(
            device, op, inputs, outputs, attributes
        ),
    )
    REGISTRY[op.name] = op
    yield op
    del REGISTRY[op.name]


def test_graphs_that_nodes_hold_are_printed_and_drawn_inside(op_with_body: Op) -> None:
    def one(name: str, op: str) -> Graph:
        x = Value(Spec((2,), dt.float32))
        graph = Graph(name=name, inputs=[x])
        graph.outputs = list(graph.add(REGISTRY[op], [x], {}, [x.spec], f"{name}.py:7"))
        return graph

    inner = one("inner", "tanh")
    y = inner.outputs[0]
    attributes = {"body": one("deep", "exp"), "branches": ()}
    inner.outputs = list(inner.add(op_with_body, [y], attributes, [y.spec]))
    graph = one("outer", "sin")
    y = graph.outputs[0]
    attributes = {"body": inner, "branches": (one("yes", "cos"), one("no", "sqrt"))}
    graph.outputs = list(graph.add(op_with_body, [y], attributes, [y.spec]))
    lines = graph_text(graph)
    at = next(i for i, line in enumerate(lines) if line.startswith("      body = graph inner("))
    assert "tanh(%0)  # inner.py:7" in lines[at + 1]
    assert any(line.startswith(" " * 12 + "body = graph deep(") for line in lines)
    assert any(line.startswith("      branches[1] = graph no(") for line in lines)
    part = part_of("", graph, plan(graph, dt.device("cpu")))
    assert part.steps[1].where == "control flow"
    shown = words(draw_graphs([part]))
    for text in ("body: inner", "body: deep", "branches[0]: yes", "exp(%0)", "sqrt(%0)"):
        assert text in shown


def test_boxes_do_not_overlap_and_edges_go_down() -> None:
    random = np.random.default_rng(3)
    sizes = [(float(w), float(h)) for w, h in random.integers(20, 200, (60, 2))]
    edges = sorted(
        {(int(a), int(b)) for a, b in np.sort(random.integers(0, 60, (110, 2))) if a < b}
    )
    found = arrange(sizes, edges)
    boxes = [(x, y, x + w, y + h) for (x, y), (w, h) in zip(found.corners, sizes, strict=True)]
    for i, (left, top, right, bottom) in enumerate(boxes):
        assert left >= -1e-6 and right <= found.width + 1e-6 and bottom <= found.height + 1e-6
        for other in boxes[:i]:
            assert right <= other[0] or other[2] <= left or bottom <= other[1] or other[3] <= top
    drawn = 0
    for (a, b), route in zip(edges, found.routes, strict=True):
        assert boxes[a][3] <= boxes[b][1], "every edge leads downwards"
        if route:
            drawn += 1
            assert route[0][1] == boxes[a][3] and route[-1][1] == boxes[b][1]
            assert all(p[1] <= q[1] for p, q in itertools.pairwise(route))
    assert drawn > len(edges) / 2
    assert arrange([], []).height == 0


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (None, "unknown"),
        (0, "0 ns"),
        (999, "999 ns"),
        (999.6, "1 us"),
        (2.5e6, "2.5 ms"),
        (3e9, "3 s"),
    ],
)
def test_times_for_people(nanoseconds: float | None, text: str) -> None:
    assert duration(nanoseconds) == text


def test_the_examples_run() -> None:
    import dovetail.explain.layered

    for module in (explanation, dovetail.explain.layered):
        result = doctest.testmod(module)
        assert result.attempted and not result.failed


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    w = dt.asarray(np.arange(6, dtype=np.float32).reshape(3, 2))
    dt.save(tmp_path / "p.dt", lambda x: dt.nn.relu(x @ w - 1.0), (dt.zeros((4, 3)),))
    return tmp_path / "p.dt"


def test_the_command_explains_a_file(saved: Path, tmp_path: Path, capsys) -> None:
    svg, memory = tmp_path / "g.svg", tmp_path / "m.svg"
    words_ = ["explain", str(saved), "--svg", str(svg), "--memory", str(memory)]
    assert cli.main([*words_, "--device", "cpu:0"]) == 0
    text = capsys.readouterr().out
    assert "takes x: float32[4, 3]" in text and "plan: " in text
    ElementTree.fromstring(svg.read_text())
    ElementTree.fromstring(memory.read_text())


def test_the_command_says_what_is_wrong_with_a_file(tmp_path: Path, capsys) -> None:
    assert cli.main(["explain", str(tmp_path / "none.dt")]) == 1
    assert "No such file" in capsys.readouterr().err
    (tmp_path / "bad.dt").write_bytes(b"nothing like it")
    assert cli.main(["explain", str(tmp_path / "bad.dt")]) == 1
    assert "bad.dt" in capsys.readouterr().err
    assert cli.main(["explain", str(tmp_path / "bad.dt"), "--device", "nowhere:0"]) == 1


def test_calls_load_nothing_of_it() -> None:
    code = (
        "import sys, dovetail as dt; dt.jit(lambda x: x + 1.0)(dt.ones(2));"
        "print([m for m in sys.modules if m.startswith('dovetail.explain')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
