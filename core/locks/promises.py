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
            thing = getattr(module, name)
            found[f"{space}.{name}"] = describe(thing)
            for member in members(thing) if inspect.isclass(thing) else ():
                found[f"{space}.{name}.{member}"] = describe(getattr(thing, member, None), True)
    return dict(sorted(found.items()))


def members(kind: type) -> list[str]:
    """The public members of a class that it does not have from Python's own."""
    names = {*dir(kind), *getattr(kind, "__dataclass_fields__", ())}
    inherited = {m for base in (Exception, object, tuple) for m in dir(base)}
    return sorted(m for m in names - inherited if not m.startswith("_"))


def describe(thing: Any, member: bool = False) -> str:
    """A function's parameters, or what else it is: of a member of a class, that it is one."""
    if inspect.isclass(thing):
        return "class"
    if inspect.ismodule(thing):
        return "module"
    if callable(thing):
        if isinstance(thing, OpFunction):
            return of_op(thing.op)
        try:
            signature = inspect.signature(thing)
        except ValueError:  # a method in C without a text of its signature
            return "method"
        parameters = [p.replace(annotation=p.empty) for p in signature.parameters.values()]
        plain = inspect.Signature(parameters)
        # An object's default has an address in its text, which differs from run to run.
        return re.sub(r"<[^<>]* at 0x[0-9a-f]+>", "...", str(plain))
    return "attribute" if member else type(thing).__name__


def of_op(op: Op) -> str:
    """The parameters of an op's function: operands by position, then attributes."""
    operands = [name for name, _ in op.operands]
    attributes = [k if v is REQUIRED else f"{k}={v!r}" for k, v in op.attributes.items()]
    return f"({', '.join([*operands, *attributes])})"
