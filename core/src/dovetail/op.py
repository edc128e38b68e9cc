"""The Op record: one frozen record in one file says everything there is to know about one op.

Tests, reference docs, the device support matrix, the conformance samples and the ABI's op table are
derived from these records; nothing else in the tree knows an op by name except kernels.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, TypeVar

from dovetail.dtypes import ALL, DType
from dovetail.errors import OpError

__all__ = ["ANY", "FUNCTIONS", "REGISTRY", "REQUIRED", "Op", "Sample", "Spec", "Together", "define"]


class _Required:
    def __repr__(self) -> str:
        return "REQUIRED"


REQUIRED: Any = _Required()
"""Default of an attribute that has none."""

ANY = "any"
"""Type word of operands and results that keep whatever dtypes they have."""


@dataclass(frozen=True, slots=True)
class Spec:
    """Shape and dtype of a value, without data. ``weak``: it came from a Python scalar, so it takes
    the dtype of what it meets."""

    shape: tuple[int, ...]
    dtype: DType
    weak: bool = False

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        n = 1
        for extent in self.shape:
            n *= extent
        return n

    @property
    def nbytes(self) -> int:
        """Bytes of the contiguous data."""
        return self.size * self.dtype.itemsize

    def __str__(self) -> str:
        return f"{self.dtype}[{', '.join(map(str, self.shape))}]"


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """One input of the derived tests: numpy arrays (or specs to fill from a seed) and attributes.

    ``inputs`` holds specs as ``(shape, low, high)`` or explicit nested lists; the test draws values
    from ``[low, high)`` with a fixed seed and casts them to each dtype of ``dtypes``.
    """

    inputs: tuple[Any, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    dtypes: frozenset[DType] | None = None  # None: every dtype of the record's first type variable
    differentiable: bool = True  # False: a kink or a tie here, no finite differences


@dataclass(frozen=True, slots=True, eq=False)
class Together:
    """A gradient rule for all operands at once, for those that share their work:
    ``rule(g, y, operands, needed, **attributes)`` gives a tuple with one gradient per operand, None
    where there is none or where ``needed`` says that nobody asks."""

    rule: Callable[..., tuple[Any, ...]]
    together = True

    def __call__(self, *args: Any, **attributes: Any) -> tuple[Any, ...]:
        """Apply the rule."""
        return self.rule(*args, **attributes)


@functools.cache
def _operands(signature: str) -> tuple[tuple[str, str], ...]:
    left = signature.split("->", maxsplit=1)[0].strip()
    pairs = (part.split(":") for part in left.split(",")) if left else ()
    return tuple((name.strip(), word.strip()) for name, word in pairs)


@functools.cache
def _results(signature: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in signature.split("->")[1].split(","))


@functools.lru_cache(maxsize=1024)
def _words(signature: str, count: int) -> tuple[str, ...]:
    operands = _operands(signature)
    fixed = [word for _, word in operands]
    if operands and operands[-1][0].startswith("*"):
        fixed = fixed[:-1] + [fixed[-1]] * (count - len(fixed) + 1)
    return tuple(fixed)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Op:
    """Everything about one op.

    ``signature`` names operands and type variables: ``"x: T, y: T -> T"``; one trailing variadic
    operand is written ``"*arrays: T -> T"``; several results ``"x: T -> T, i64"``. Operands that
    share a variable are promoted to a common dtype before anything else sees them; with
    ``broadcast`` they are also broadcast to a common shape.
    """

    name: str
    doc: str
    """Meaning, shapes, dtypes, errors, source of the formula, one runnable example."""
    signature: str
    types: Mapping[str, frozenset[DType]] = field(default_factory=dict)
    """Allowed dtypes of each type variable; a variable that is missing takes any dtype."""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    """Attribute name -> default, `REQUIRED` when there is none. Values are hashable: bool, int,
    float, str, None, DType and tuples of int."""
    version: int = 1
    """Of the op's meaning; raised only with an RFC."""
    broadcast: bool = False
    canonical: Callable[..., dict[str, Any]] | None = None
    """``canonical(*specs, **attributes)``: attributes in the one form that ``infer``, the gradient,
    the reference and the kernels see (axes non-negative, sets sorted, shapes complete)."""
    infer: Callable[..., Spec | tuple[Spec, ...]]
    """``infer(*specs, **attributes)``: result specs, or an `OpError` in words."""
    view: Callable[..., tuple[tuple[int, ...], tuple[int, ...], int] | None] | None = None
    """``view(shape, strides, **attributes)``: result shape, strides and offset in elements when the
    result can share the operand's memory, None when it cannot. Only for one-operand ops."""
    gradient: tuple[Callable[..., Any] | None, ...] | Callable[..., Any] | None = None
    """Written in ops. A tuple with one rule per operand, ``rule(g, y, *operands, **attributes)``,
    None where there is no derivative; for a variadic op one ``rule(i, g, y, *operands,
    **attributes)``; `Together` for one that gives the gradients of all operands at once. With
    several results ``g`` and ``y`` are tuples (a g without value is None).
    None: not differentiable (or, with a ``decomposition``, differentiate that)."""
    decomposition: Callable[..., Any] | None = None
    """The op in simpler ops: ``decomposition(*operands, **attributes)``."""
    reference: Callable[..., Any]
    """The op in numpy: ``reference(*ndarrays, **attributes)``. 16-bit floats arrive as float32 and
    are rounded afterwards by the caller; the result is cast to the inferred dtype."""
    samples: Callable[[], Iterable[Sample]]
    tolerance: Mapping[str, float] = field(default_factory=dict)
    """Largest error in units in the last place of the result per dtype name; missing: 0 for
    integers and bool, 4 for floats; "norm": True compares against the largest magnitude."""
    differentiable: frozenset[int] | None = None
    """Operand positions checked by finite differences; None: all floating ones with a rule."""
    claim: str = "kernel"
    """"kernel": devices bring one; "view": never a kernel; "composite": a device may claim it;
    "structured": its attributes hold graphs, which the core compiles."""
    build: Callable[..., Any] | None = None
    """For an op whose attributes hold graphs: ``build(device, inputs, outputs, attributes)`` makes
    the kernel from specs, since no device could. Its function is the one given to `define`."""
    host: bool = False
    """Whether the CPU runs ``reference`` where it has no kernel, even if there is a decomposition:
    for ops that numpy and its LAPACK do well. Without a decomposition it does so anyway."""
    lays_out: bool = False
    """Whether the op is how operands become contiguous: it meets strided ones itself, and where a
    device has no kernel for them the core does it."""
    followed: frozenset[int] | None = None
    """Positions of the operands whose examples make the results differ; None: all of them."""
    batching: Callable[..., Any] | None = None
    """``batching(function, size, batched, *operands, **attributes)``: the op for ``size`` examples
    at once. Operands flagged in ``batched`` have the examples along a new first axis, the others
    have none; every result has them along its first axis. The first three come by position.
    `dovetail.batching` has the rules that many ops share. None: an op with ``broadcast`` is called
    as it is, a composite goes through its decomposition, any other runs example by example.
    """

    def __repr__(self) -> str:
        return f"<op {self.name} v{self.version}: {self.signature}>"

    @property
    def operands(self) -> tuple[tuple[str, str], ...]:
        """(name, type word) of each operand; a variadic one keeps its star."""
        return _operands(self.signature)

    @property
    def results(self) -> tuple[str, ...]:
        """Type word of each result."""
        return _results(self.signature)

    @property
    def variadic(self) -> bool:
        """Whether the last operand repeats."""
        return bool(self.operands) and self.operands[-1][0].startswith("*")

    def words(self, count: int) -> tuple[str, ...]:
        """Type word of each of ``count`` actual operands."""
        return _words(self.signature, count)

    def allowed(self, word: str) -> frozenset[DType]:
        """Dtypes a type word stands for."""
        return self.types.get(word, ALL)

    def fail(self, message: str) -> OpError:
        """An `OpError` that names this op; callers raise it."""
        return OpError(f"{self.name}: {message}")


_T = TypeVar("_T")


class _Catalogue(dict[str, _T]):
    """What is known of each op by name. Modules of `dovetail.ops.LAZY` are loaded when one of their
    ops is asked for by name, all of them when the ops are counted or listed."""

    def _load(self, names: Iterable[str]) -> None:
        from dovetail.ops import LAZY  # noqa: PLC0415  imports this module

        for module in dict.fromkeys(LAZY[name] for name in names if name in LAZY):
            import_module(module)

    def _complete(self) -> None:
        from dovetail.ops import LAZY  # noqa: PLC0415  imports this module

        self._load(LAZY)

    def __missing__(self, name: str) -> _T:
        self._load((name,))
        if not dict.__contains__(self, name):
            raise KeyError(name)
        return dict.__getitem__(self, name)

    def __contains__(self, name: object) -> bool:
        if not dict.__contains__(self, name) and isinstance(name, str):
            self._load((name,))
        return dict.__contains__(self, name)

    def get(self, name: str, default: Any = None) -> Any:
        return self[name] if name in self else default

    def __iter__(self) -> Iterator[str]:
        self._complete()
        return dict.__iter__(self)

    def __len__(self) -> int:
        self._complete()
        return dict.__len__(self)

    def keys(self) -> Any:
        self._complete()
        return dict.keys(self)

    def values(self) -> Any:
        self._complete()
        return dict.values(self)

    def items(self) -> Any:
        self._complete()
        return dict.items(self)


REGISTRY: dict[str, Op] = _Catalogue()
"""Every op by name, filled by `define`."""

FUNCTIONS: dict[str, Callable[..., Any]] = _Catalogue()
"""The function `define` made from each record, by name: what replays a graph."""


def define(op: Op, function: Callable[..., Any] | None = None) -> Callable[..., Any]:
    """Register a record and return the public function made from it.

    The function takes the operands by position or name, then the attributes by position or name,
    and carries the record as ``.op``, its doc and its signature. An op whose attributes hold graphs
    brings its own ``function``: `dovetail.structured` has what it is made of.
    """
    from dovetail import _fast  # noqa: PLC0415  the C hot path is needed only to make callables

    if dict.__contains__(REGISTRY, op.name):
        raise ValueError(f"op {op.name!r} is defined twice")
    REGISTRY[op.name] = op
    if function is not None:
        function.__name__ = function.__qualname__ = op.name
        function.__doc__ = op.doc
        function.op = op  # type: ignore[attr-defined]
    FUNCTIONS[op.name] = _fast.OpFunction(op) if function is None else function
    return FUNCTIONS[op.name]


def specs_text(specs: Iterable[Spec]) -> str:
    """Operand specs for an error message: ``float32[2, 3] and int64[4]``."""
    return " and ".join(map(str, specs))


def iterate(values: Any) -> Iterator[Any]:
    """Results of an op as an iterator, whether it has one or several."""
    if isinstance(values, tuple):
        yield from values
    else:
        yield values
