"""Programs: traced functions with their weights in one file, and what runs them again.

`save` traces functions and writes them; `load` maps the file and gives a `Program`, which needs
nothing of the Python code that made it. Loading executes no code: program_file.py and
graph_parse.py read data, look ops up in the registry and refuse everything else.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING, Any

import numpy as np

from dovetail import _fast, container, creation, dtypes
from dovetail.devices import device as find_device
from dovetail.entry_list import check_name
from dovetail.errors import ProgramError
from dovetail.graph import Graph
from dovetail.op import Spec
from dovetail.program_file import (
    ProgramFile,
    Signature,
    copy_program,
    read_program,
    write_program,
)
from dovetail.program_instance import Instance, Instances
from dovetail.symbols import Dim, evaluated

if TYPE_CHECKING:
    from dovetail.explain import Explanation

__all__ = ["InputSpec", "Program", "load", "save"]


@dataclass(frozen=True, kw_only=True, slots=True)
class InputSpec:
    """Name, shape and dtype of one array that a program takes or gives."""

    name: str
    spec: Spec

    def __str__(self) -> str:
        return f"{self.name}: {self.spec}"


def save(
    path: str | os.PathLike[str],
    fn: Callable[..., Any] | Mapping[str, tuple[Callable[..., Any], Sequence[Any]]],
    example_inputs: Sequence[Any] | None = None,
) -> None:
    """Trace ``fn(*example_inputs)`` and write the graph and every array it uses to one file.

    The values of ``example_inputs`` do not matter, only their shapes, dtypes and containers: the
    program takes exactly those. `dovetail.spec` stands for an array that need not exist, and may
    name extents: ``dt.spec(("n", 784))`` is a program for any number of rows. Arrays that ``fn``
    reaches in other ways become weights of the file.

    Several functions go into one file as ``{"train": (f, examples), "predict": (g, examples)}``;
    what they share is stored once. The file is written whole or not at all; an existing one is
    replaced.

    >>> import tempfile, pathlib, dovetail as dt
    >>> w = dt.asarray([[1.0], [2.0]])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "double.dt"
    ...     dt.save(path, lambda x: x @ w, (dt.spec(("n", 2)),))
    ...     program = dt.load(path)
    ...     program(dt.asarray([[3.0, 4.0]])).tolist()
    [[11.0]]
    """
    if isinstance(fn, Program) and example_inputs in (None, (), []):
        fn._save(path)
        return
    from dovetail.program_trace import traced_entries  # noqa: PLC0415  load needs none of this

    if isinstance(fn, Mapping):
        if example_inputs is not None:
            raise ProgramError("save: with several functions each brings its own example inputs")
        functions = {check_name(name): pair for name, pair in fn.items()}
        if not functions:
            raise ProgramError("save: there is no function to save")
    else:
        functions = {"main": (fn, () if example_inputs is None else example_inputs)}
    for name, pair in functions.items():
        if not (isinstance(pair, tuple) and len(pair) == 2 and callable(pair[0])):
            raise ProgramError(f"save: {name} must be a pair of a function and its example inputs")
    entries, symbols = traced_entries(functions)
    write_program(path, entries, _version(), symbols)


def _version() -> str:
    try:
        return metadata.version("dovetail")
    except metadata.PackageNotFoundError:  # run from a source tree
        return "unknown"


def load(path: str | os.PathLike[str], *, verify: bool = False) -> Program:
    """Map a program file and give a callable `Program`.

    The header, that is the graphs and the place of every weight, is always checked against its
    SHA-256. Weights are read only when they are used; ``verify=True`` reads them all and checks
    each against its CRC-32. ProgramError says what is wrong with a file and what to do.
    """
    return Program(Instances(read_program(path), verify=verify))


class Program:
    """A loaded program. Calling it runs a compiled graph on the current device.

    A program with several entry points is called by their names, ``program["predict"](x)``.
    """

    def __init__(
        self, instances: Instances, *, entry: str | None = None, device: str | None = None
    ) -> None:
        self._instances = instances
        self._device = device
        if entry is None and len(instances.entries) == 1:
            entry = next(iter(instances.entries))
        self._entry = entry

    # ---- what it is ------------------------------------------------------------------------------

    @property
    def path(self) -> str:
        """The file."""
        return self._file.path

    @property
    def _file(self) -> ProgramFile:
        return self._instances.file

    @property
    def entries(self) -> tuple[str, ...]:
        """The names of its entry points; a program of one function has ``main``."""
        return tuple(self._instances.entries)

    def __getitem__(self, name: str) -> Program:
        if name not in self._instances.entries:
            raise ProgramError(
                f"{self.path} has no entry point {name!r}; it has {', '.join(self.entries)}"
            )
        return Program(self._instances, entry=name, device=self._device)

    @property
    def _name(self) -> str:
        if self._entry is None:
            raise ProgramError(
                f"{self.path} has the entry points {', '.join(self.entries)}; choose one, as in "
                f"program[{self.entries[0]!r}]"
            )
        return self._entry

    @property
    def symbols(self) -> tuple[str, ...]:
        """The names of the sizes that a call chooses."""
        return tuple(self._instances.symbols)

    @property
    def graph(self) -> Graph:
        """The graph; its constants are read-only views of the mapped file.

        Numbers that depend on named sizes have their values for one choice of them.
        """
        return self._instances.entries[self._name].graph

    @property
    def signature(self) -> Signature:
        """Containers and names of what it takes and gives."""
        return self._instances.entries[self._name].signature

    @property
    def metadata(self) -> dict[str, str]:
        """What the header says besides the graph: versions, containers, ops."""
        return {k: v for k, v in self._file.metadata.items() if not k.startswith("graph.")}

    @property
    def inputs(self) -> tuple[InputSpec, ...]:
        """Name, shape and dtype of every array the program takes."""
        return _specs(self.signature.inputs, self.signature.input_names, self.graph.inputs)

    @property
    def outputs(self) -> tuple[InputSpec, ...]:
        """Name, shape and dtype of every array the program gives."""
        return _specs(self.signature.outputs, self.signature.output_names, self.graph.outputs)

    @property
    def text(self) -> str:
        """The graphs as they stand in the file."""
        return self._file.text

    def to_device(self, name: str) -> Program:
        """The same program, always run on the device of this name; the mapping is shared."""
        return Program(self._instances, entry=self._entry, device=name)

    def __repr__(self) -> str:
        if self._entry is None:
            return f"<program {self.path}: {', '.join(self.entries)}>"
        takes = ", ".join(map(str, self.inputs))
        gives = ", ".join(str(one.spec) for one in self.outputs)
        return f"<program {self.path}: ({takes}) -> {gives}>"

    def _save(self, path: str | os.PathLike[str]) -> None:
        """The file again, or one entry point alone."""
        if self._entry is None or len(self.entries) == 1:
            copy_program(self._file, path)
            return
        if self.symbols:
            raise ProgramError(
                f"{self.path} has named sizes, so its entry points are saved together or not at "
                "all; save the whole program"
            )
        entry = self._instances.entries[self._name]
        write_program(path, [entry], self.metadata.get("dovetail_version", _version()))

    # ---- what it does ----------------------------------------------------------------------------

    def __call__(self, *inputs: Any) -> Any:
        """Run the program. Arrays, numpy arrays and nested lists are accepted as leaves."""
        device = self._current()
        leaves = self._leaves(inputs)
        arrays = [self._input(leaf, want, device) for want, leaf in leaves]
        instance = self._instance(self._sizes(leaves, arrays), arrays, leaves)
        planned = instance.planned(device)
        found = planned.plan(*(arrays[i] for i in planned.kept))
        return container.build(self.signature.outputs, found)[0]

    def reference(self, *inputs: Any) -> Any:
        """Run the numpy meaning of every op instead of any device; gives numpy arrays."""
        from dovetail import reference  # noqa: PLC0415  devices need none of it

        arrays = []
        leaves = self._leaves(inputs)
        for want, leaf in leaves:
            typed = hasattr(leaf, "dtype")
            arrays.append(leaf if typed else creation.asarray(leaf, dtype=want.spec.dtype))
        instance = self._instance(self._sizes(leaves, arrays), arrays, leaves)
        found = reference.run(instance.graph, *(np.asarray(x) for x in arrays))
        return container.build(self.signature.outputs, found)[0]

    def planned(self, **sizes: int) -> Any:
        """The plan for the current device, built now if it is not there yet.

        Its ``steps`` tell what runs and why as it does. Named sizes may be given.
        """
        return self._at(sizes).planned(self._current()).planned

    def explain(self, **sizes: int) -> Explanation:
        """What the file holds, its graphs and their plans on the current device, for a person.

        Printed it is text; ``to_svg()`` draws the graphs and ``memory_svg()`` the arenas. Named
        sizes may be given: ``program.explain(n=64)``.
        """
        from dovetail.explain import Explanation, part_of  # noqa: PLC0415  for people

        chosen = self.entries if self._entry is None else (self._entry,)
        parts, heading = [], self._heading()
        for name in chosen:
            one = self[name]
            made = one._at(sizes).planned(self._current())
            heading += [f"  {name}:"] if len(chosen) > 1 else []
            heading += [f"  takes {spec}" for spec in one.inputs]
            heading += [f"  gives {spec}" for spec in one.outputs]
            at = ", ".join(f"{k} = {v}" for k, v in self._instances.complete(sizes).items())
            title = " ".join(x for x in (name if len(chosen) > 1 else "", at and f"for {at}") if x)
            parts.append(part_of(title, made.graph, made.planned))
        return Explanation(heading=tuple(heading), parts=tuple(parts))

    def _heading(self) -> list[str]:
        tensors = self._file.tensors
        weights = sum(t.end - t.start for t in tensors.values())
        nodes = sum(len(one.graph.nodes) for one in self._instances.entries.values())
        about = self._file.metadata
        return [
            f"program {self.path}",
            f"  written by dovetail {about.get('dovetail_version')}, format "
            f"{about.get('format_version')}, op set {about.get('opset')}",
            f"  {nodes} nodes, {len(tensors)} tensors of {weights:,} bytes",
        ]

    # ---- a call ----------------------------------------------------------------------------------

    def _current(self) -> Any:
        return _fast.get_device() if self._device is None else find_device(self._device)

    def _at(self, sizes: Mapping[str, int]) -> Instance:
        return self._instances.at(self._name, self._instances.complete(sizes))

    def _sizes(
        self, leaves: Sequence[tuple[InputSpec, Any]], arrays: Sequence[Any]
    ) -> dict[str, int]:
        """The sizes of the symbols that the shapes of a call choose."""
        if not self._instances.symbols:
            return {}
        found: dict[str, tuple[int, str]] = {}
        for (want, _), array in zip(leaves, arrays, strict=True):
            if len(array.shape) != want.spec.ndim:
                raise self._refusal(want, array)
            for extent, size in zip(want.spec.shape, array.shape, strict=True):
                if isinstance(extent, Dim) and extent.symbol:
                    other, name = found.setdefault(extent.symbol, (size, want.name))
                    if other != size:
                        raise ProgramError(
                            f"{self.path}: {extent.symbol} is {other} in {name} and {size} in "
                            f"{want.name}; it must be one size"
                        )
        return {name: size for name, (size, _) in found.items()}

    def _instance(
        self,
        sizes: dict[str, int],
        arrays: Sequence[Any],
        leaves: Sequence[tuple[InputSpec, Any]],
    ) -> Instance:
        """The graph for these sizes, after the shapes and dtypes have been checked."""
        for (want, _), array in zip(leaves, arrays, strict=True):
            shape = tuple(evaluated(n, sizes) for n in want.spec.shape)
            if tuple(array.shape) != shape or dtypes.dtype(array.dtype) is not want.spec.dtype:
                raise self._refusal(want, array)
        return self._instances.at(self._name, self._instances.complete(sizes))

    def _leaves(self, inputs: tuple[Any, ...]) -> list[tuple[InputSpec, Any]]:
        """Each input with its spec, after the containers have been checked."""
        names = self.signature.input_names
        if len(inputs) != len(names):
            raise ProgramError(
                f"{self.path} takes {len(names)} arguments ({', '.join(names)}), not {len(inputs)}"
            )
        leaves = []
        items = self.signature.inputs["tuple"]
        for name, item, value in zip(names, items, inputs, strict=True):
            leaves += [leaf for _, leaf in container.flatten(item, value, name)]
        return list(zip(self.inputs, leaves, strict=True))

    def _input(self, leaf: Any, want: InputSpec, device: Any) -> Any:
        """The leaf as an Array on the device."""
        if isinstance(leaf, _fast.Array):
            return leaf if leaf.device is device else _fast.transfer(leaf, device)
        if isinstance(leaf, np.ndarray | np.generic):
            if dtypes.dtype(leaf.dtype) is not want.spec.dtype:
                raise self._refusal(want, leaf)
            return creation.asarray(leaf, device=device.name)
        # A list or scalar has no dtype yet.
        return creation.asarray(leaf, dtype=want.spec.dtype, device=device.name)

    def _refusal(self, want: InputSpec, leaf: Any) -> ProgramError:
        found = Spec(tuple(leaf.shape), dtypes.dtype(leaf.dtype))
        step = "convert it with astype"
        sizes = zip(found.shape, want.spec.shape, strict=False)
        if found.ndim != want.spec.ndim or any(a != b and not isinstance(b, Dim) for a, b in sizes):
            step = "a program keeps the shapes it was saved with; reshape the input or save again"
            if self.symbols:
                step = f"only {' and '.join(self.symbols)} may change; reshape the input"
        return ProgramError(f"{self.path}: {want.name} must be {want.spec}, not {found}; {step}")


def _specs(
    description: Any, names: tuple[str, ...], values: Sequence[Any]
) -> tuple[InputSpec, ...]:
    paths = container.paths(description, names)
    return tuple(
        InputSpec(name=path, spec=value.spec) for path, value in zip(paths, values, strict=True)
    )
