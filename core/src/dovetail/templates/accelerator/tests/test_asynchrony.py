"""The device accelerator, installed: queues with random delays, failures, two devices, programs.

Options are read when a device is opened, so each test has a process of its own.
"""

import os
import subprocess
import sys

START = """
import threading, warnings
import numpy as np
import dovetail as dt
warnings.simplefilter("ignore", RuntimeWarning)  # what the device lacks runs on the CPU
def there(x, ordinal=0): return dt.asarray(x, device=f"accelerator:{ordinal}")
def back(x): return np.asarray(x.to_device("cpu"))
x = np.linspace(0, 1, 600, dtype=np.float32).reshape(20, 30)
"""


def run(text: str, options: str = "") -> str:
    """What a program prints whose devices have these options."""
    done = subprocess.run(
        [sys.executable, "-c", START + text],
        env={**os.environ, "ACCELERATOR_OPTIONS": options},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_delays_change_no_result() -> None:
    text = """
f = dt.jit(lambda a, b: dt.exp(-(a * b)) + dt.sum(a, axis=1, keepdims=True))
for _ in range(10):
    y = there(x) + there(x)[::-1]
    w = x + x[::-1]
    want = np.exp(-(w * w)) + w.sum(1, keepdims=True)
    assert np.allclose(back(f(y, y)), want, rtol=1e-5)
"""
    run(text, "delay_us=300,seed=1,queue=2")


def test_a_group_of_nodes_is_one_program() -> None:
    text = """
f = dt.jit(lambda a: dt.maximum(dt.exp(-a) * a, a - 1))
print(f.explain(there(x)))
assert np.allclose(back(f(there(x))), np.maximum(np.exp(-x) * x, x - 1), rtol=1e-6)
"""
    assert "fused" in run(text)


def test_two_devices_exchange_arrays() -> None:
    text = """
y = (there(x) * there(x)).to_device("accelerator:1")
assert np.array_equal(back((y + y).to_device("accelerator:0")), 2 * (x * x))
"""
    run(text, "copy_us=500")


def test_a_failure_has_its_text_and_is_over_once_told() -> None:
    text = """
y = there(x)
said = []
for _ in range(4):
    try:
        back(y + y)
    except dt.DeviceError as error:
        said.append(str(error))
print(len(said), said)
assert np.array_equal(back(y + y), x + x)
"""
    said = run(text, "fail_at=4,fail_text=the fan stands still")
    assert said.startswith("1 ") and "the fan stands still" in said


def test_threads_share_it() -> None:
    text = """
wrong, done = [], []
def work(number):
    z = there(x + number, number % 2)
    for _ in range(20):
        if not np.array_equal(back(z + z), (x + number) * 2): wrong.append(number)
    done.append(number)
threads = [threading.Thread(target=work, args=(i,)) for i in range(6)]
for one in threads: one.start()
for one in threads: one.join()
assert not wrong
assert sorted(done) == list(range(6))  # one that raises ends alone
"""
    run(text, "delay_us=50")
