"""The graph's text: everything that can be traced reads back, and nothing else is accepted."""

import functools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dovetail as dt
from dovetail import node_check, reference
from dovetail.graph import Graph, Value
from dovetail.graph_parse import parse_graph
from dovetail.graph_text import graph_lines, quote
from dovetail.graph_tokens import Line
from dovetail.op import REGISTRY, REQUIRED, Op, Spec
from dovetail.testing import samples_of
from dovetail.testing.device_check import arrays_of, function_of


def no_constant(spec: Spec, tensor: str, checksum: str) -> None:
    raise dt.ProgramError(f"no tensor {tensor}")


def parse(text: str) -> Graph:
    return parse_graph(text, no_constant)


def one_node(line: str, inputs: str = "%0: float32[2, 3]") -> str:
    return f"graph f({inputs}) {{\n  {line}\n  return %1\n}}"


def summary(graph: Graph) -> list:
    """Everything that a graph means, with values by number."""
    names = graph.names()

    def typed(values):
        return [(names[v], v.spec.shape, v.spec.dtype) for v in values]

    def plain(value):
        if isinstance(value, Graph):
            return summary(value)
        return tuple(map(plain, value)) if isinstance(value, tuple) else value

    nodes = [
        (
            n.op.name,
            typed(n.inputs),
            {key: plain(value) for key, value in n.attributes.items()},
            typed(n.outputs),
        )
        for n in graph.nodes
    ]
    return [typed(graph.inputs), nodes, typed(graph.outputs)]


def test_a_traced_function_reads_back() -> None:
    from dovetail.trace import trace

    def f(x, i):
        y = dt.nn.max_pool2d(dt.nn.conv2d(x, x[:3, :3, :1, :1], padding="same"), 2)
        z = dt.concat([y, y * 0.1], axis=0).astype(dt.float64)
        return (
            z,
            dt.take(z, i, axis=0),
            dt.full((2,), math.inf),
            dt.pad(z, low=(0, 0, 1, 0), high=(2, 0, 0, 0)),
        )

    graph = trace(f, (dt.ones((4, 4, 2, 1)), dt.asarray([0, 1]))).graph
    constants = {}

    def write(value: Value) -> str:
        constants[f"t{len(constants)}"] = value.constant
        return f"'t{len(constants) - 1}' crc32='0'"

    text = "\n".join(graph_lines(graph, write))
    again = parse_graph(text, lambda spec, tensor, checksum: constants[tensor])
    assert summary(again) == summary(graph)
    x = np.random.default_rng(0).normal(size=(4, 4, 2, 1)).astype(np.float32)
    i = np.array([1, 0])
    for a, b in zip(reference.run(graph, x, i), reference.run(again, x, i), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("op", REGISTRY.values(), ids=lambda op: op.name)
def test_every_sample_of_every_op_reads_back(op: Op) -> None:
    from dovetail.trace import trace

    count = 0
    for case in samples_of(op):
        call = functools.partial(function_of(op), **case.attributes)
        graph = trace(call, tuple(arrays_of(case))).graph
        constants = {}

        def write(value: Value, constants: dict = constants) -> str:
            constants[f"t{len(constants)}"] = value.constant
            return f"'t{len(constants) - 1}' crc32='0'"

        text = "\n".join(graph_lines(graph, write))
        again = parse_graph(text, lambda spec, tensor, _, constants=constants: constants[tensor])
        assert summary(again) == summary(graph), text
        count += 1
    assert count


def test_graphs_held_by_attributes_come_first_and_read_back(op_with_body) -> None:
    body = Graph(name="body")
    x = Value(Spec((), dt.float32))
    body.inputs = [x]
    body.outputs = list(body.add(REGISTRY["exp"], [x], {}, [x.spec]))
    graph = Graph(name="main")
    a = Value(Spec((), dt.float32))
    graph.inputs = [a]
    graph.outputs = list(graph.add(op_with_body, [a], {"body": body, "n": 3}, [a.spec]))
    text = "\n".join(graph_lines(graph, lambda value: ""))
    assert text.index("graph body(") < text.index("graph main(")
    assert "{body=@body, n=3}" in text
    again = parse(text)
    assert again.nodes[0].attributes["body"].nodes[0].op.name == "exp"


@pytest.fixture
def op_with_body():
    op = Op(
        name="test_repeat",
        doc="",
        signature="x: T -> T",
        attributes={"body": REQUIRED, "n": REQUIRED},
        infer=lambda x, body, n: x,
        reference=lambda x, body, n: x,
        samples=lambda: (),
        version=2,
    )
    REGISTRY[op.name] = op
    yield op
    del REGISTRY[op.name]


BAD = [
    ("%1: float32[2, 3] = nothing@1(%0)", "no op named 'nothing'"),
    ("%1: float32[2, 3] = exp@2(%0)", "version 2 but this Dovetail knows version 1"),
    ("%1: float32[2, 3] = exp@0(%0)", "0 is no version"),
    ("%1: float32[2, 3] = exp@1.5(%0)", "1.5 is no version"),
    ("%1: float32[3, 2] = exp@1(%0)", r"gives float32\[2, 3\], but the line says float32\[3, 2\]"),
    ("%1: float64[2, 3] = exp@1(%0)", "but the line says float64"),
    ("%1: float32[2, 3], %2: float32[2, 3] = exp@1(%0)", "exp gives"),
    ("%1: float32[2, 3] = exp@1(%0, %0)", "takes 1 operands, not 2"),
    ("%1: float32[2, 3] = add@1(%0)", "takes 2 operands, not 1"),
    ("%1: float32[2, 3] = exp@1(%1)", "%1 is used before it is defined"),
    ("%0: float32[2, 3] = exp@1(%0)", "%0 is defined twice"),
    ("%1: float32[2, 3] = exp@1(%0) {axis=0}", "no attribute 'axis'"),
    ("%1: float32[3] = sum@1(%0) {axis=(0,), axis=(1,)}", "given twice"),
    ("%1: float32[2] = sum@1(%0) {axis=(7,), keepdims=false}", "does not accept"),
    ("%1: float32[2] = sum@1(%0) {axis=('a',), keepdims=false}", "does not accept"),
    ("%1: float32[2, 3] = reshape@1(%0)", "needs its attribute 'shape'"),
    ("%1: float99[2, 3] = exp@1(%0)", "no dtype"),
    ("%1: float32[2, -3] = exp@1(%0)", "whole number"),
    ("%1: float32[2, 99999999999999999999] = exp@1(%0)", "whole number"),
    (f"%1: float32[{'1' * 60}] = exp@1(%0)", "too many digits"),
    (f"%1: float32[{', '.join(['1'] * 65)}] = exp@1(%0)", "65 axes"),
    ("%1: float32[2, 3] = constant 'w' crc32='0'", "no tensor w"),
    ("%1: float32[2, 3] = exp@1(%0) {a=__import__('os')}", "'__import__' is no value"),
    ("%1: float32[2, 3] = exp@1(%0) {a=" + "(" * 20 + ")" * 20 + "}", "nested more than"),
    ("%1: float32[2, 3] = exp@1(%0) {a=@other}", "graph @other is used before"),
    ("%1: float32[2, 3] = exp@1(%0) {a='\\q'}", "no escape"),
    ("%1: float32[2, 3] = exp@1(%0) {a='\\u{110000}'}", "no escape"),
    ("%1: float32[2, 3] = exp@1(%0) extra", "should end before 'extra'"),
    ("%1: float32[2, 3] = exp@1 %0", r"'\(' should come before '%0'"),
    ("%1: float32[2, 3] = exp@1(%0) ;", "';' cannot be read"),
]


@pytest.mark.parametrize(("line", "words"), BAD)
def test_a_bad_line_is_refused_with_its_number(line: str, words: str) -> None:
    with pytest.raises(dt.ProgramError, match=words) as caught:
        parse(one_node(line))
    assert "line 2 of the graph" in str(caught.value)


def test_bad_frames_are_refused() -> None:
    good = one_node("%1: float32[2, 3] = exp@1(%0)")
    parse(good)
    for text, words in [
        ("", "no graph"),
        (good.removesuffix("}"), "closing brace"),
        (good + "\n" + good, "two graphs named 'f'"),
        (good + "\n" + good.replace("graph f", "graph g"), "used by no other"),
        (good.replace("graph f", "grab f"), "'graph' should come before"),
        (good.replace("return %1", "return %7"), "%7 is used before"),
        (good.replace("%0: float32[2, 3]) {", "%0: float32[2, 3], ) {"), "a value such as"),
    ]:
        with pytest.raises(dt.ProgramError, match=words):
            parse(text)


def test_operands_must_be_promoted_already() -> None:
    inputs = "%0: float32[2], %2: float64[2], %3: float32[3]"
    with pytest.raises(dt.ProgramError, match="needs one dtype for its T"):
        parse(one_node("%1: float32[2] = add@1(%0, %2)", inputs))
    with pytest.raises(dt.ProgramError, match="operands of one shape"):
        parse(one_node("%1: float32[2] = add@1(%0, %3)", inputs))
    with pytest.raises(dt.ProgramError, match="does not work on int32"):
        parse(one_node("%1: int32[2] = exp@1(%0)", "%0: int32[2]"))


def test_an_older_op_is_upgraded_or_named(op_with_body, monkeypatch) -> None:
    body = "graph body(%0: float32[]) {\n  return %0\n}\n"
    text = body + one_node("%1: float32[] = test_repeat@1(%0) {body=@body}", "%0: float32[]")
    with pytest.raises(dt.ProgramError, match="cannot read version 1 any more"):
        parse(text)
    upgrade = {("test_repeat", 1): lambda attributes: attributes | {"n": 1}}
    monkeypatch.setattr(node_check, "UPGRADES", upgrade)
    assert parse(text).nodes[0].attributes["n"] == 1


@given(st.text(max_size=40))
def test_any_string_reads_back(text: str) -> None:
    literal = quote(text)
    assert literal.isascii() and "\n" not in literal
    assert Line(literal, 1).string() == text


@given(st.one_of(st.floats(), st.integers(-(10**30), 10**30)))
def test_any_number_reads_back(value: float) -> None:
    found = Line(repr(value), 1).number()
    assert type(found) is type(value)
    assert found == value or (math.isnan(found) and math.isnan(value))


@given(st.text(alphabet="%@(){}[],:='0123456789abcex_\\ \n#.-"))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        parse("graph f(%0: float32[2]) {\n" + text)
    except dt.ProgramError:
        pass
