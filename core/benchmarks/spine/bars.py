"""Every row of the table, and what dovetail's figure in it is held against."""

from __future__ import annotations

from dataclasses import dataclass

from spine.problems import TOLERANCE

PEER_ORDER = ("numpy", "torch", "torch.compile", "jax", "dovetail")


@dataclass(frozen=True, kw_only=True)
class Bar:
    """dovetail's median must not exceed ``factor`` times the peer's plus ``plus``.

    Without a peer ``plus`` alone is the bar, in the row's unit.
    """

    peer: str | None = None
    factor: float = 1.0
    plus: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Row:
    """``unit``: "s" (shown in ns, us or ms), "bytes", "per step", "bytes per step", "relative"."""

    name: str
    title: str
    unit: str = "s"
    bars: tuple[Bar, ...] = ()


ROWS = (
    Row(name="add", title="a + b, 16 float32, new result", bars=(Bar(peer="numpy"),)),
    Row(name="add_plugin", title="the same on a stranger's device, plugins/hello"),
    Row(
        name="add_plugin_beyond",
        title="... beyond the built-in CPU device",
        bars=(Bar(plus=10e-9),),
    ),
    Row(name="mul_sum", title="(a * b).sum()", bars=(Bar(peer="numpy"),)),
    Row(
        name="mul_sum_backward",
        title="(a * b).sum() and its gradients, eager",
        bars=(Bar(peer="torch", factor=0.2),),
    ),
    Row(
        name="compiled",
        title="calling the compiled (x * y + 1).sum()",
        bars=(Bar(peer="jax", factor=0.5),),
    ),
    Row(name="compiled_first", title="its first call, the first of the process"),
    Row(
        name="compiled_another",
        title="first call of further functions",
        bars=(Bar(plus=1e-3),),
    ),
    Row(name="entry_one", title="one float64 operation on 4 elements, called from C"),
    Row(name="entry_one_overhead", title="... beyond plain C", bars=(Bar(plus=0.3e-6),)),
    Row(name="entry_ten", title="ten float64 operations on 4 elements, called from C"),
    Row(name="entry_ten_overhead", title="... beyond plain C", bars=(Bar(plus=0.3e-6),)),
    Row(
        name="mlp_first",
        title="first training step (MLP 784-512-512-10, batch 128, Adam, float32)",
        bars=(Bar(plus=0.1),),
    ),
    Row(
        name="mlp_losses",
        title="deviation of its first 20 losses from double precision",
        unit="relative",
        bars=(Bar(plus=TOLERANCE),),
    ),
    Row(name="mlp_step", title="training step", bars=(Bar(peer="jax"), Bar(peer="torch"))),
    Row(name="mlp_faults", title="minor page faults", unit="per step", bars=(Bar(),)),
    Row(name="mlp_allocations", title="blocks asked of the system", unit="per step", bars=(Bar(),)),
    Row(name="mlp_growth", title="growth of live memory", unit="bytes per step", bars=(Bar(),)),
    Row(
        name="import_process",
        title="a process that imports it",
        bars=(Bar(peer="numpy", plus=0.05),),
    ),
    Row(
        name="import_cpu",
        title="the CPU time of that process",
        bars=(Bar(peer="numpy", plus=0.05),),
    ),
    Row(name="import_alone", title="the import alone"),
    Row(
        name="import_resident",
        title="resident memory after it",
        unit="bytes",
        bars=(Bar(plus=40e6),),
    ),
    Row(name="installed", title="installed, without what it requires", unit="bytes"),
    Row(name="installed_all", title="installed, with what it requires", unit="bytes"),
    Row(name="wheel", title="wheel", unit="bytes"),
)


def shown(value: float, unit: str) -> str:
    """A figure for people: three digits and a unit."""
    if unit == "s":
        for factor, word in ((1e9, "ns"), (1e6, "us"), (1e3, "ms")):
            if abs(value) * factor < 999.5:
                return f"{value * factor:.3g} {word}"
        return f"{value:.3g} s"
    if unit == "bytes":
        return f"{value / 1e6:.3g} MB"
    if unit == "relative":
        return f"{value:.1e}"
    return f"{value:.3g}"


def describe(bar: Bar, unit: str) -> str:
    """The bar in words."""
    if bar.peer is None:
        return f"at most {shown(bar.plus, unit)}"
    text = bar.peer if bar.factor == 1 else f"{bar.factor:g} x {bar.peer}"
    return f"at most {text}" + (f" + {shown(bar.plus, unit)}" if bar.plus else "")
