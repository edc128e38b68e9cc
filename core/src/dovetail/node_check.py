"""What a node read from a file must satisfy before it may enter a graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dovetail.dtypes import DType
from dovetail.graph import Node, Value
from dovetail.graph_tokens import Line
from dovetail.op import ANY, REGISTRY, REQUIRED, Op, Spec

__all__ = ["UPGRADES", "checked_node"]

UPGRADES: dict[tuple[str, int], Callable[[dict[str, Any]], dict[str, Any]]] = {}
"""(op, old version) -> attributes of the next version. An RFC that raises an op's version adds the
entry with which programs saved before it keep loading."""


def checked_node(
    line: Line,
    name: str,
    version: int | float,
    *,
    inputs: Sequence[Value],
    attributes: dict[str, Any],
    outputs: Sequence[Value],
) -> Node:
    """The node, after op, version, operands, attributes and result types have been checked."""
    op = _find(line, name, version)
    while version < op.version:
        attributes = UPGRADES[name, int(version)](attributes)
        version += 1
    specs = [value.spec for value in inputs]
    _check_operands(line, op, specs)
    attributes = _complete(line, op, attributes)
    try:
        if op.canonical is not None:
            attributes = dict(op.canonical(*specs, **attributes))
        inferred = op.infer(*specs, **attributes)
    except Exception as error:  # any failure of a shape rule on a stranger's attributes
        raise line.fail(f"{name} does not accept these operands and attributes: {error}") from error
    results = inferred if isinstance(inferred, tuple) else (inferred,)
    declared = [value.spec for value in outputs]
    if [(s.shape, s.dtype) for s in results] != [(s.shape, s.dtype) for s in declared]:
        raise line.fail(f"{name} gives {_types(results)}, but the line says {_types(declared)}")
    node = Node(op, tuple(inputs), attributes, tuple(outputs))
    for value in outputs:
        value.producer = node
    return node


def _types(specs: Sequence[Spec]) -> str:
    return ", ".join(map(str, specs))


def _find(line: Line, name: str, version: int | float) -> Op:
    op = REGISTRY.get(name)
    if op is None:
        raise line.fail(
            f"this Dovetail has no op named {name!r}; install the version or the plugin that "
            "brings it, the file says which version wrote it"
        )
    if not isinstance(version, int) or version < 1:
        raise line.fail(f"{version} is no version of an op")
    if version > op.version:
        raise line.fail(
            f"op {name!r} is used in version {version} but this Dovetail knows version "
            f"{op.version}; install a newer dovetail"
        )
    missing = [v for v in range(version, op.version) if (name, v) not in UPGRADES]
    if missing:
        raise line.fail(
            f"op {name!r} is used in version {version} and this Dovetail, which has version "
            f"{op.version}, cannot read version {missing[0]} any more"
        )
    return op


def _check_operands(line: Line, op: Op, specs: Sequence[Spec]) -> None:
    fixed = len(op.operands) - op.variadic
    if len(specs) < fixed or (len(specs) > fixed and not op.variadic):
        raise line.fail(f"{op.name} takes {fixed} operands, not {len(specs)}: {op.signature}")
    chosen: dict[str, DType] = {}
    for spec, word in zip(specs, op.words(len(specs)), strict=True):
        if word == ANY:
            continue
        if spec.dtype not in op.allowed(word):
            raise line.fail(f"{op.name} does not work on {spec.dtype}: {op.signature}")
        if chosen.setdefault(word, spec.dtype) is not spec.dtype:
            raise line.fail(
                f"{op.name} needs one dtype for its {word}, not {chosen[word]} and {spec.dtype}"
            )
    if op.broadcast and len({spec.shape for spec in specs}) > 1:
        raise line.fail(f"{op.name} needs operands of one shape, not {_types(specs)}")


def _complete(line: Line, op: Op, given: Mapping[str, Any]) -> dict[str, Any]:
    unknown = [key for key in given if key not in op.attributes]
    if unknown:
        raise line.fail(f"{op.name} has no attribute {unknown[0]!r}; it may be newer than this")
    attributes: dict[str, Any] = {}
    for key, default in op.attributes.items():
        if key not in given and default is REQUIRED:
            raise line.fail(f"{op.name} needs its attribute {key!r}")
        attributes[key] = given.get(key, default)
    return attributes
