"""The command line of the demo and the order of its acts."""

from __future__ import annotations

import argparse
import math
import shlex
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import dovetail as dt
from dovetail.demo import model
from dovetail.demo.data import Digits, load_digits
from dovetail.demo.machine import describe_machine
from dovetail.demo.measure import measure
from dovetail.demo.report import report
from dovetail.demo.results import BOUND, TARGET, DeviceResult, Results
from dovetail.demo.terminal import Progress, Style, device_table
from dovetail.demo.train import BATCH, Trained, train
from dovetail.demo.units import count, duration, percent, size

__all__ = ["demonstrate", "run"]

EPOCHS = 40


def run(arguments: Sequence[str] | None) -> int:
    """Parse, demonstrate, print; 0 when everything is within its bounds."""
    chosen = _parser().parse_args(arguments)
    style = Style(sys.stdout)

    def say(line: str) -> None:
        print(style.plain(line), flush=True)

    with tempfile.TemporaryDirectory(prefix="dovetail-demo-") as folder:
        program = chosen.program or Path(folder) / "digits.dt"
        results = demonstrate(
            seed=chosen.seed,
            epochs=chosen.epochs,
            device=chosen.device,
            program=program,
            folder=Path(folder),
            say=say,
        )
    if chosen.program:
        say(_fact("saved", f"{chosen.program}; read it with: head -c 3000 {chosen.program}", style))
    if chosen.report is not None:
        chosen.report.write_text(report(results), encoding="utf-8")
        say(_fact("report", str(chosen.report), style))
    if chosen.program or chosen.report is not None:
        say("")
    for failure in results.failures:
        say("  " + style.paint("failed: ", "1;31") + failure)
    if not results.failures:
        ran = sum(not one.reason and not one.reference for one in results.devices)
        verdict = (
            f"{percent(results.accuracy)} of held-out digits read correctly; "
            + (f"{ran} devices agree" if ran > 1 else "the device agrees")
            + f" with the numpy reference; {duration(results.total_seconds)} in all"
        )
        say("  " + style.paint(verdict, "1;32"))
    return 1 if results.failures else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="dovetail demo",
        description="Train a small convolutional network on handwritten digits, save it as one "
        "file, run that file on every installed device and compare with the numpy reference.",
        epilog=f"Exit status 1: accuracy below {TARGET:.0%}, or a device differs by more than "
        f"{BOUND:g}.",
    )
    parser.add_argument("--report", type=Path, metavar="FILE", help="write an HTML report")
    parser.add_argument("--program", type=Path, metavar="FILE", help="keep the program file")
    parser.add_argument("--device", metavar="NAME", help="train on this device, such as cuda:0")
    parser.add_argument("--seed", type=_natural, default=0, help="of weights and batches (0)")
    parser.add_argument("--epochs", type=_positive, default=EPOCHS, help=f"({EPOCHS})")
    return parser


def _natural(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{value} is negative")
    return value


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is less than one")
    return value


def demonstrate(
    *,
    seed: int,
    epochs: int,
    device: str | None,
    program: Path,
    folder: Path,
    say: Callable[[str], None] = lambda _: None,
) -> Results:
    """Train, save, run everywhere. ``say(line)`` gets what a person watches, in order."""
    style = Style(sys.stdout)
    started = time.perf_counter()
    digits = load_digits()
    with dt.use_device(device or dt.default_device()) as chosen:
        say("")
        say(style.paint("  Dovetail demo", "1") + f"  handwritten digits on {chosen.name}")
        say("")
        shown = f"{count(len(digits.train_images))} images to learn from, "
        say(_fact("data", shown + f"{count(len(digits.test_images))} held out", style))
        say(_fact("network", model.SUMMARY, style))
        trained = _train(digits, seed, epochs)
        say(
            _fact(
                "training",
                f"{count(len(trained.losses))} steps in {duration(trained.seconds)}, "
                f"loss {trained.losses[0]:.2f} to {trained.losses[-1]:.3f}, "
                f"accuracy {percent(trained.accuracies[-1])}",
                style,
            )
        )
        _save(program, trained)
        name = chosen.name
    say(_fact("program", f"{size(program.stat().st_size)}, graph and weights in one file", style))
    rows, found = _measure(program, digits, folder)
    # The network's answers are those of the device it was trained on, unless that one failed.
    answers = found.get(name, next(iter(found.values()), np.zeros((len(digits.test_labels), 10))))
    arguments = [f"--seed {seed}", f"--epochs {epochs}"]
    if device:
        arguments.append(f"--device {shlex.quote(device)}")
    results = Results(
        seed=seed,
        epochs=epochs,
        device=name,
        batch=BATCH,
        parameters=sum(x.size for x in dt.tree.leaves(trained.params)),
        train_count=len(digits.train_images),
        losses=trained.losses,
        epoch_accuracies=trained.accuracies,
        train_seconds=trained.seconds,
        compile_seconds=trained.first_step_seconds,
        total_seconds=time.perf_counter() - started,
        images=np.rint(digits.test_images[..., 0] * 16).astype(np.uint8),
        labels=digits.test_labels,
        probabilities=answers.astype(np.float32),
        devices=rows,
        program_path=str(program),
        program_bytes=program.stat().st_size,
        program_text=dt.load(program).text,
        machine=describe_machine(),
        command=" ".join(["dovetail demo", *arguments, "--report report.html"]),
    )
    say("")
    for line in device_table(results, style):
        say(line)
    say("")
    return results


def _fact(name: str, text: str, style: Style) -> str:
    return style.paint(f"  {name:<10}", "2") + text


def _train(digits: Digits, seed: int, epochs: int) -> Trained:
    progress = Progress(epochs * (len(digits.train_images) // BATCH))

    def show(step: int, steps: int, loss: float, accuracy: float) -> None:
        text = f"step {step}/{steps}  loss {loss:.3f}"
        if not math.isnan(accuracy):
            text += f"  accuracy {percent(accuracy)}"
        progress.update(step, text)

    try:
        return train(digits, seed=seed, epochs=epochs, report=show)
    finally:
        progress.close()


def _save(path: Path, trained: Trained) -> None:
    params = trained.params

    def digits(images: object) -> object:
        return model.classify(params, images)

    dt.save(path, digits, (dt.zeros((BATCH, 8, 8, 1)),))


def _measure(
    program: Path, digits: Digits, folder: Path
) -> tuple[list[DeviceResult], dict[str, NDArray[np.float32]]]:
    progress = Progress(2)  # how many devices there are is found out on the way

    def show(name: str) -> None:
        progress.update(1, f"running the file on {name}")

    try:
        return measure(program, digits.test_labels, folder, show)
    finally:
        progress.close()
