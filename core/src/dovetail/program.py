"""Programs: a traced function with its weights in one file, and what runs it again.

`save` traces a function and writes it; `load` maps the file and gives a `Program`, which needs
nothing of the Python code that made it. Loading executes no code: program_file.py and
graph_parse.py read data, look ops up in the registry and refuse everything else.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING, Any

import numpy as np

from dovetail import _fast, container, creation, dtypes
from dovetail.devices import device as find_device
from dovetail.errors import ProgramError
from dovetail.graph import Graph
from dovetail.op import Spec
from dovetail.program_file import ProgramFile, Signature, read_program, write_program

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
    path: str | os.PathLike[str], fn: Callable[..., Any], example_inputs: Sequence[Any]
) -> None:
    """Trace ``fn(*example_inputs)`` and write the graph and every array it uses to one file.

    The values of ``example_inputs`` do not matter, only their shapes, dtypes and containers: the
    program takes exactly those. Arrays that ``fn`` reaches in other ways become weights of the
    file. The file is written whole or not at all; an existing one is replaced.

    >>> import tempfile, pathlib, dovetail as dt
    >>> w = dt.asarray([[1.0], [2.0]])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "double.dt"
    ...     dt.save(path, lambda x: x @ w, (dt.asarray([[1.0, 1.0]]),))
    ...     program = dt.load(path)
    ...     program(dt.asarray([[3.0, 4.0]])).tolist()
    [[11.0]]
    """
    if isinstance(fn, Program):
        graph, signature = fn.graph, fn.signature
    else:
        graph, signature = _trace(fn, tuple(example_inputs))
    write_program(path, graph, signature, _version())


def _trace(fn: Callable[..., Any], examples: tuple[Any, ...]) -> tuple[Graph, Signature]:
    from dovetail import trace  # noqa: PLC0415  load needs none of this
    from dovetail.compact import compact  # noqa: PLC0415
    from dovetail.weight_names import name_weights  # noqa: PLC0415

    names = _argument_names(fn, len(examples))
    leaves, tree = _fast.tree_flatten(examples)
    leaves = [creation.asarray(x) if isinstance(x, np.ndarray | np.generic) else x for x in leaves]
    description = container.describe(tree)
    for path, leaf in zip(container.paths(description, names), leaves, strict=True):
        if trace.input_spec(leaf) is None:
            raise ProgramError(
                f"save: {path} is {leaf!r}, and a program takes only arrays and numbers; fix it "
                "before saving, with functools.partial or a lambda"
            )
    traced = trace.trace(fn, _fast.tree_unflatten(tree, leaves))
    name_weights(traced.graph, fn)
    graph = compact(traced.graph)
    return graph, Signature(
        inputs=description,
        outputs={"tuple": [container.describe(traced.out_tree)]},
        input_names=names,
        output_names=("result",),
    )


def _argument_names(fn: Callable[..., Any], count: int) -> tuple[str, ...]:
    names: list[str] = []
    try:
        parameters = inspect.signature(fn).parameters.values()
    except (TypeError, ValueError):  # a callable that does not say
        parameters = ()  # type: ignore[assignment]
    for parameter in parameters:
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            names.append(parameter.name)
    names += [f"argument{i}" for i in range(len(names), count)]
    return tuple(names[:count])


def _version() -> str:
    try:
        return metadata.version("dovetail")
    except metadata.PackageNotFoundError:  # run from a source tree
        return "unknown"


def load(path: str | os.PathLike[str], *, verify: bool = False) -> Program:
    """Map a program file and give a callable `Program`.

    The header, that is the graph and the place of every weight, is always checked against its
    SHA-256. Weights are read only when they are used; ``verify=True`` reads them all and checks
    each against its CRC-32. ProgramError says what is wrong with a file and what to do.
    """
    return Program(read_program(path), verify=verify)


class Program:
    """A loaded program. Calling it runs the compiled graph on the current device."""

    def __init__(
        self, file: ProgramFile, *, device: str | None = None, verify: bool = False
    ) -> None:
        self._file = file
        self._device = device
        self._plans: dict[str, Any] = {}
        self.graph: Graph = file.graph(self._constant, verify)
        """The graph; its constants are read-only views of the mapped file."""
        self.signature: Signature = file.signature(self.graph)

    @staticmethod
    def _constant(data: memoryview, spec: Spec) -> Any:
        cpu = find_device("cpu:0")
        return _fast.from_buffer(data, spec.dtype, spec.shape, None, 0, cpu, False)

    @property
    def path(self) -> str:
        """The file."""
        return self._file.path

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
        """The graph as it stands in the file."""
        return self._file.text

    def to_device(self, name: str) -> Program:
        """The same program, always run on the device of this name; the mapping is shared."""
        return Program(self._file, device=name)

    def __call__(self, *inputs: Any) -> Any:
        """Run the program. Arrays, numpy arrays and nested lists are accepted as leaves."""
        device = self._current()
        planned, kept, _ = self._plan(device)
        arrays = [self._input(leaf, want, device) for want, leaf in self._leaves(inputs)]
        return container.build(self.signature.outputs, planned.plan(*(arrays[i] for i in kept)))[0]

    def reference(self, *inputs: Any) -> Any:
        """Run the numpy meaning of every op instead of any device; gives numpy arrays."""
        from dovetail import reference  # noqa: PLC0415  devices need none of it

        arrays = []
        for want, leaf in self._leaves(inputs):
            typed = hasattr(leaf, "dtype")
            array = leaf if typed else creation.asarray(leaf, dtype=want.spec.dtype)
            self._check(array, want)
            arrays.append(np.asarray(array))
        return container.build(self.signature.outputs, reference.run(self.graph, *arrays))[0]

    def planned(self) -> Any:
        """The plan for the current device, built now if it is not there yet.

        Its ``steps`` tell what runs and why as it does.
        """
        return self._plan(self._current())[0]

    def _current(self) -> Any:
        return _fast.get_device() if self._device is None else find_device(self._device)

    def explain(self) -> Explanation:
        """What the file holds, its graph and the plan on the current device, for a person.

        Printed it is text; ``to_svg()`` draws the graph and ``memory_svg()`` the arena.
        """
        from dovetail.explain import Explanation, part_of  # noqa: PLC0415  for people

        weights = sum(t.end - t.start for t in self._file.tensors.values())
        about = self._file.metadata
        heading = (
            f"program {self.path}",
            f"  written by dovetail {about.get('dovetail_version')}, format "
            f"{about.get('format_version')}, op set {about.get('opset')}",
            f"  {len(self.graph.nodes)} nodes, {len(self._file.tensors)} tensors of "
            f"{weights:,} bytes",
            *(f"  takes {one}" for one in self.inputs),
            *(f"  gives {one}" for one in self.outputs),
        )
        planned, _, graph = self._plan(self._current())
        return Explanation(heading=heading, parts=(part_of("", graph, planned),))

    def __repr__(self) -> str:
        takes = ", ".join(map(str, self.inputs))
        gives = ", ".join(str(one.spec) for one in self.outputs)
        return f"<program {self.path}: ({takes}) -> {gives}>"

    def _plan(self, device: Any) -> Any:
        """(plan, which inputs it reads, its graph) for a device, built at its first use."""
        found = self._plans.get(device.name)
        if found is None:
            from dovetail.passes import optimise  # noqa: PLC0415  a look at the graph needs no plan
            from dovetail.plan import plan  # noqa: PLC0415

            graph = optimise(self.graph, device)
            used = graph.uses()
            kept = tuple(i for i, value in enumerate(graph.inputs) if value in used)
            graph.inputs = [graph.inputs[i] for i in kept]
            found = self._plans[device.name] = (plan(graph, device), kept, graph)
        return found

    def _leaves(self, inputs: tuple[Any, ...]) -> list[tuple[InputSpec, Any]]:
        """Each input with its spec, after containers, shapes and dtypes have been checked."""
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
        """The leaf as an Array on the device; its shape and dtype must be the wanted ones."""
        if isinstance(leaf, _fast.Array):
            self._check(leaf, want)
            return leaf if leaf.device is device else _fast.transfer(leaf, device)
        if not isinstance(leaf, np.ndarray | np.generic):  # a list or scalar has no dtype yet
            leaf = creation.asarray(leaf, dtype=want.spec.dtype)
        self._check(leaf, want)
        return creation.asarray(leaf, device=device.name)

    def _check(self, leaf: Any, want: InputSpec) -> None:
        found = Spec(tuple(leaf.shape), dtypes.dtype(leaf.dtype))
        if (found.shape, found.dtype) == (want.spec.shape, want.spec.dtype):
            return
        step = "convert it with astype"
        if found.shape != want.spec.shape:
            step = "a program keeps the shapes it was saved with; reshape the input or save again"
        raise ProgramError(f"{self.path}: {want.name} must be {want.spec}, not {found}; {step}")


def _specs(
    description: Any, names: tuple[str, ...], values: Sequence[Any]
) -> tuple[InputSpec, ...]:
    paths = container.paths(description, names)
    return tuple(
        InputSpec(name=path, spec=value.spec) for path, value in zip(paths, values, strict=True)
    )
