"""Element types: names, sizes, their numpy and DLPack meaning, and promotion."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dovetail.errors import OpError

__all__ = [
    "ALL",
    "BOOLEAN",
    "COMPLEX",
    "DTYPES",
    "FLOATING",
    "INTEGER",
    "NUMERIC",
    "REAL",
    "DType",
    "bfloat16",
    "bool_",
    "complex64",
    "complex128",
    "complex_of",
    "default_dtype",
    "dtype",
    "float16",
    "float32",
    "float64",
    "int8",
    "int16",
    "int32",
    "int64",
    "promote_types",
    "real_of",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
]


@dataclass(frozen=True, eq=False, repr=False)
class DType:
    """An element type; there is one instance of each, so `is` compares.

    ``name`` is the Array API name, ``kind`` one of ``bool int uint float complex``, ``itemsize``
    in bytes, ``code`` DLPack's type code and ``word`` the short name used in capability tables
    ("f32").
    """

    name: str
    kind: str
    itemsize: int
    code: int
    word: str

    @property
    def bits(self) -> int:
        """Size of one element in bits as DLPack counts (bool: 8)."""
        return 8 * self.itemsize

    @property
    def differentiable(self) -> bool:
        """Whether a gradient may flow through elements: they are floating or complex."""
        return self.kind in ("float", "complex")

    def __repr__(self) -> str:
        return f"dovetail.{self.name}"

    def __str__(self) -> str:
        return self.name

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (dtype, (self.name,))


bool_ = DType("bool", "bool", 1, 6, "bool")
int8 = DType("int8", "int", 1, 0, "i8")
int16 = DType("int16", "int", 2, 0, "i16")
int32 = DType("int32", "int", 4, 0, "i32")
int64 = DType("int64", "int", 8, 0, "i64")
uint8 = DType("uint8", "uint", 1, 1, "u8")
uint16 = DType("uint16", "uint", 2, 1, "u16")
uint32 = DType("uint32", "uint", 4, 1, "u32")
uint64 = DType("uint64", "uint", 8, 1, "u64")
float16 = DType("float16", "float", 2, 2, "f16")
bfloat16 = DType("bfloat16", "float", 2, 4, "bf16")
float32 = DType("float32", "float", 4, 2, "f32")
float64 = DType("float64", "float", 8, 2, "f64")
complex64 = DType("complex64", "complex", 8, 5, "c64")
complex128 = DType("complex128", "complex", 16, 5, "c128")

DTYPES: tuple[DType, ...] = (
    bool_,
    int8,
    int16,
    int32,
    int64,
    uint8,
    uint16,
    uint32,
    uint64,
    float16,
    bfloat16,
    float32,
    float64,
    complex64,
    complex128,
)
BOOLEAN = frozenset({bool_})
INTEGER = frozenset(t for t in DTYPES if t.kind in ("int", "uint"))
FLOATING = frozenset(t for t in DTYPES if t.kind == "float")
COMPLEX = frozenset(t for t in DTYPES if t.kind == "complex")
NUMERIC = INTEGER | FLOATING
"""Real numbers; ops that take complex ones say ``NUMERIC | COMPLEX``."""
REAL = NUMERIC | BOOLEAN
"""What has an order."""
ALL = REAL | COMPLEX

_BY_NAME = {t.name: t for t in DTYPES} | {t.word: t for t in DTYPES}
_PYTHON: dict[object, DType] = {bool: bool_, int: int64, float: float32, complex: complex64}


def dtype(value: object) -> DType:
    """The `DType` named by a name ("float32", "f32"), a DType, a Python type or a numpy dtype.

    >>> dtype("float32")
    dovetail.float32
    """
    if isinstance(value, DType):
        return value
    found = _BY_NAME.get(value) if isinstance(value, str) else _PYTHON.get(value)
    if found is None:
        name: object = getattr(value, "name", None) or getattr(value, "__name__", None)
        found = _BY_NAME.get(name) if isinstance(name, str) else None
    if found is None:
        names = ", ".join(t.name for t in DTYPES)
        raise OpError(f"{value!r} names no dtype of Dovetail; use one of {names}")
    return found


def default_dtype(kind: str) -> DType:
    """The dtype of a Python scalar without context: bool, int64, float32 or complex64."""
    return {"bool": bool_, "int": int64, "float": float32, "complex": complex64}[kind]


def complex_of(kind: DType) -> DType:
    """The complex dtype whose parts hold a dtype: complex128 for float64, else complex64."""
    return complex128 if kind in (float64, complex128) else complex64


def real_of(kind: DType) -> DType:
    """The dtype of the parts of a complex dtype; any other dtype itself."""
    return {complex64: float32, complex128: float64}.get(kind, kind)


_RANK = {"bool": 0, "uint": 1, "int": 1, "float": 2, "complex": 3}


def promote_types(a: DType, b: DType) -> DType:
    """The smallest dtype that holds both, by the Array API's table where it has an entry.

    Mixed kinds, which the standard leaves open: an integer or bool with a float gives the float;
    bool with an integer gives the integer; float16 with bfloat16 gives float32. A float with a
    complex number gives the complex dtype that holds both.

    >>> promote_types(dtype("int32"), dtype("float32"))
    dovetail.float32
    """
    if a is b:
        return a
    if "complex" in (a.kind, b.kind):
        return complex128 if {a, b} & {float64, complex128} else complex64
    if _RANK[a.kind] != _RANK[b.kind]:
        return a if _RANK[a.kind] > _RANK[b.kind] else b
    if a.kind == "float":
        if a.itemsize == b.itemsize:
            return float32
        return a if a.itemsize > b.itemsize else b
    if a.kind == b.kind:
        return a if a.itemsize > b.itemsize else b
    signed, unsigned = (a, b) if a.kind == "int" else (b, a)
    if signed.itemsize > unsigned.itemsize:
        return signed
    size = 2 * unsigned.itemsize
    if size > int64.itemsize:
        raise OpError(
            f"{a} and {b} have no common integer type; convert one of them with astype first"
        )
    return {2: int16, 4: int32, 8: int64}[size]


def join(types: Iterable[DType]) -> DType:
    """`promote_types` over one or more dtypes."""
    result: DType | None = None
    for t in types:
        result = t if result is None else promote_types(result, t)
    assert result is not None
    return result
