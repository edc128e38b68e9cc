"""A loaded file: its entry points, and for named sizes the graphs and plans of the last few."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dovetail import _fast
from dovetail.devices import device as find_device
from dovetail.errors import ProgramError
from dovetail.graph import Graph
from dovetail.op import Spec
from dovetail.program_file import Constants, Entry, ProgramFile
from dovetail.symbols import Dim

__all__ = ["Instance", "Instances", "Made"]

KEPT = 16
"""How many choices of the sizes are kept with their plans; the one used longest ago goes first."""

Sizes = tuple[int, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Made:
    """A plan with the optimised graph it was made of, and which inputs it reads."""

    planned: Any
    graph: Graph
    kept: tuple[int, ...]

    @property
    def plan(self) -> Any:
        """What runs."""
        return self.planned.plan


class Instance:
    """One function for one choice of the sizes."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._plans: dict[tuple[str, int], Made] = {}

    def planned(self, device: Any) -> Made:
        """The plan for a device and a choice of fallback, built at its first use."""
        key = (device.name, _fast.get_fallback())
        found = self._plans.get(key)
        if found is None:
            from dovetail.passes import optimise  # noqa: PLC0415  a look at the graph needs no plan
            from dovetail.plan import plan  # noqa: PLC0415

            graph = optimise(self.graph, device)
            used = graph.uses()
            kept = tuple(i for i, value in enumerate(graph.inputs) if value in used)
            graph.inputs = [graph.inputs[i] for i in kept]
            found = Made(planned=plan(graph, device), graph=graph, kept=kept)
            self._plans[key] = found
        return found


class Instances:
    """The functions of a file for all sizes that were asked for."""

    def __init__(self, file: ProgramFile, *, verify: bool = False) -> None:
        self.file = file
        self._constants = Constants(file, _constant, verify)
        self.symbols: dict[str, int] = file.symbols
        """Each symbol with a size for which the program was checked at load."""
        self.entries: dict[str, Entry] = file.entries(self._constants)
        for entry in self.entries.values():
            self._check(entry)
        self._made: OrderedDict[Sizes, dict[str, Instance]] = OrderedDict()
        first = {name: Instance(entry.graph) for name, entry in self.entries.items()}
        self._made[tuple(self.symbols.values())] = first

    def _check(self, entry: Entry) -> None:
        """That a call can tell every size: each is an extent of some input of its own."""
        numbers = [n for v in entry.graph.inputs for n in v.spec.shape if isinstance(n, Dim)]
        told = {n.symbol for n in numbers}
        used = {name for n in numbers for name, _ in n.terms}
        if len(self.entries) == 1:
            used |= set(self.symbols)
        if not used <= told:
            raise ProgramError(
                f"{self.file.path}: no input of {entry.name} has {min(used - told)} as its size; "
                "the file is damaged"
            )

    def complete(self, sizes: Mapping[str, int]) -> dict[str, int]:
        """A size for every symbol: those given, and else the ones the program was saved at."""
        unknown = [name for name in sizes if name not in self.symbols]
        if unknown:
            names = ", ".join(self.symbols) or "none"
            raise ProgramError(
                f"{self.file.path} has no size named {unknown[0]!r}; its named sizes: {names}"
            )
        return {**self.symbols, **sizes}

    def at(self, name: str, sizes: Mapping[str, int]) -> Instance:
        """The function for these sizes, built and checked at the first use of them."""
        key = tuple(sizes.values())
        found = self._made.get(key)
        if found is None:
            try:
                entries = self.file.entries(self._constants, sizes)
            except ProgramError as error:
                chosen = ", ".join(f"{k} = {v}" for k, v in sizes.items())
                raise ProgramError(f"the program does not work for {chosen}: {error}") from error
            found = {key_: Instance(entry.graph) for key_, entry in entries.items()}
            self._made[key] = found
            while len(self._made) > KEPT:
                self._made.popitem(last=False)
        else:
            self._made.move_to_end(key)
        return found[name]


def _constant(data: memoryview, spec: Spec) -> Any:
    cpu = find_device("cpu:0")
    return _fast.from_buffer(data, spec.dtype, spec.shape, None, 0, cpu, False)
