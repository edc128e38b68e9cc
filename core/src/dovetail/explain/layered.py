"""Where the boxes of a drawing stand: layers from top to bottom, few crossings, straight edges.

The method of Sugiyama, Tagawa and Toda (1981): every box in the layer after those it follows,
boxes of a layer sorted by the places of their neighbours, and places by least squares.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

__all__ = ["Layout", "arrange"]

Point = tuple[float, float]

GAP_X, GAP_Y = 18.0, 30.0
FAR = 10
"""An edge over more layers is not drawn: the texts name what it carries."""

_SWEEPS = 8


@dataclass(eq=False, slots=True)
class _Place:
    """A box, or the point where an edge passes a layer that it does not end in."""

    width: float
    above: list[_Place] = field(default_factory=list)
    below: list[_Place] = field(default_factory=list)
    centre: float = 0.0
    rank: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """Upper left corners of the boxes, the way of each edge from one to the next (empty for one
    that is left out), and the size of it all."""

    corners: tuple[Point, ...]
    routes: tuple[tuple[Point, ...], ...]
    width: float
    height: float


def arrange(sizes: Sequence[tuple[float, float]], edges: Sequence[tuple[int, int]]) -> Layout:
    """A layout of boxes with these widths and heights; each edge leads from a box to a later one.

    >>> found = arrange([(40, 20), (40, 20)], [(0, 1)])
    >>> found.corners
    ((0.0, 0.0), (0.0, 50.0))
    """
    if not sizes:
        return Layout(corners=(), routes=((),) * len(edges), width=0, height=0)
    depth = _layers(len(sizes), edges)
    places = [_Place(width) for width, _ in sizes]
    rows: list[list[_Place]] = [[] for _ in range(max(depth) + 1)]
    for place, layer in zip(places, depth, strict=True):
        rows[layer].append(place)
    chains = [_chain(places, rows, depth, a, b) for a, b in edges]
    _sort(rows)
    _settle(rows)
    heights = [0.0] * len(rows)
    for (_, height), layer in zip(sizes, depth, strict=True):
        heights[layer] = max(heights[layer], height)
    tops = [sum(heights[:i]) + GAP_Y * i for i in range(len(rows))]
    left = min(p.centre - p.width / 2 for row in rows for p in row)
    right = max(p.centre + p.width / 2 for row in rows for p in row)
    corners = [
        (p.centre - p.width / 2 - left, tops[layer]) for p, layer in zip(places, depth, strict=True)
    ]
    ports = _ports(places, edges)
    routes: list[tuple[Point, ...]] = []
    for (a, b), chain, port in zip(edges, chains, ports, strict=True):
        if chain is None:
            routes.append(())
            continue
        points = [(places[a].centre - left, tops[depth[a]] + sizes[a][1])]
        for step, place in enumerate(chain, depth[a] + 1):
            x = place.centre - left
            points += [(x, tops[step]), (x, tops[step] + heights[step])]
        points.append((port - left, tops[depth[b]]))
        routes.append(tuple(points))
    return Layout(
        corners=tuple(corners),
        routes=tuple(routes),
        width=right - left,
        height=tops[-1] + heights[-1],
    )


def _layers(count: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    """The layer of each box: after everything it follows; first ones right above what they feed."""
    depth = [0] * count
    before: list[list[int]] = [[] for _ in range(count)]
    after: list[list[int]] = [[] for _ in range(count)]
    for a, b in edges:
        before[b].append(a)
        after[a].append(b)
    for i in range(count):
        depth[i] = max((depth[k] + 1 for k in before[i]), default=0)
    for i in range(count):
        if not before[i] and after[i]:
            depth[i] = max(0, min(depth[k] for k in after[i]) - 1)
    return depth


def _chain(
    places: Sequence[_Place],
    rows: Sequence[list[_Place]],
    depth: Sequence[int],
    a: int,
    b: int,
) -> list[_Place] | None:
    """The points where an edge passes layers, linked to its ends; None when it is too long."""
    if depth[b] - depth[a] > FAR:
        return None
    chain = [_Place(4.0) for _ in range(depth[a] + 1, depth[b])]
    for layer, place in enumerate(chain, depth[a] + 1):
        rows[layer].append(place)
    way = [places[a], *chain, places[b]]
    for upper, lower in pairwise(way):
        upper.below.append(lower)
        lower.above.append(upper)
    return chain


def _sort(rows: Sequence[list[_Place]]) -> None:
    """Few crossings: each layer in the order of the mean rank of its neighbours, down and up."""
    for row in rows:
        for i, place in enumerate(row):
            place.rank = i
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        for row in rows if down else reversed(rows):
            keys = {}
            for place in row:
                near = place.above if down else place.below
                keys[place] = (
                    sum(p.rank for p in near) / len(near) if near else float(place.rank),
                    place.rank,
                )
            row.sort(key=keys.__getitem__)
            for i, place in enumerate(row):
                place.rank = i


def _settle(rows: Sequence[list[_Place]]) -> None:
    """Straight edges: each box as near to the mean of its neighbours as its layer allows."""
    for row in rows:
        _push_apart(row, [0.0] * len(row))
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        for row in rows if down else reversed(rows):
            wanted = []
            for place in row:
                near = place.above if down else place.below
                if sweep == _SWEEPS - 1:
                    near = [*place.above, *place.below]
                wanted.append(sum(p.centre for p in near) / len(near) if near else place.centre)
            _push_apart(row, wanted)


def _push_apart(row: Sequence[_Place], wanted: Sequence[float]) -> None:
    """Least squares under the order of the row and a gap between neighbours: the pool of adjacent
    violators."""
    offsets, at = [], 0.0
    for i, place in enumerate(row):
        if i:
            at += (row[i - 1].width + place.width) / 2 + GAP_X
        offsets.append(at)
    pools: list[tuple[float, int]] = []  # (mean of wanted - offset, how many)
    for want, offset in zip(wanted, offsets, strict=True):
        mean, count = want - offset, 1
        while pools and pools[-1][0] > mean:
            other, n = pools.pop()
            mean, count = (mean * count + other * n) / (count + n), count + n
        pools.append((mean, count))
    i = 0
    for mean, count in pools:
        for _ in range(count):
            row[i].centre = mean + offsets[i]
            i += 1


def _ports(places: Sequence[_Place], edges: Sequence[tuple[int, int]]) -> list[float]:
    """Where each edge meets the top of its box: side by side, in the order of where they come
    from."""
    arriving: dict[int, list[int]] = {}
    for k, (_, b) in enumerate(edges):
        arriving.setdefault(b, []).append(k)
    ports = [0.0] * len(edges)
    for b, keys in arriving.items():
        keys.sort(key=lambda k: places[edges[k][0]].centre)
        for j, k in enumerate(keys, 1):
            box = places[b]
            ports[k] = box.centre - box.width / 2 + box.width * j / (len(keys) + 1)
    return ports
