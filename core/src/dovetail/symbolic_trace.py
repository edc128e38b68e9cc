"""One graph for arrays of many sizes: traced at several, and every number solved for the symbols.

The traces must have the same nodes in the same order. A number that differs between them must be a
whole multiple of each symbol plus a constant, in all of them; anything else is refused with the
line that made it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dovetail.array import numpy_of
from dovetail.dtypes import DType
from dovetail.errors import DovetailError, ProgramError
from dovetail.graph import Graph, Node, Value
from dovetail.op import REGISTRY, Spec
from dovetail.symbols import Dim, FloatDim, evaluated

__all__ = ["points", "unified"]

Sizes = Mapping[str, int]

_BASE = (11, 13, 15, 23, 25, 27, 35, 37)  # no two are equal in any point
_STEP, _FAR = 6, 13


def points(symbols: Sequence[str]) -> list[dict[str, int]]:
    """Sizes to trace at: one for all, one more for each symbol, and two that must then be right.

    The last is small, where a function that looks at its sizes most often does something else.
    """
    if len(symbols) > len(_BASE):
        raise ProgramError(f"save: {len(symbols)} named sizes are more than {len(_BASE)}")
    base = dict(zip(symbols, _BASE, strict=False))
    single = [{**base, name: base[name] + _STEP} for name in symbols]
    far = {name: size + _FAR for name, size in base.items()}
    small = {name: 2 + i for i, name in enumerate(symbols)}
    return [base, *single, far, small]


def unified(trace: Callable[[Sizes], Graph], symbols: Sequence[str]) -> tuple[Graph, Sizes]:
    """The graph with numbers that remember the symbols, and the sizes it has values for."""
    at = points(symbols)
    graphs = [_traced(trace, sizes) for sizes in at[:-1]]
    try:
        graphs.append(trace(at[-1]))
    except DovetailError:  # the function asks for more than 2 or 3, say for a window
        at = at[:-1]
    return _Solver(tuple(symbols), at).graph(graphs), at[0]


def _traced(trace: Callable[[Sizes], Graph], sizes: Sizes) -> Graph:
    try:
        return trace(sizes)
    except ProgramError:
        raise
    except DovetailError as error:
        chosen = ", ".join(f"{k} = {v}" for k, v in sizes.items())
        raise ProgramError(
            f"save: the function fails for {chosen}, one of the sizes it is tried with: {error}"
        ) from error


@dataclass(frozen=True, slots=True)
class _Solver:
    symbols: tuple[str, ...]
    at: Sequence[Sizes]

    def text(self, values: Sequence[object]) -> str:
        """``5, 8 and 12 for n = 11, 17 and 24``."""
        names = ", ".join(self.symbols)
        sizes = [", ".join(str(point[s]) for s in self.symbols) for point in self.at]
        joint = " and " if len(self.symbols) == 1 else "; "
        return f"{joint.join(map(str, values))} for {names} = {joint.join(sizes)}"

    def integer(self, values: Sequence[int], where: str) -> int:
        """The one number that is these values at these sizes."""
        if all(v == values[0] for v in values):
            return values[0]
        base = self.at[0]
        terms = []
        for i, name in enumerate(self.symbols, 1):
            change, left = divmod(values[i] - values[0], _STEP)
            if left:
                raise self.refusal(where, values)
            if change:
                terms.append((name, change))
        constant = values[0] - sum(k * base[name] for name, k in terms)
        for value, sizes in zip(values, self.at, strict=True):
            if value != constant + sum(k * sizes[name] for name, k in terms):
                raise self.refusal(where, values)
        return Dim(values[0], terms, constant)

    def refusal(self, where: str, values: Sequence[object]) -> ProgramError:
        return ProgramError(
            f"save: {where} is {self.text(values)}, which is no whole multiple of "
            f"{' and '.join(self.symbols)} plus a constant; keep such sizes out of the function, "
            "or save it once for each size"
        )

    def attribute(self, values: Sequence[Any], where: str) -> Any:
        """The one attribute value that is these at these sizes."""
        first = values[0]
        if any(type(v) is not type(first) for v in values):
            raise self.refusal(where, values)
        if isinstance(first, Graph):
            return self.graph(values)
        if isinstance(first, tuple):
            if len({len(v) for v in values}) > 1:
                raise self.refusal(where, values)
            return tuple(self.attribute(column, where) for column in zip(*values, strict=True))
        if type(first) is int:
            return self.integer(values, where)
        if all(v == first for v in values) or all(v != v for v in values):  # noqa: PLR0124  NaN
            return first
        if type(first) is float and all(v.is_integer() for v in values):
            found = self.integer([int(v) for v in values], where)
            if isinstance(found, Dim):
                return FloatDim(found)
        raise self.refusal(where, values)

    def spec(self, values: Sequence[Value], where: str) -> Spec:
        specs = [v.spec for v in values]
        first = specs[0]
        if any(s.dtype is not first.dtype or s.ndim != first.ndim for s in specs):
            raise ProgramError(f"save: {where} is {self.text(specs)}; its kind may not change")
        columns = zip(*(s.shape for s in specs), strict=True)
        return Spec(
            tuple(self.integer(column, f"an extent of {where}") for column in columns),
            first.dtype,
            first.weak,
        )

    def graph(self, graphs: Sequence[Graph]) -> Graph:
        """The one graph that is these at these sizes."""
        self.same_nodes(graphs)
        first = graphs[0]
        known: list[dict[Value, Value]] = [{} for _ in graphs]
        result = Graph(name=first.name)

        def define(values: Sequence[Value], made: Value) -> Value:
            for value, names in zip(values, known, strict=True):
                names[value] = made
            return made

        for i, values in enumerate(zip(*(g.inputs for g in graphs), strict=True)):
            spec = self.spec(values, f"input {i} of {first.name or 'the function'}")
            result.inputs.append(define(values, Value(spec, name=values[0].name)))
        for nodes in zip(*(g.nodes for g in graphs), strict=True):
            where = f"{nodes[0].op.name} at {nodes[0].location or 'an unknown place'}"
            inputs = []
            for values in zip(*(n.inputs for n in nodes), strict=True):
                inputs.append(self.operand(values, known, where, result, define))
            attributes = {
                key: self.attribute([n.attributes[key] for n in nodes], f"{key} of {where}")
                for key in nodes[0].attributes
            }
            node = Node(nodes[0].op, tuple(inputs), attributes, location=nodes[0].location)
            node.outputs = tuple(
                define(values, Value(self.spec(values, f"the result of {where}"), producer=node))
                for values in zip(*(n.outputs for n in nodes), strict=True)
            )
            result.nodes.append(node)
        for values in zip(*(g.outputs for g in graphs), strict=True):
            result.outputs.append(self.operand(values, known, "a result", result, define))
        return result

    def same_nodes(self, graphs: Sequence[Graph]) -> None:
        first = graphs[0]
        for graph, sizes in zip(graphs, self.at, strict=True):
            for a, b in zip(first.nodes, graph.nodes, strict=False):
                if a.op is not b.op or len(a.inputs) != len(b.inputs):
                    raise self.another(a, b, sizes)
            if len(first.nodes) != len(graph.nodes):
                longer = max(first.nodes, graph.nodes, key=len)
                extra = longer[min(len(first.nodes), len(graph.nodes))]
                raise self.another(first.nodes[-1] if first.nodes else extra, extra, sizes)
            if len(first.outputs) != len(graph.outputs):
                raise ProgramError(f"save: the number of results depends on {self.symbols}")

    def another(self, a: Node, b: Node, sizes: Sizes) -> ProgramError:
        now = ", ".join(f"{k} = {v}" for k, v in sizes.items())
        base = ", ".join(f"{k} = {v}" for k, v in self.at[0].items())
        return ProgramError(
            f"save: the function computes something else for {now} ({b.op.name} at {b.location}) "
            f"than for {base} ({a.op.name} at {a.location}); a program with named sizes must do "
            "the same steps for all of them"
        )

    def operand(
        self,
        values: Sequence[Value],
        known: Sequence[Mapping[Value, Value]],
        where: str,
        result: Graph,
        define: Callable[[Sequence[Value], Value], Value],
    ) -> Value:
        """What a node reads: the same value in every trace, or a constant."""
        made = [names.get(v) for v, names in zip(values, known, strict=True)]
        if made[0] is not None:
            if any(one is not made[0] for one in made):
                raise ProgramError(f"save: {where} reads other values for other sizes")
            return made[0]
        if any(one is not None or v.constant is None for one, v in zip(made, values, strict=True)):
            raise ProgramError(f"save: {where} reads other values for other sizes")
        if _same(values):
            return define(values, values[0])
        return define(values, self.constant(values, where, result))

    def constant(self, values: Sequence[Value], where: str, result: Graph) -> Value:
        """A constant that depends on the sizes: repeated along some axes, and else one number."""
        specs = [v.spec for v in values]
        arrays = [numpy_of(v.constant) for v in values]
        shapes = {s.shape for s in specs}
        if len({(s.ndim, s.dtype) for s in specs}) > 1:
            raise self.unknown(specs, where)
        for axis in range(specs[0].ndim):
            if all(_uniform(x, axis) for x in arrays):
                arrays = [x.take([0], axis=axis) for x in arrays]
        if len({x.shape for x in arrays}) > 1:
            raise self.unknown(specs, where)
        at = where.partition(" at ")[2]
        kind = specs[0].dtype
        if all(x.tobytes() == arrays[0].tobytes() for x in arrays):
            whole = tuple(slice(0, n) for n in arrays[0].shape)
            made = Value(Spec(arrays[0].shape, kind), constant=values[0].constant[whole])
        elif arrays[0].size == 1:
            made = self.number([x.item() for x in arrays], kind, where, result)
        else:
            raise self.unknown(specs, where)
        if shapes == {made.shape}:
            return made
        spec = self.spec(values, f"a constant of {where}")
        (spread,) = result.add(REGISTRY["broadcast_to"], [made], {"shape": spec.shape}, [spec], at)
        return spread

    def unknown(self, specs: Sequence[Spec], where: str) -> ProgramError:
        return ProgramError(
            f"save: {where} uses a constant array that is {self.text(specs)}, and whose values no "
            "program can know for other sizes; make it with ops such as dt.arange inside the "
            "function"
        )

    def number(self, numbers: Sequence[Any], kind: DType, where: str, result: Graph) -> Value:
        """A number that is affine in the symbols, or a constant divided by one that is."""
        at = where.partition(" at ")[2]

        def full(value: Any) -> Value:
            words = {"shape": (), "dtype": kind, "value": value}
            return result.add(REGISTRY["full"], [], words, [Spec((), kind)], at)[0]

        share = self.reciprocal(numbers) if kind.kind == "float" else None
        if share is None:
            return full(self.attribute(numbers, f"a constant of {where}"))
        top, bottom = map(full, share)
        return result.add(REGISTRY["divide"], [top, bottom], {}, [Spec((), kind)], at)[0]

    def reciprocal(self, numbers: Sequence[float]) -> tuple[float, FloatDim] | None:
        """(a, d) when the numbers are a / d and d is affine: what a mean leaves behind."""
        if all(float(x).is_integer() for x in numbers) or any(x == 0 for x in numbers):
            return None
        inverse = [1 / x for x in numbers]
        changes = [(inverse[i] - inverse[0]) / _STEP for i in range(1, len(self.symbols) + 1)]
        unit = next((c for c in changes if abs(c) > 1e-9 * abs(inverse[0])), None)
        if unit is None:
            return None
        try:
            found = self.integer([round(x / unit) for x in inverse], "")
        except ProgramError:
            return None
        top = 1 / unit
        if not isinstance(found, Dim) or any(
            abs(top / evaluated(found, sizes) - x) > 1e-6 * abs(x)
            for x, sizes in zip(numbers, self.at, strict=True)
        ):
            return None
        nice = round(top)
        return (float(nice) if abs(top - nice) < 1e-6 * abs(top) else top), FloatDim(found)


def _uniform(x: np.ndarray[Any, Any], axis: int) -> bool:
    """Whether every slice along an axis is the first."""
    if x.shape[axis] == 0:
        return False
    bits = np.ascontiguousarray(x).view(np.uint8).reshape(*x.shape, -1)
    return bool(np.array_equal(bits, np.broadcast_to(bits.take([0], axis=axis), bits.shape)))


def _same(values: Sequence[Value]) -> bool:
    """Whether constants of several traces are one array, or hold the same bits."""
    first = values[0]
    for other in values[1:]:
        if (other.shape, other.spec.dtype) != (first.shape, first.spec.dtype):
            return False
        if other.constant._address == first.constant._address:
            continue
        if numpy_of(first.constant).tobytes() != numpy_of(other.constant).tobytes():
            return False
    return True
