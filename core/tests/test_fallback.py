"""What a device lacks: left to the CPU or refused, as jit, use_device and the environment say.

Never silent: explain() lists the device of each node and, where that is not the one asked for, the
reasons it gave.
"""

import re
import threading

import numpy as np
import pytest

import dovetail as dt
from dovetail import backends
from dovetail.devices import load, use_device
from dovetail.errors import DeviceError, DovetailError

LACKS = "has no kernel for"
H = np.arange(6, dtype=np.float32).reshape(2, 3)


@pytest.fixture(scope="module")
def shared(build_once):
    """Adds float32 arrays in the host's memory."""
    yield load(build_once("good", "shared"))
    backends.refresh()


@pytest.fixture(scope="module")
def island(build_once):
    """Adds float32 arrays in memory of its own."""
    yield load(build_once("separate", "atoll"))
    backends.refresh()


@pytest.fixture(params=["shared", "island"])
def partial(request: pytest.FixtureRequest):
    return request.getfixturevalue(request.param)


def put(device, h=H):
    return dt.asarray(h, device=device)


def f(x):
    return dt.exp(x + x)


# ---- jit ----------------------------------------------------------------------------------------


def test_jit_refuses_what_the_device_lacks(partial) -> None:
    with pytest.raises(DeviceError, match=r'no kernel for exp.*fallback="cpu"') as caught:
        dt.jit(f, fallback="error")(put(partial))
    assert f"{partial.name}: it has no kernel of that name" in str(caught.value)
    assert dt.jit(lambda x: x + x, fallback="error")(put(partial)).tolist() == (2 * H).tolist()


def test_jit_leaves_it_to_the_cpu(partial, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOVETAIL_FALLBACK", "error")
    with pytest.raises(DeviceError):
        dt.jit(f)(put(partial))
    g = dt.jit(f, fallback="cpu")
    with pytest.warns(RuntimeWarning, match=f"{partial.name} {LACKS} exp: they run on cpu:0"):
        found = g(put(partial))
    np.testing.assert_allclose(np.asarray(found), np.exp(2 * H), rtol=1e-6)


def test_a_decorator_takes_it_too(partial) -> None:
    @dt.jit(fallback="error")
    def g(x):
        return dt.exp(x)

    with pytest.raises(DeviceError, match="no kernel for exp"):
        g(put(partial))
    with pytest.raises(DeviceError, match="no kernel for"):  # forward and backward plans
        dt.grad(lambda x: g(x).sum())(put(partial))


@pytest.mark.parametrize("choice", ["gpu", "", True])
def test_other_words_are_no_choice(choice, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DovetailError, match=r'it must be "cpu" .* or "error"'):
        dt.jit(f, fallback=choice)
    with pytest.raises(DovetailError, match='it must be "cpu"'), use_device("cpu", fallback=choice):
        pass
    monkeypatch.setenv("DOVETAIL_FALLBACK", "gpu")
    with pytest.raises(DovetailError, match="DOVETAIL_FALLBACK is 'gpu'; it must be"):
        dt.settings.fallback()


# ---- use_device ---------------------------------------------------------------------------------


def test_a_block_refuses_and_the_next_does_not(partial) -> None:
    x = put(partial)
    with use_device(partial.name, fallback="error"):
        for _ in range(2):
            with pytest.raises(DeviceError, match=f"{partial.name} {LACKS} cos"):
                dt.cos(x)
    with pytest.warns(RuntimeWarning, match=f"{LACKS} cos"):
        dt.cos(x)
    with use_device(partial.name, fallback="error"):  # though a way is known by now
        with pytest.raises(DeviceError, match=f"{partial.name} {LACKS} cos"):
            dt.cos(x)
        with use_device(partial.name, fallback="cpu"):
            dt.cos(x)
        with pytest.raises(DeviceError):
            dt.cos(x)
    dt.cos(x)


def test_a_compiled_function_is_kept_for_each_choice(partial) -> None:
    g = dt.jit(f)
    x = put(partial)
    with pytest.warns(RuntimeWarning, match=f"{LACKS} exp"):
        g(x)
    with use_device(partial.name, fallback="error"), pytest.raises(DeviceError):
        g(x)
    g(x)
    assert g.compiled == 1
    h = dt.jit(f, fallback="cpu")  # what it was told goes before the block's
    with use_device(partial.name, fallback="error"), pytest.warns(RuntimeWarning):
        h(x)


def test_gradients_and_loops_are_kept_for_each_choice(partial) -> None:
    x = put(partial)
    loss = dt.jit(lambda x: dt.exp(x).sum())

    def looped(x):
        return dt.fori_loop(0, 2, lambda _, y: dt.tanh(y), x)

    for call in (dt.grad(loss), looped):
        with pytest.warns(RuntimeWarning):
            call(x)
        with use_device(partial.name, fallback="error"), pytest.raises(DeviceError):
            call(x)


def test_a_choice_is_the_thread_s_own(partial) -> None:
    x = put(partial)
    with pytest.warns(RuntimeWarning):
        dt.sin(x)  # the way is known; the warning came
    failed = []

    def elsewhere() -> None:
        try:
            dt.sin(x)
        except DeviceError as error:
            failed.append(error)

    with use_device(partial.name, fallback="error"):
        other = threading.Thread(target=elsewhere)
        other.start()
        other.join()
        with pytest.raises(DeviceError):
            dt.sin(x)
    assert not failed


def test_laying_out_shared_memory_is_the_core_s_own_job(shared) -> None:
    x = put(shared)
    g = dt.jit(lambda x: x.T + x.T, fallback="error")
    np.testing.assert_array_equal(np.asarray(g(x)), 2 * H.T)


def test_laying_out_memory_of_its_own_is_the_device_s_copy_slot(island) -> None:
    x = put(island)
    with use_device(island.name, fallback="error"):
        for copied in (dt.copy, dt.jit(dt.copy), dt.jit(lambda x: dt.copy(x.T).T)):
            found = copied(x)
            assert found.device == island
            np.testing.assert_array_equal(np.asarray(found.to_device("cpu")), H)
    [step] = dt.jit(dt.copy).explain(x).parts[0].steps
    assert step.where == "copy within memory" and step.device == island.name


def test_a_refusal_is_a_new_error_each_time(partial) -> None:
    """One object raised again and again would keep the frames of all its raisings alive."""
    x = put(partial)
    with pytest.warns(RuntimeWarning, match=f"{LACKS} tan"):
        dt.tan(x)
    raised = []
    with use_device(partial.name, fallback="error"):
        for _ in range(2):
            with pytest.raises(DeviceError, match=f"{LACKS} tan") as caught:
                dt.tan(x)
            raised.append(caught.value)
    assert raised[0] is not raised[1]


# ---- explain ------------------------------------------------------------------------------------


def test_each_node_has_its_device_and_reason(island) -> None:
    def g(x):
        y = dt.exp(x + x)
        return dt.sqrt(y).T + x.T

    with pytest.warns(RuntimeWarning):
        found = dt.jit(g).explain(put(island))
    part = found.parts[0]
    where = {one.node.op.name: one for one in part.placements}
    assert where["add"].device == island.name and not where["add"].why
    assert where["exp"].device == "cpu:0"
    assert f"{island.name}: it has no kernel of that name" in where["exp"].why
    assert where["sqrt"].why == "on cpu:0: its operands have left the device's memory already"
    views = [one for one in part.placements if one.node.op.claim == "view"]
    assert views and all(one.step is None and not one.device for one in views)
    copies = [step for step in part.steps if step.where == "copy between memories"]
    assert {step.why for step in copies} == {
        "read on the host",
        f"read or returned on {island.name}",
    }
    assert {step.device for step in copies} == {island.name}
    text = str(found)
    for step in part.steps:
        assert re.search(rf"\n +{step.number}  {step.device} +{step.where}", text)
    for why in {step.why for step in part.steps if step.why}:
        assert f": {why}\n" in text


def test_what_numpy_runs_is_the_cpu_s(island) -> None:
    with pytest.warns(RuntimeWarning, match=LACKS):
        part = dt.jit(dt.cumulative_sum).explain(put(island, H[0])).parts[0]
    [step] = [one for one in part.steps if one.nodes]
    assert step.where == "numpy on the host" and step.device == "cpu:0"
    assert "it has no kernel of that name" in step.why


def test_groups_tell_their_nodes_and_refusals_their_reasons(build) -> None:
    graph = load(build("some_groups", "grouped"))
    x = put(graph)
    f = dt.jit(lambda x: (dt.exp(x * x - x) - x * x * x) * (x + x))
    with pytest.warns(RuntimeWarning, match=LACKS):
        found = f.explain(x)
    part = found.parts[0]
    fused = [step for step in part.steps if step.where == "fused"]
    assert fused and all(step.device == "grouped:0" for step in fused)
    assert {step.description for step in fused} == {"2 products in one"}
    for one in part.placements:
        if one.node.op.name == "multiply" and one.device == "grouped:0":
            assert one.step in {step.number for step in fused}
        if one.node.op.name == "exp":
            assert one.device == "cpu:0" and "it multiplies alone" in one.why
        if one.node.op.name == "subtract":
            assert "it multiplies alone" in one.why
    text = str(found)
    assert "grouped:0 says: 2 products in one" in text and "one product is too few" in text
