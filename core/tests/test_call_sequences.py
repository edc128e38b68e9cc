"""Random sequences of calls against a backend that keeps the contract and is wild otherwise.

backends/chaotic.c claims groups of any form, refuses, fails in the middle, runs out of memory, asks
for workspaces of any size, and complains when the host breaks a promise. Whatever it does, a result
equals the CPU's or the call is refused in a sentence that names the device; nothing leaks.

A *sequence* is what one seed makes: a program of 3 to 10 calls (eager ops, views, compiled
functions, gradients, batching, donation, transfers, deletion, errors of the user) on one device, or
the life of one graph on the C border (built, partitioned, compiled, planned, run, dropped). The
seed is in the test's message: ``run_program(device, seed)`` repeats it.
"""

import contextlib
import ctypes
import gc
import os
import random
import re
import warnings

import numpy as np
import pytest

import dovetail as dt
from dovetail import _fast, backends
from dovetail.devices import device, load
from dovetail.errors import DonatedError, DovetailError
from dovetail.graph import Graph, Value
from dovetail.op import REGISTRY, Spec
from dovetail.partition import flat_graph
from dovetail.plan import Planned, plan

SLOW = "libasan" in os.environ.get("LD_PRELOAD", "")  # a sanitized run takes a tenth
PROGRAMS = int(os.environ.get("DOVETAIL_TEST_PROGRAMS", "200" if SLOW else "1200"))
GRAPHS = int(os.environ.get("DOVETAIL_TEST_GRAPHS", "800" if SLOW else "8800"))
KEPT_NUMBERS = 64  # distinct scalars that these programs name, at most
KINDS = ("visible", "moved", "opaque", "pooled")
SHAPES = ((), (1,), (3,), (4, 3), (3, 3), (2, 4, 3), (0, 3))
TWO = ("add", "subtract", "multiply", "maximum")
ONE = ("negative", "tanh", "exp", "sum", "mean", "transpose", "flatten", "slice", "square")


class Chaos:
    """The backend as a test holds it: dice to set, complaints and live objects to read."""

    def __init__(self, path):
        self.library = ctypes.CDLL(str(path))
        self.library.chaos_grievance.restype = ctypes.c_char_p
        self.library.chaos_set.argtypes = (ctypes.c_uint64, ctypes.c_uint32)
        self.library.chaos_set.restype = None

    def set(self, seed: int, per_mille: int = 0) -> None:
        self.library.chaos_set(seed, per_mille)

    @property
    def grievance(self) -> str | None:
        said = self.library.chaos_grievance()
        return None if said is None else said.decode()

    def live(self) -> tuple[int, ...]:
        counts = (ctypes.c_int64 * 3)()
        self.library.chaos_live(counts)
        return tuple(counts)


@pytest.fixture(scope="module")
def chaos(build_once):
    path = build_once("chaotic", "chaos")
    load(path)
    yield Chaos(path)
    backends.refresh()


@pytest.fixture(scope="module")
def strict(build_once):
    """The same behind the layer of DOVETAIL_VALIDATE, which tells whose fault a breach is."""
    path = build_once("chaotic", "strict")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DOVETAIL_VALIDATE", "1")
        load(path)
    yield Chaos(path)
    backends.refresh()


# ---- random functions ---------------------------------------------------------------------------


def step(rng: random.Random, word: str, values: list) -> object:
    """One op on values that are there; the dice of ``rng`` choose which."""
    x = rng.choice(values)
    if word == "matmul":
        pairs = [
            (a, b)
            for a in values
            for b in values
            if a.ndim == b.ndim == 2 and a.shape[1] == b.shape[0]
        ]
        return dt.matmul(*rng.choice(pairs)) if pairs else -x
    if word in TWO:
        same = [y for y in values if y.shape == x.shape or y.ndim == 0]
        return getattr(dt, word)(x, rng.choice([*same, 0.5]))
    if word in ("sum", "mean"):
        axis = rng.choice([None, *range(x.ndim)])
        return getattr(dt, word)(x, axis=axis, keepdims=rng.random() < 0.3)
    if word == "transpose":
        return x.T if x.ndim == 2 else x * 1.0
    if word == "flatten":
        return dt.reshape(x, (-1,)) if x.size else x
    if word == "slice":
        return x[1:] if x.ndim and x.shape[0] > 1 else x + x
    if word == "square":
        return x * x
    if word == "exp":
        return dt.exp(dt.tanh(x))  # stays small
    return getattr(dt, word)(x)


def function(seed: int, length: int):
    """A function of any arrays; the same ops for the same seed and shapes, wherever they lie."""

    def f(*xs):
        rng = random.Random(seed)
        values = list(xs)
        for _ in range(length):
            values.append(step(rng, rng.choice((*ONE, *TWO, *TWO, "matmul")), values))
        return tuple(values[-1 - i] for i in range(rng.randint(1, 2)))

    f.__name__ = f"f{seed}"
    return f


def total(f):
    return lambda *xs: sum((dt.sum(y * y) for y in f(*xs)[1:]), dt.sum(dt.tanh(f(*xs)[0])))


# ---- one program --------------------------------------------------------------------------------


class Program:
    """Arrays on the device beside the same on the CPU, and the calls that make new ones."""

    def __init__(self, chosen, seed: int) -> None:
        self.device, self.seed = chosen, seed
        self.rng = random.Random(seed)
        self.pairs: list[tuple[dt.Array, dt.Array]] = []
        self.refused = 0
        self.make()

    def fresh(self, shape=None) -> np.ndarray:
        shape = self.rng.choice(SHAPES) if shape is None else shape
        return np.random.default_rng(self.rng.getrandbits(32)).uniform(-1, 1, shape).astype("f4")

    def make(self) -> None:
        for _ in range(2):
            h = self.fresh()
            self.keep((dt.asarray(h, device=self.device),), (dt.asarray(h),))

    def keep(self, found, wanted) -> None:
        """The oracle: equal to the CPU's."""
        for x, y in zip(found, wanted, strict=True):
            assert x.shape == y.shape and x.dtype == y.dtype
            h, k = np.asarray(x.to_device("cpu")), np.asarray(y)
            np.testing.assert_allclose(
                h, k, rtol=1e-4, atol=1e-4 * max(1, np.abs(k).max(initial=0))
            )
            if np.isfinite(k).all() and np.abs(k).max(initial=0) < 1e3:
                self.pairs.append((x, y))

    def some(self) -> list[tuple[dt.Array, dt.Array]]:
        return [self.rng.choice(self.pairs) for _ in range(self.rng.randint(1, 3))]

    def eager(self) -> None:
        f = function(self.rng.getrandbits(30), 1)
        self.compare(f, f, self.some())

    def compare(self, f, on_cpu, pairs) -> None:
        wanted = on_cpu(*(y for _, y in pairs))
        self.keep(f(*(x for x, _ in pairs)), wanted)

    def compiled(self) -> None:
        f = function(self.rng.getrandbits(30), self.rng.randint(1, 7))
        pairs = self.some()
        g = dt.jit(f)
        self.compare(g, f, pairs)
        self.compare(g, f, pairs)  # the same plan again
        if self.rng.random() < 0.3:
            assert str(g.explain(*(x for x, _ in pairs)))
            other = [self.fresh((2, *x.shape)) for x, _ in pairs]  # and another shape
            self.compare(g, f, [(dt.asarray(h, device=self.device), dt.asarray(h)) for h in other])

    def donated(self) -> None:
        f = function(self.rng.getrandbits(30), self.rng.randint(1, 5))
        hosts = [self.fresh() for _ in range(2)]
        xs = [dt.asarray(h, device=self.device) for h in hosts]
        wanted = f(*(dt.asarray(h) for h in hosts))
        self.keep(dt.jit(f, donate=(0,))(*xs), wanted)
        with contextlib.suppress(DonatedError):  # unless the function reads nothing of it
            self.keep((xs[0],), (dt.asarray(hosts[0]),))

    def gradient(self) -> None:
        f = total(function(self.rng.getrandbits(30), self.rng.randint(1, 4)))
        pairs = self.some()
        wanted = dt.grad(f)(*(y for _, y in pairs))
        g = dt.grad(f) if self.rng.random() < 0.5 else dt.jit(dt.grad(f))
        self.keep((g(*(x for x, _ in pairs)),), (wanted,))

    def batched(self) -> None:
        f = function(self.rng.getrandbits(30), self.rng.randint(1, 4))
        h = self.fresh((3, *self.rng.choice(SHAPES[:5])))
        wanted = dt.vmap(f)(dt.asarray(h))
        g = dt.vmap(f) if self.rng.random() < 0.5 else dt.jit(dt.vmap(f))
        self.keep(g(dt.asarray(h, device=self.device)), wanted)

    def moved(self) -> None:
        x, y = self.rng.choice(self.pairs)
        word = self.device.name.partition(":")[0]
        other = f"chaos:{self.rng.randrange(4)}" if word == "chaos" else self.device.name
        there = x.to_device("cpu").to_device(other)
        back = there.to_device(self.device)
        self.keep((back,), (y,))

    def wrong(self) -> None:
        """The user's own mistake, in the middle of a trace."""

        def f(x):
            return dt.matmul(x + 1.0, dt.ones((7, 7)))

        with pytest.raises(DovetailError):
            dt.jit(f)(dt.asarray(self.fresh((2, 3)), device=self.device))

    def dropped(self) -> None:
        self.rng.shuffle(self.pairs)
        del self.pairs[len(self.pairs) // 2 + 1 :]

    def run(self) -> None:
        calls = [self.eager] * 4 + [self.compiled] * 3 + [self.make, self.dropped, self.moved] * 2
        calls += [self.donated, self.gradient, self.batched, self.wrong]
        for _ in range(self.rng.randint(3, 8)):
            try:
                self.rng.choice(calls)()
            except DovetailError as error:
                self.refused += 1
                check_words(error)
            if not self.pairs:  # all were refused or grew too large
                return


def check_words(error: DovetailError) -> None:
    said = str(error)
    assert re.search(r"\b(chaos|bare|strict):\d", said), said
    assert "the dice say" in said, said


def run_program(chosen, seed: int) -> int:
    try:
        program = Program(chosen, seed)
    except DovetailError as error:  # no memory for the first array
        check_words(error)
        return 1
    program.run()
    return program.refused


# ---- one graph ----------------------------------------------------------------------------------


def random_graph(rng: random.Random, chosen) -> Graph:
    """A graph of float32 nodes of one shape and sums of them, with a constant at times."""
    spec = Spec(rng.choice(((5,), (2, 3), (1, 1, 4), (0, 2))), dt.float32)
    graph = Graph(inputs=[Value(spec) for _ in range(rng.randint(1, 3))])
    whole, sums = list(graph.inputs), []
    if rng.random() < 0.4:
        h = np.random.default_rng(rng.getrandbits(32)).uniform(-1, 1, spec.shape)
        whole.append(Value(spec, constant=dt.asarray(h.astype("f4"), device=chosen)))
    for _ in range(rng.randint(1, 9)):
        word = rng.choice(("add", "subtract", "multiply", "negative", "tanh", "sum"))
        if word == "sum":
            axis = tuple(d for d in range(len(spec.shape)) if rng.random() < 0.6)
            shape = tuple(n for d, n in enumerate(spec.shape) if d not in axis)
            attributes = {"axis": axis, "keepdims": False}
            x = rng.choice(whole)
            sums += graph.add(REGISTRY[word], [x], attributes, [Spec(shape, dt.float32)], "here:1")
            continue
        n = 1 if word in ("negative", "tanh") else 2
        operands = [rng.choice(whole) for _ in range(n)]
        whole += graph.add(REGISTRY[word], operands, {}, [spec], "here:2")
    graph.outputs = rng.sample([*whole, *sums], min(len(whole) + len(sums), rng.randint(1, 4)))
    return graph


def evaluated(graph: Graph, arrays) -> list[np.ndarray]:
    """The graph in numpy."""
    values = dict(zip(graph.inputs, arrays, strict=True))
    values.update((v, np.asarray(v.constant.to_device("cpu"))) for v in graph.constants())
    for node in graph.nodes:
        found = node.op.reference(*(values[v] for v in node.inputs), **node.attributes)
        values[node.outputs[0]] = np.asarray(found)
    return [values[v] for v in graph.outputs]


def run_graph(chosen, seed: int) -> int:
    """The life of one graph; how many of its calls were refused."""
    rng = random.Random(seed)
    refused = 0
    held: list = []
    try:
        graph = random_graph(rng, chosen)
    except DovetailError as error:
        check_words(error)
        return 1
    hosts = [
        np.random.default_rng(seed + k).uniform(-1, 1, v.shape).astype("f4")
        for k, v in enumerate(graph.inputs)
    ]
    calls = ["partition", "compile", "plan", "plan", "run", "run", "run", "drop"]
    for word in rng.choices(calls, k=rng.randint(3, 7)):
        try:
            if word in ("partition", "compile"):
                outputs = [v for n in graph.nodes for v in n.outputs]
                flat = flat_graph(chosen, graph.nodes, graph.inputs, outputs)
                claims = flat.partition(rng.getrandbits(2)) if word == "partition" else None
                assert claims is None or len(claims) == len(graph.nodes)
                held.append(flat.compile(0) if word == "compile" else flat)
            elif word == "plan":
                held.append(plan(graph, chosen))
            elif word == "drop":
                rng.shuffle(held)
                del held[: len(held) // 2 + 1]
            else:
                plans = [one for one in held if isinstance(one, Planned)]
                xs = [dt.asarray(h, device=chosen) for h in hosts]
                for one in plans[:1]:
                    for found, wanted in zip(one.plan(*xs), evaluated(graph, hosts), strict=True):
                        h = np.asarray(found.to_device("cpu"))
                        np.testing.assert_allclose(h, wanted, rtol=1e-4, atol=1e-4)
        except DovetailError as error:
            refused += 1
            check_words(error)
    return refused


# ---- the tests ----------------------------------------------------------------------------------


def settled(chosen) -> int:
    """Bytes in use once nothing of a program is left, but the kept numbers of operand.c."""
    _fast.clear_cache()
    gc.collect()
    return _fast.memory_stats(chosen)["live_bytes"]


@pytest.fixture
def quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # what is left to the CPU is told
        yield


def sequences(chaos: Chaos, chosen, run, seeds: range) -> int:
    """Run one sequence per seed, every second one with faults; how many calls were refused."""
    total = 0
    for seed in seeds:
        chaos.set(seed, 30 if seed % 2 else 0)
        try:
            refused = run(chosen, seed)
        except Exception as error:
            raise AssertionError(f"{run.__name__}({chosen.name!r}, {seed})") from error
        assert chaos.grievance is None, (chaos.grievance, seed)
        assert seed % 2 or not refused  # without faults nothing is refused
        total += refused
    return total


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("run", [run_program, run_graph])
def test_sequences(chaos: Chaos, quiet: None, kind: str, run) -> None:
    chosen = device(f"chaos:{KINDS.index(kind)}")
    count = (PROGRAMS if run is run_program else GRAPHS) // len(KINDS)
    assert sequences(chaos, chosen, run, range(count)) > 0
    before = settled(chosen)
    assert before <= 64 * KEPT_NUMBERS
    sequences(chaos, chosen, run, range(20))  # all they keep is there already,
    assert settled(chosen) <= before + 64 * 8  # but numbers of two devices may swap places
    assert chaos.live()[:2] == (0, 0)  # kernels, executables
    _fast.memory_trim(chosen)


def test_sequences_without_a_device_table(build, quiet: None) -> None:
    path = build("chaotic", "bare", 2)
    chosen, chaos = load(path), Chaos(path)
    seeds = range(max(40, PROGRAMS // 20))
    assert sequences(chaos, chosen, run_program, seeds) > 0
    assert sequences(chaos, chosen, run_graph, seeds) > 0
    settled(chosen)
    assert chaos.live() == (0, 0, 0)
    backends.refresh()


@pytest.mark.parametrize("kind", KINDS)
def test_the_host_keeps_the_contract_under_validation(
    strict: Chaos, quiet: None, kind: str
) -> None:
    chosen = device(f"strict:{KINDS.index(kind)}")
    assert sequences(strict, chosen, run_program, range(30)) > 0
    assert sequences(strict, chosen, run_graph, range(100)) > 0
