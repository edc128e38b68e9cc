"""Draw layers.svg, the picture of ARCHITECTURE.md. Usage: python layers.py > layers.svg"""

from dataclasses import dataclass, field
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 920, 500
PYTHON, NATIVE, CONTRACT, DEVICE, PLAIN = "#e8f0fb", "#e6f4ea", "#fff4d6", "#f3e8f7", "#ffffff"
INK, QUIET = "#1c2733", "#5b6b7b"


@dataclass(frozen=True, kw_only=True)
class Box:
    """One part of the house: a title and lines of small text below it."""

    x: int
    y: int
    width: int
    height: int
    fill: str
    title: str
    lines: list[str] = field(default_factory=list)

    def svg(self) -> str:
        """Return the box as SVG."""
        middle = self.x + self.width // 2
        parts = [
            f'<rect x="{self.x}" y="{self.y}" width="{self.width}" height="{self.height}" rx="6" '
            f'fill="{self.fill}" stroke="{INK}" stroke-width="1.2"/>',
            text(middle, self.y + 22, self.title, size=15, weight="bold"),
        ]
        parts += [
            text(middle, self.y + 42 + 17 * row, line, colour=QUIET)
            for row, line in enumerate(self.lines)
        ]
        return "\n".join(parts)


@dataclass(frozen=True)
class Arrow:
    """From one place to another, with a word beside its middle."""

    x: int
    top: int
    bottom: int
    label: str
    dashed: bool = False

    def svg(self) -> str:
        """Return the arrow, which points downwards, as SVG."""
        dash = ' stroke-dasharray="5 4"' if self.dashed else ""
        return (
            f'<path d="M{self.x} {self.top}V{self.bottom}" stroke="{INK}" stroke-width="1.4"{dash} '
            f'fill="none" marker-end="url(#head)"/>\n'
            + text(self.x + 8, (self.top + self.bottom) // 2 + 4, self.label, anchor="start")
        )


def text(
    x: int,
    y: int,
    words: str,
    *,
    size: int = 12,
    weight: str = "normal",
    colour: str = INK,
    anchor: str = "middle",
) -> str:
    """Return one line of text."""
    return (
        f'<text x="{x}" y="{y}" font-size="{size}" font-weight="{weight}" fill="{colour}" '
        f'text-anchor="{anchor}">{escape(words)}</text>'
    )


PARTS: list[Box | Arrow] = [
    Box(x=20, y=14, width=660, height=44, fill=PLAIN, title="your program:  y = x @ w"),
    Box(x=700, y=14, width=200, height=44, fill=PLAIN, title="your C program"),
    Box(
        x=20,
        y=104,
        width=310,
        height=150,
        fill=PYTHON,
        title="Python, once per new shape",
        lines=[
            "ops/  one record per op",
            "dispatch.py  selection.py  promotion.py",
            "trace.py  graph.py  transforms/",
            "passes/  partition.py  plan.py  arena.py",
            "devices.py  backends.py  manifest.py",
            "core/src/dovetail",
        ],
    ),
    Box(
        x=370,
        y=104,
        width=530,
        height=150,
        fill=NATIVE,
        title="C, every call",
        lines=[
            "array.c  array_number.c  operand.c  opfunction.c  dlpack.c",
            "dispatch.c  cache.c  kernel.c  alloc.c",
            "tape.c  tape_walk.c  tree.c  call_key.c  jit.c",
            "plan.c  plan_build.c  plan_entry.c  graph.c",
            "loader.c  host.c  pool.c",
            "core/csrc/fast",
        ],
    ),
    Box(
        x=20,
        y=310,
        width=880,
        height=44,
        fill=CONTRACT,
        title="dovetail.h:  one exported symbol, one table of plain data and functions",
    ),
    Box(
        x=20,
        y=400,
        width=280,
        height=84,
        fill=DEVICE,
        title="cpu",
        lines=["core/csrc/cpu", "one library per instruction set"],
    ),
    Box(
        x=320,
        y=400,
        width=280,
        height=84,
        fill=DEVICE,
        title="hello",
        lines=["plugins/hello/csrc", "the smallest backend: one op"],
    ),
    Box(
        x=620,
        y=400,
        width=280,
        height=84,
        fill=DEVICE,
        title="yours",
        lines=["any language, any licence", "links nothing of ours"],
    ),
    Arrow(440, 58, 104, "a call"),
    Arrow(770, 58, 104, "dovetail_compiled.h"),
    Arrow(635, 254, 310, "run, execute, alloc, copy"),
    Arrow(175, 254, 310, "prepare, partition, compile", dashed=True),
    Arrow(160, 354, 400, "loaded when first asked for"),
    Arrow(460, 354, 400, ""),
    Arrow(760, 354, 400, ""),
]


def drawing() -> str:
    """Return the whole picture."""
    body = "\n".join(part.svg() for part in PARTS)
    between = (
        f'<path d="M370 178H334" stroke="{INK}" stroke-width="1.4" stroke-dasharray="5 4" '
        f'fill="none" marker-end="url(#head)"/>'
    )
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img"
     font-family="Helvetica, Arial, sans-serif">
<title>The layers of Dovetail</title>
<defs><marker id="head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8"
 orient="auto"><path d="M0 0L10 5L0 10z" fill="{INK}"/></marker></defs>
<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>
{body}
{between}
</svg>"""


if __name__ == "__main__":
    print(drawing())
