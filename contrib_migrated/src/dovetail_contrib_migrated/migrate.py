"""Rewrite uses of tf.contrib in Python source: exact edits at places that the syntax tree names.

Nothing else of the text changes. A second run finds nothing to do. What has no new name is reported
with its line and with what the index says.
"""

from __future__ import annotations

import ast
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import takewhile

from dovetail_contrib_migrated.index import moves, projects

__all__ = ["Migrated", "migrate"]

OLD = "tensorflow.contrib"
HERE = "dovetail_contrib_migrated"
SOURCE_LEVELS = ("tensorflow.compat.v1.contrib", OLD)


@dataclass(frozen=True, kw_only=True, slots=True)
class Migrated:
    """The new text and what is left to do by hand."""

    text: str
    edits: int
    leftovers: tuple[tuple[int, str], ...]
    """(line of the old text, sentence)."""
    lines: tuple[int, ...] = ()
    """The lines of the leftovers in the new text."""


@dataclass(frozen=True, slots=True, order=True)
class _Edit:
    begin: int
    end: int
    text: str


def migrate(text: str, name: str = "<source>") -> Migrated:
    """Rewrite one file's text. Raises SyntaxError when it is not Python.

    >>> print(migrate("from tensorflow.contrib.sparsemax import sparsemax\\n").text, end="")
    from dovetail_contrib_migrated.sparsemax import sparsemax
    """
    plain = text.removeprefix("\ufeff")  # the syntax tree's columns do not count the mark
    raw = plain.encode()
    tree = ast.parse(raw, name)
    found = _Finder(raw)
    found.visit(tree)
    edits = sorted(set(found.edits))
    edits = sorted([*edits, *_import_lines(raw, tree, found.modules)])
    left = tuple(sorted(set(found.leftovers)))
    lines = tuple(_new_line(raw, edits, found.starts, line) for line, _ in left)
    newline = "\r\n" if b"\r\n" in raw else "\n"
    for edit in reversed(edits):
        new = edit.text.replace("\n", newline)
        raw = raw[: edit.begin] + new.encode() + raw[edit.end :]
    mark = text[: len(text) - len(plain)]
    return Migrated(text=mark + raw.decode(), edits=len(edits), leftovers=left, lines=lines)


def _new_line(raw: bytes, edits: list[_Edit], starts: list[int], line: int) -> int:
    """A line of the old text in the new one; of a statement that is replaced, its first."""
    place = starts[line - 1]
    place = next((edit.begin for edit in edits if edit.begin < place < edit.end), place)
    return bisect_right(starts, place) + sum(
        edit.text.count("\n") - raw[edit.begin : edit.end].count(b"\n")
        for edit in edits
        if edit.end <= place
    )


def _import_lines(raw: bytes, tree: ast.Module, modules: set[str]) -> Iterator[_Edit]:
    """Imports of the new modules, behind the imports at the head of the file."""
    lines = raw.splitlines(keepends=True)
    last = sum(1 for _ in takewhile(lambda line: line.startswith(b"#"), lines))
    there = set[str]()
    for node in tree.body:
        docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if not isinstance(node, ast.Import | ast.ImportFrom) and not (
            docstring and node is tree.body[0]
        ):
            break
        last = node.end_lineno or node.lineno
        if isinstance(node, ast.Import):
            there |= {alias.name for alias in node.names if not alias.asname}
    if modules - there:
        place = sum(map(len, lines[:last]))
        text = "".join(f"import {m}\n" for m in sorted(modules - there))
        lead = "\n" if last and not raw[:place].endswith(b"\n") else ""
        yield _Edit(place, place, lead + text)


def _sentence(dotted: str) -> str:
    """What the index says of a name without a new one."""
    parts = dotted.removeprefix(OLD).removeprefix(".").split(".")
    known = projects()
    project = next((p for p in ("/".join(parts[:2]), parts[0]) if p in known), None)
    short = _short(dotted)
    if project is None:
        if not parts[0]:
            return f"{short}: the whole of contrib has no new home; import the parts that are used"
        return f"{short}: contrib had no project {parts[0]!r} in 2018"
    row = known[project]
    if row["fate"] == "planned":
        return f"{short}: planned in dovetail-{row['plugin'].replace('_', '-')} (RFC {row['rfc']})"
    if row["fate"] == "unwanted":
        return f"{short}: not wanted: {row['reason']}"
    if row["fate"] == "shim":
        return f"{short}: has no counterpart in {row['home'].rpartition('/')[2]}: {row['reason']}"
    return f"{short}: {row['reason']} (see {row['home']}); no name takes the same calls"


@dataclass
class _Finder(ast.NodeVisitor):
    """Collects edits; knows which local names stand for modules of tensorflow."""

    raw: bytes
    edits: list[_Edit] = field(default_factory=list)
    modules: set[str] = field(default_factory=set)
    leftovers: list[tuple[int, str]] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    """Local name -> dotted name, for what was imported of tensorflow and is not rewritten."""
    shims: dict[str, str] = field(default_factory=dict)
    """Local name -> dotted name, for modules of this distribution."""

    def __post_init__(self) -> None:
        self.starts = [0]
        for line in self.raw.splitlines(keepends=True):
            self.starts.append(self.starts[-1] + len(line))

    def _span(self, node: ast.expr | ast.stmt | ast.alias) -> tuple[int, int]:
        begin = self.starts[node.lineno - 1] + node.col_offset
        return begin, self.starts[(node.end_lineno or 1) - 1] + (node.end_col_offset or 0)

    def _replace(self, node: ast.expr | ast.stmt | ast.alias, text: str) -> None:
        self.edits.append(_Edit(*self._span(node), text))

    # ---- imports -----------------------------------------------------------------------------

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            dotted = _plain(alias.name)
            if _is_shim(alias.name) and alias.asname is not None:
                self.shims[alias.asname] = alias.name
            if dotted.split(".")[0] != "tensorflow":
                continue
            if alias.asname is None:
                self.names["tensorflow"] = "tensorflow"
                if _under(dotted):
                    self._stays(alias, dotted)
            elif not _under(dotted):
                self.names[alias.asname] = dotted
            else:
                self._module(node, alias, dotted)

    def _module(self, node: ast.Import, alias: ast.alias, dotted: str) -> None:
        """``import tensorflow.contrib.x as y``: rewritten when all of x has new names here."""
        home = _shim_of(dotted)
        if home is None:
            self.names[alias.asname or ""] = dotted
            self._stays(alias, dotted)
        else:
            self._replace(alias, f"{home} as {alias.asname}")
            self.shims[alias.asname or ""] = home

    def _stays(self, alias: ast.alias, dotted: str) -> None:
        """An import of a module fails at the next run, even when all its uses are rewritten."""
        text = "the import stays; take it out with the last of its uses"
        self.leftovers.append((alias.lineno, f"{_short(dotted)}: {text}"))

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = _plain(node.module or "")
        if module == HERE and not node.level:
            new_names = ((a.asname or a.name, f"{HERE}.{a.name}") for a in node.names)
            self.shims |= {local: new for local, new in new_names if _is_shim(new)}
        if node.level or not (_under(module) or module in ("tensorflow", "tensorflow.compat.v1")):
            return
        homes: list[tuple[ast.alias, str]] = []
        stays = False
        for alias in node.names:
            dotted = _plain(f"{module}.{alias.name}")
            new = moves().get(dotted) or _shim_of(dotted)
            if new is not None:
                homes.append((alias, new))
                if dotted not in moves():
                    self.shims[alias.asname or alias.name] = new
                continue
            stays = True
            if alias.name == "*" and _under(module):
                self.leftovers.append((node.lineno, f"{_sentence(module)} (imported with *)"))
            elif module == "tensorflow" or dotted == OLD or _has_parts(dotted):
                self.names[alias.asname or alias.name] = dotted
                if _under(dotted):
                    self._stays(alias, dotted)
            elif _under(dotted):
                self.leftovers.append((alias.lineno, _sentence(dotted)))
        begin, end = self._span(node)
        modules = {new.rpartition(".")[0] for _, new in homes}
        if not homes:
            return
        if not stays and len(modules) == 1:
            self._in_place(node, homes, begin)
        elif b"#" in self.raw[begin:end]:
            text = "its names go to several modules; split the import, with its comments, by hand"
            self.leftovers.append((node.lineno, f"{node.module}: {text}"))
        elif stays:
            self._split(node, homes)
        else:
            self._replace(node, self._lines(node, homes))

    def _in_place(
        self, node: ast.ImportFrom, homes: list[tuple[ast.alias, str]], begin: int
    ) -> None:
        """One module for another: the layout of the statement, and its comments, stay."""
        at = self.raw.index((node.module or "").encode(), begin)
        module = homes[0][1].rpartition(".")[0]
        self.edits.append(_Edit(at, at + len(node.module or ""), module))
        for alias, new in homes:
            last = new.rpartition(".")[2]
            if last != alias.name:
                start, _ = self._span(alias)
                text = last if alias.asname else f"{last} as {alias.name}"
                self.edits.append(_Edit(start, start + len(alias.name), text))

    def _lines(self, node: ast.ImportFrom, homes: list[tuple[ast.alias, str]]) -> str:
        by_module: dict[str, list[str]] = {}
        for alias, new in homes:
            module, _, last = new.rpartition(".")
            local = alias.asname or alias.name
            by_module.setdefault(module, []).append(last if last == local else f"{last} as {local}")
        indent = "\n" + " " * node.col_offset
        return indent.join(f"from {m} import {', '.join(v)}" for m, v in by_module.items())

    def _split(self, node: ast.ImportFrom, homes: list[tuple[ast.alias, str]]) -> None:
        """Some names move and some stay: two statements."""
        moved = {id(alias) for alias, _ in homes}
        kept = [
            a.name + (f" as {a.asname}" if a.asname else "")
            for a in node.names
            if id(a) not in moved
        ]
        old = f"from {node.module} import {', '.join(kept)}"
        self._replace(node, f"{old}\n{' ' * node.col_offset}{self._lines(node, homes)}")

    # ---- uses --------------------------------------------------------------------------------

    def visit_Attribute(self, node: ast.Attribute) -> None:
        dotted = self._dotted(node, self.names)
        if dotted is None:
            new = self._dotted(node, self.shims)
            if new is None:
                self.generic_visit(node)
            elif not any(f"{new}.".startswith(f"{one}.") for one in moves().values()):
                self.leftovers.append((node.lineno, _sentence(OLD + new.removeprefix(HERE))))
            return
        dotted = _plain(dotted)
        new = moves().get(dotted)
        if new is not None:
            self._replace(node, new)
            self.modules.add(new.rpartition(".")[0])
        elif _under(dotted):
            inner = self._longest(node)
            if inner is None:
                self.leftovers.append((node.lineno, _sentence(dotted)))

    def _longest(self, node: ast.expr) -> str | None:
        """A moved name that is the beginning of this chain: ``tf.contrib.x.f.__doc__``."""
        while isinstance(node, ast.Attribute):
            dotted = self._dotted(node, self.names)
            new = moves().get(_plain(dotted)) if dotted else None
            if new is not None:
                self._replace(node, new)
                self.modules.add(new.rpartition(".")[0])
                return new
            node = node.value
        return None

    @staticmethod
    def _dotted(node: ast.expr, names: dict[str, str]) -> str | None:
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name) or node.id not in names:
            return None
        return ".".join((names[node.id], *reversed(parts)))

    def visit_Name(self, node: ast.Name) -> None:
        dotted = self.names.get(node.id, "")
        if _under(dotted) and isinstance(node.ctx, ast.Load):
            self.leftovers.append((node.lineno, _sentence(dotted)))


def _short(dotted: str) -> str:
    return f"tf.contrib{dotted.removeprefix(OLD)}"


def _plain(dotted: str) -> str:
    """A name under the prefix that the moves have."""
    for level in SOURCE_LEVELS:
        if dotted == level or dotted.startswith(f"{level}."):
            return OLD + dotted.removeprefix(level)
    return dotted


def _under(dotted: str) -> bool:
    return dotted == OLD or dotted.startswith(f"{OLD}.")


def _has_parts(dotted: str) -> bool:
    return any(old.startswith(f"{dotted}.") for old in moves())


def _shim_of(dotted: str) -> str | None:
    """The module here that has every moved name of an old module, which is a project by itself."""
    row = projects().get(dotted.removeprefix(f"{OLD}."))
    if row is None or row["fate"] != "shim" or not _under(dotted):
        return None
    nested = any(o.count(".") > dotted.count(".") + 1 for o in _below(dotted))
    return None if nested else f"{HERE}.{row['project']}"


def _is_shim(new: str) -> bool:
    return projects().get(new.removeprefix(f"{HERE}."), {}).get("fate") == "shim"


def _below(dotted: str) -> Iterator[str]:
    return (old for old in moves() if old.startswith(f"{dotted}."))
