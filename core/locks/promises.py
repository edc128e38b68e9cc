"""What the installed core promises: its op set and its public names, as plain data."""

from __future__ import annotations

import inspect
import re
import types
from typing import Any

import dovetail
from dovetail._fast import OpFunction
from dovetail.op import REGISTRY, REQUIRED, Op

__all__ = ["op_set", "public_names"]


def op_set() -> dict[str, dict[str, Any]]:
    """Every op of the registry: version, signature and attributes with their defaults."""
    return {
        name: {
            "version": op.version,
            "signature": op.signature,
            "attributes": [f"{key}={value!r}" for key, value in op.attributes.items()],
        }
        for name, op in sorted(REGISTRY.items())
        if not name.startswith("example_")
    }


def public_names() -> dict[str, str]:
    """Every public name of ``dovetail`` and of the namespaces in it: a signature, or what it is."""
    found: dict[str, str] = {}
    spaces: list[tuple[str, Any]] = [("dovetail", dovetail)]
    spaces += [
        (f"dovetail.{name}", getattr(dovetail, name))
        for name in dovetail.__all__
        if isinstance(getattr(dovetail, name), types.ModuleType)
    ]
    for space, module in spaces:
        for name in module.__all__:
            found[f"{space}.{name}"] = describe(getattr(module, name))
    return dict(sorted(found.items()))


def describe(thing: Any) -> str:
    """A function's parameters, a class's public members, or a type's name."""
    if inspect.isclass(thing):
        names = {*dir(thing), *getattr(thing, "__dataclass_fields__", ())}
        members = sorted(m for m in names if not m.startswith("_"))
        inherited = {m for base in (Exception, object) for m in dir(base)}
        return f"class: {' '.join(m for m in members if m not in inherited)}".strip()
    if inspect.ismodule(thing):
        return "module"
    if callable(thing):
        if isinstance(thing, OpFunction):
            return of_op(thing.op)
        signature = inspect.signature(thing)
        parameters = [p.replace(annotation=p.empty) for p in signature.parameters.values()]
        plain = inspect.Signature(parameters)
        # An object's default has an address in its text, which differs from run to run.
        return re.sub(r"<[^<>]* at 0x[0-9a-f]+>", "...", str(plain))
    return type(thing).__name__


def of_op(op: Op) -> str:
    """The parameters of an op's function: operands by position, then attributes."""
    operands = [name for name, _ in op.operands]
    attributes = [k if v is REQUIRED else f"{k}={v!r}" for k, v in op.attributes.items()]
    return f"({', '.join([*operands, *attributes])})"
