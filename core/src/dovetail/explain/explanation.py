"""The answer to ``explain``: text when printed, pictures when asked."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from dovetail.explain.arena_drawing import draw_arena
from dovetail.explain.drawing import draw_graphs
from dovetail.explain.part import Part
from dovetail.explain.text import part_lines

__all__ = ["Explanation"]


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """What runs, where, for how long and in which memory.

    ``str()`` gives it as text: the graph with the user's lines, the steps with their estimated
    cost, the map of the arena. A notebook shows the drawing of the graph.

    >>> import dovetail as dt
    >>> found = dt.jit(lambda x: dt.exp(x) + 1.0).explain(dt.ones(3))
    >>> found.parts[0].steps[0].where, "exp" in str(found), found.to_svg()[:4]
    ('fused', True, '<svg')
    """

    parts: tuple[Part, ...]
    """One for each graph: a program with several entry points has several."""
    heading: tuple[str, ...] = ()
    """Lines about the whole, which stand first."""

    def __str__(self) -> str:
        lines = list(self.heading)
        for part in self.parts:
            lines += ["", *part_lines(part)] if lines else part_lines(part)
        return "\n".join(lines)

    def __repr__(self) -> str:
        steps = sum(len(part.steps) for part in self.parts)
        return f"<explanation of {steps} steps; print it, or draw it with to_svg and memory_svg>"

    @property
    def code(self) -> str:
        """The code that devices wrote for groups of nodes, step by step, in assembly language.

        Empty where they show none: a kernel is no code of a program's own.

        >>> import dovetail as dt
        >>> found = dt.jit(lambda x: dt.exp(x) + 1.0).explain(dt.ones(3))
        >>> print(found.code)  # doctest: +SKIP
        step 0 on cpu:0, broadcast_to, exp, add
          mov rcx, [rdi+0]
          ...
        """
        lines: list[str] = []
        for part in self.parts:
            for step in part.steps:
                if step.code:
                    lines += [f"step {step.number} on {step.device}, {step.what}"]
                    lines += [f"  {line}" for line in step.code.splitlines()]
        return "\n".join(lines)

    def _repr_svg_(self) -> str:
        return self.to_svg()

    def to_svg(self, path: str | os.PathLike[str] | None = None) -> str:
        """The graphs as an SVG picture, also written to ``path`` if there is one.

        A box is a node, with its result, the user's line and the step that runs it; nodes that run
        as one step stand in a shaded box, and so does the body of a loop or a branch. It needs no
        other program, and is readable on light and dark pages.
        """
        return _written(draw_graphs(self.parts), path)

    def memory_svg(self, path: str | os.PathLike[str] | None = None) -> str:
        """The arena over time as an SVG picture, also written to ``path`` if there is one.

        Steps go to the right, bytes upwards; a rectangle is a temporary, as wide as it is needed.
        """
        return _written(draw_arena(self.parts), path)


def _written(picture: str, path: str | os.PathLike[str] | None) -> str:
    if path is not None:
        Path(path).write_text(picture + "\n", encoding="utf-8")
    return picture
