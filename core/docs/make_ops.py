"""Write the op reference, ops/*.md, from the records: ``python core/docs/make_ops.py [FOLDER]``.

One page for each module of dovetail.ops, and an index. A test compares the committed pages with
what the records say; nothing in them is written by hand.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path

import dovetail as dt
from dovetail.dtypes import DTYPES
from dovetail.op import ANY, FUNCTIONS, REGISTRY, REQUIRED, Op
from dovetail.ops import LAZY

HERE = Path(__file__).resolve().parent
GROUPS = (
    ("every dtype", frozenset(DTYPES)),
    ("every number", frozenset(t for t in DTYPES if t.kind != "bool")),
    ("every real dtype", frozenset(t for t in DTYPES if t.kind != "complex")),
    ("every real number", frozenset(t for t in DTYPES if t.kind not in ("bool", "complex"))),
    ("every float and complex", frozenset(t for t in DTYPES if t.kind in ("float", "complex"))),
    ("every float", frozenset(t for t in DTYPES if t.kind == "float")),
    ("every integer", frozenset(t for t in DTYPES if t.kind in ("int", "uint"))),
    ("every integer and bool", frozenset(t for t in DTYPES if t.kind in ("int", "uint", "bool"))),
)
NAMESPACES = ("", "nn", "special", "linalg", "fft", "random")


def families() -> dict[str, list[Op]]:
    """Module of dovetail.ops -> its records, both in alphabetic order."""
    found: dict[str, list[Op]] = {}
    homes = _homes()
    for name in sorted(REGISTRY):
        found.setdefault(homes[name], []).append(REGISTRY[name])
    return dict(sorted(found.items()))


def _homes() -> dict[str, str]:
    """Op -> the module of dovetail.ops that holds its record."""
    functions = {id(FUNCTIONS[name]): name for name in REGISTRY}
    records = {id(op): op.name for op in REGISTRY.values()}
    held: dict[str, str] = {}
    exported: dict[str, str] = {}
    for full, module in sorted(sys.modules.items()):
        if not full.startswith("dovetail.ops."):
            continue
        short = full.rpartition(".")[2]
        for word, value in vars(module).items():
            if id(value) in records:
                held.setdefault(records[id(value)], short)
            if word in getattr(module, "__all__", ()):
                exported.setdefault(functions.get(id(value), word), short)
    lazy = {name: module.rpartition(".")[2] for name, module in LAZY.items()}
    return {name: exported.get(name) or lazy.get(name) or held[name] for name in REGISTRY}


def dtypes(kinds: frozenset) -> str:
    """A set of dtypes in words."""
    for words, group in GROUPS:
        if kinds == group:
            return words
    return ", ".join(str(t) for t in DTYPES if t in kinds)


def public(op: Op) -> list[str]:
    """Where users find the op's function: ``dt.exp``, ``dt.nn.relu``."""
    found = []
    for space in NAMESPACES:
        names = import_module(f"dovetail.{space}") if space else dt
        if op.name in getattr(names, "__all__", ()):
            prefix = f"dt.{space}." if space else "dt."
            found.append(f"`{prefix}{op.name}`")
    return found or [f"`dt.ops.{op.name}`"]


def kernels(op: Op) -> str:
    """What the CPU device, the only one that is always there, does with it."""
    if op.claim == "view":
        return "none: the result is a view of the operand's memory"
    if op.claim == "structured":
        return "none: the core compiles the graphs that its attributes hold"
    rows = dt.devices()[0].rows.get(op.name, ())
    if not rows:
        if op.decomposition is not None and not op.host:
            return "cpu: none, its parts run"
        return "cpu: none, numpy runs it"
    words: dict[str, set[str]] = {}
    for row in rows:
        for variable, kinds in (row.types or {}).items():
            words.setdefault(variable, set()).update(kinds)
    shown = "; ".join(f"{k} = {' '.join(sorted(v))}" for k, v in sorted(words.items()))
    rest = "" if op.decomposition is not None and not op.host else "; numpy runs the rest"
    return f"cpu: {shown or 'any types'}{rest}"


def gradient(op: Op) -> str:
    """Which operands have a derivative."""
    if op.claim == "structured":
        return "through the graphs that it holds"
    if op.gradient is None:
        return "of its parts" if op.decomposition is not None else "none"
    if callable(op.gradient):
        return "yes"
    pairs = zip(op.operands, op.gradient, strict=True)
    names = [name for (name, _), rule in pairs if rule is not None]
    return "yes" if len(names) == len(op.operands) else f"of {', '.join(names)}"


def batching(op: Op) -> str:
    """How vmap maps it."""
    if op.batching is not None:
        return "a rule"
    return "by broadcasting" if op.broadcast else "example by example"


def attributes(op: Op) -> Iterable[str]:
    """Names with their defaults."""
    for name, default in op.attributes.items():
        yield f"`{name}`" if default is REQUIRED else f"`{name}={default!r}`"


def tolerance(op: Op) -> str:
    """The largest error that the tests accept."""
    names = [t.name for t in DTYPES if t.name in op.tolerance]
    limits = [f"{name} {op.tolerance[name]:g}" for name in names]
    of = " of the largest magnitude" if op.tolerance.get("norm") else ""
    return f"{', '.join(limits) or '4 for floats'}{of}"


def entry(op: Op) -> list[str]:
    """The section of one op."""
    text = inspect.cleandoc(op.doc)
    prose, _, example = text.partition("\n>>>")
    lines = [f"## {op.name}", "", f"`{op.name}({op.signature})`, version {op.version}", ""]
    lines += [plain(prose).rstrip(), ""]
    if example:
        lines += ["```pycon", f">>>{example}".rstrip(), "```", ""]
    facts = [("function", ", ".join(public(op)))]
    for word in dict.fromkeys(w for _, w in op.operands):
        if word in op.types or (word.isupper() and word != ANY):
            facts.append((f"dtypes of {word}", dtypes(op.allowed(word))))
    given = ", ".join(attributes(op))
    facts += [("attributes", given)] if given else []
    facts += [
        ("gradient", gradient(op)),
        ("vmap", batching(op)),
        ("kernels", kernels(op)),
        ("tolerance in ulp", tolerance(op)),
    ]
    lines += ["| | |", "|---|---|", *(f"| {k} | {cell(v)} |" for k, v in facts), ""]
    return lines


def cell(text: str) -> str:
    """Text that may stand in a table."""
    return text.replace("|", "\\|")


def plain(text: str) -> str:
    """Prose of a docstring as Markdown: double quotes of code become single, stars are stars."""
    text = re.sub(r"``([^`]+)``", r"`\1`", text)
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(p if p.startswith("`") else re.sub(r"([*_])", r"\\\1", p) for p in parts)


def title(module: str) -> str:
    """The first line of a module's docstring."""
    doc = import_module(f"dovetail.ops.{module}").__doc__ or module
    return plain(doc.strip().splitlines()[0].rstrip("."))


def pages() -> dict[str, str]:
    """File name -> text, of every page."""
    found = {}
    index = [
        "# The ops",
        "",
        "Made from the records by `python core/docs/make_ops.py`. Each op is one record in one "
        "file: meaning, dtypes, shape rule, gradient, batching rule, numpy meaning and samples.",
        "",
        "| op | what it is | dtypes | gradient | vmap |",
        "|---|---|---|---|---|",
    ]
    for module, ops in families().items():
        body = [f"# {title(module)}", "", f"[All ops](index.md); the records stand in "
                f"[ops/{module}.py](../../src/dovetail/ops/{module}.py).", ""]  # fmt: skip
        for op in ops:
            body += entry(op)
            first = plain(inspect.cleandoc(op.doc).split("\n\n", maxsplit=1)[0].replace("\n", " "))
            word = op.operands[0][1] if op.operands else ""
            kinds = dtypes(op.allowed(word)) if word in op.types else ""
            index.append(
                f"| [{op.name}]({module}.md#{op.name}) | {cell(first)} | {kinds} | "
                f"{gradient(op)} | {batching(op)} |"
            )
        found[f"{module}.md"] = "\n".join(body).rstrip() + "\n"
    index[7:] = sorted(index[7:])
    found["index.md"] = "\n".join(index) + "\n"
    return found


def main(folder: Path) -> None:
    """Write all pages, and remove those of modules that are gone."""
    folder.mkdir(parents=True, exist_ok=True)
    made = pages()
    for path in folder.glob("*.md"):
        if path.name not in made:
            path.unlink()
    for name, text in made.items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "ops")
