"""Draw spirals.svg, the picture of the tutorial. Usage: python spirals.py > spirals.svg

The numbers are those of spirals.json, since training rounds differently on different processors.
``python spirals.py --train`` makes them anew, with the code of the tutorial.
"""

import json
import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
CELLS, SIZE = 60, 8
MARGIN = 20


def train() -> None:
    """Run the tutorial and write what its network believes: a grid, and the points it saw."""
    import dovetail as dt  # noqa: PLC0415  drawing needs no Dovetail

    text = (HERE.parent / "tutorial.md").read_text(encoding="utf-8")
    names: dict = {}
    for block in re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        if "dt.save" in block:
            break
        exec(block, names)
    centres = [(i + 0.5) / CELLS * 2.4 - 1.2 for i in range(CELLS)]
    grid = dt.asarray([[x, y] for y in centres[::-1] for x in centres])
    belief = dt.nn.softmax(names["network"](names["params"], grid), axis=-1)[:, 1]
    results = {
        "belief": [round(100 * value) for value in belief.tolist()],
        "points": [[round(v, 3) for v in point] for point in names["points"].tolist()],
        "arm": names["arm"].tolist(),
        "accuracy": round(names["accuracy"], 4),
    }
    (HERE / "spirals.json").write_text(json.dumps(results) + "\n", encoding="utf-8")


def colour(percent: int) -> str:
    """Between the two arms' colours, pale where the network is unsure."""
    one, two, pale = (66, 120, 190), (222, 140, 60), (250, 248, 244)
    share = abs(percent - 50) / 50 * 0.75
    ends = two if percent > 50 else one
    mixed = (round(p + (e - p) * share) for p, e in zip(pale, ends, strict=True))
    return "#" + "".join(f"{v:02x}" for v in mixed)


def drawing(results: dict) -> str:
    """Return the whole picture."""
    side = CELLS * SIZE
    parts = []
    for row in range(CELLS):
        at = 0
        while at < CELLS:  # a run of one colour is one rectangle
            fill = colour(results["belief"][row * CELLS + at])
            end = at
            while end < CELLS and colour(results["belief"][row * CELLS + end]) == fill:
                end += 1
            parts.append(
                f'<rect x="{MARGIN + at * SIZE}" y="{MARGIN + row * SIZE}" '
                f'width="{(end - at) * SIZE}" height="{SIZE}" fill="{fill}"/>'
            )
            at = end
    for (x, y), arm in zip(results["points"], results["arm"], strict=True):
        left = MARGIN + (x + 1.2) / 2.4 * side
        top = MARGIN + (1.2 - y) / 2.4 * side
        fill = "#b45309" if arm else "#1d4ed8"
        parts.append(
            f'<circle cx="{left:.1f}" cy="{top:.1f}" r="3" fill="{fill}" stroke="#ffffff" '
            f'stroke-width="0.8"/>'
        )
    width, height = side + 2 * MARGIN, side + 2 * MARGIN + 24
    words = f"{100 * results['accuracy']:.1f} % of unseen points right"
    body = "\n".join(parts)
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}"
     height="{height}" role="img" font-family="Helvetica, Arial, sans-serif"
     shape-rendering="crispEdges">
<title>Two spirals, and where the trained network draws the line between them</title>
<rect width="{width}" height="{height}" fill="#ffffff"/>
{body}
<text x="{width // 2}" y="{height - 14}" font-size="13" fill="#5b6b7b" text-anchor="middle">\
{words}</text>
</svg>"""


if __name__ == "__main__":
    if "--train" in sys.argv[1:]:
        train()
    else:
        print(drawing(json.loads((HERE / "spirals.json").read_text(encoding="utf-8"))))
