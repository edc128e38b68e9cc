"""The report: one HTML page that needs nothing else, no script and no network."""

from __future__ import annotations

import math

import numpy as np

from dovetail.demo.bar_chart import Bar, bar_chart
from dovetail.demo.digit_image import digit_image
from dovetail.demo.heat_map import confusion, heat_map
from dovetail.demo.line_chart import Series, line_chart, smooth
from dovetail.demo.markup import Markup, tag
from dovetail.demo.model import SMOOTHING
from dovetail.demo.report_style import STYLE
from dovetail.demo.results import BOUND, TARGET, DeviceResult, Results
from dovetail.demo.units import count, duration, percent, size, tiny

__all__ = ["report"]

_SAMPLES = 30
_TEXT_LINES = 28


def report(results: Results) -> str:
    """The whole page."""
    body = [
        _header(results),
        _tiles(results),
        *_training(results),
        *_mistakes(results),
        *_devices(results),
        *_program(results),
        *_again(results),
        tag(
            "footer",
            "Data: Optical Recognition of Handwritten Digits, E. Alpaydin and C. Kaynak (1998), "
            "UCI Machine Learning Repository, doi 10.24432/C50P49, CC BY 4.0.",
        ),
    ]
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", f"Dovetail demo: {percent(results.accuracy)}"),
        tag("style", Markup(STYLE)),
    )
    page = tag("html", head, tag("body", tag("main", *body)), lang="en")
    return f"<!DOCTYPE html>\n{page}\n"


def _header(results: Results) -> Markup:
    return tag(
        "header",
        tag("p", "Dovetail demo", class_="eyebrow"),
        tag("h1", "Handwritten digits, trained once, run on every device"),
        tag(
            "p",
            f"A small convolutional network learned from {count(results.train_count)} images on "
            f"{results.device}, was saved as one file and loaded by fresh processes that hold none "
            f"of its Python code. Every number below is of the {count(len(results.labels))} images "
            "it had never seen.",
        ),
    )


def _tiles(results: Results) -> Markup:
    ran = [one for one in results.devices if not one.reason and not one.reference]
    right = int((results.predictions == results.labels).sum())
    worst = max((one.difference or 0.0 for one in ran), default=None)
    fastest = min(ran, key=lambda one: one.batch_seconds or math.inf, default=None)
    agree = sum(one.agrees for one in ran)
    image = fastest.batch_seconds / results.batch if fastest and fastest.batch_seconds else None
    total = len(results.labels)
    return tag(
        "section",
        _tile(
            "Held-out accuracy",
            percent(results.accuracy),
            f"{right} of {total} right",
            "good" if results.accuracy >= TARGET else "bad",
        ),
        _tile(
            "Training",
            duration(results.train_seconds),
            f"{count(len(results.losses))} steps, {results.epochs} epochs",
        ),
        _tile(
            "Program file",
            size(results.program_bytes),
            f"{count(results.parameters)} parameters",
        ),
        _tile(
            "Devices that agree",
            f"{agree} of {len(ran)}",
            f"within {tiny(worst)} of the reference",
            "" if agree == len(ran) and ran else "bad",
        ),
        _tile("Time per image", duration(image), f"on {fastest.name}" if fastest else "no device"),
        class_="tiles",
        aria_label="Headline numbers",
    )


def _tile(name: str, value: str, detail: str, kind: str = "") -> Markup:
    return tag(
        "div",
        tag("span", name, class_="name"),
        tag("span", value, class_="number"),
        tag("span", detail, class_="detail"),
        class_=f"card tile {kind}".rstrip(),
    )


def _figure(title: str, chart: Markup, small: str = "") -> Markup:
    parts = [tag("h3", title), chart]
    if small:
        parts.append(tag("p", small, class_="small"))
    return tag("div", *parts, class_="card")


def _training(results: Results) -> list[Markup]:
    steps = list(range(1, len(results.losses) + 1))
    low = max(min(results.losses, default=0.1), 1e-4)
    # An axis from one power of ten to the next: runs with other seeds stay comparable.
    bottom = 10.0 ** math.floor(math.log10(low))
    top = 10.0 ** math.ceil(math.log10(max(results.losses, default=1.0) * 0.999))
    smoothed = smooth(results.losses, max(len(steps) // 30, 1))
    loss = line_chart(
        [
            Series(x=steps, y=[max(value, bottom) for value in results.losses], style="raw"),
            Series(x=steps, y=smoothed),
        ],
        label=f"Loss per step, from {results.losses[0]:.2f} to {smoothed[-1]:.3f}",
        x_label="step",
        x_range=(0, max(len(steps), 1)),
        y_range=(bottom, max(top, bottom * 10)),
        logarithmic=True,
        y_text=lambda value: f"{value:g}",
        note=f"{smoothed[-1]:.3f}",
    )
    accuracies = results.epoch_accuracies
    floor = min(math.floor(min(accuracies) * 20) / 20, 0.9)
    accuracy = line_chart(
        [
            Series(
                x=list(range(1, len(accuracies) + 1)),
                y=accuracies,
                style="mark",
                dots=len(accuracies) <= 60,
            )
        ],
        label=f"Accuracy after each epoch, at the end {percent(accuracies[-1])}",
        x_label="epoch",
        x_range=(0, max(len(accuracies), 2)),
        y_range=(floor, 1.0),
        y_text=lambda value: f"{100 * value:g} %",
        target=(TARGET, f"required {TARGET:.0%}"),
        note=percent(accuracies[-1]),
    )
    return [
        tag("h2", "Training"),
        tag(
            "p",
            f"Cross-entropy with Adam; the whole step is one compiled program. Its first run, with "
            f"tracing, differentiation and compilation, took {duration(results.compile_seconds)}.",
            class_="lead",
        ),
        tag(
            "div",
            _figure(
                "Training loss", loss, "Thin: every step. Thick: running mean. Scale: logarithmic."
            ),
            _figure("Accuracy on held-out images", accuracy, "Measured after every epoch."),
            class_="pair",
        ),
    ]


def _mistakes(results: Results) -> list[Markup]:
    predictions = results.predictions
    counts = confusion(results.labels.tolist(), predictions.tolist(), 10)
    missed = int((predictions != results.labels).sum())
    order = _order(results)
    digits = [_sample(results, i) for i in order]
    wrong_shown = sum(int(predictions[i] != results.labels[i]) for i in order)
    told = f"{missed} of {len(results.labels)} were misread" if missed else "None was misread"
    return [
        tag("h2", "What it reads and misreads"),
        tag(
            "p",
            f"{told}. The surest mistakes come first, then the least certain hits.",
            class_="lead",
        ),
        tag(
            "div",
            _figure(
                "Confusion matrix",
                heat_map(counts, label=f"Confusion matrix of ten digits, {missed} mistakes"),
                "Rows: what was written. Blue: read correctly. Orange: misread.",
            ),
            tag(
                "div",
                tag("h3", f"{len(order)} of the held-out images"),
                tag("ul", *digits, class_="digits"),
                tag(
                    "p",
                    "Under each image: the digit it was read as and how sure the network was. "
                    f"{wrong_shown} framed in orange are mistakes, with the true digit. Training "
                    "with smoothed labels keeps the network below about "
                    f"{100 - 90 * SMOOTHING:.0f} %.",
                    class_="small",
                ),
                class_="card",
            ),
            class_="pair",
        ),
    ]


def _order(results: Results) -> list[int]:
    """Indices of the sample: mistakes by falling confidence, then hits by rising confidence."""
    confidence = results.probabilities.max(axis=1)
    wrong = results.predictions != results.labels
    key = np.where(wrong, -confidence, confidence)
    return [int(i) for i in np.lexsort((key, ~wrong))[:_SAMPLES]]


def _sample(results: Results, i: int) -> Markup:
    label, read = int(results.labels[i]), int(results.predictions[i])
    sure = f"{100 * float(results.probabilities[i, read]):.0f} %"
    picture = digit_image(results.images[i].tolist(), deepest=16, label=f"a written {label}")
    if label == read:
        return tag("li", picture, tag("b", str(read)), f" {sure}")
    return tag(
        "li", picture, tag("b", str(read)), f" {sure}", tag("br"), f"is a {label}", class_="wrong"
    )


def _devices(results: Results) -> list[Markup]:
    head = ("Device", "Accuracy", "Difference", "Per batch", "Per image", "Load", "Compile", "")
    rows = [_device_row(one, results.batch) for one in results.devices]
    timed = [one for one in results.devices if one.batch_seconds]
    timed.sort(key=lambda one: one.batch_seconds or 0.0)
    bars = [
        Bar(
            name=one.name,
            value=(one.batch_seconds or 0.0) / results.batch,
            text=duration((one.batch_seconds or 0.0) / results.batch),
            quiet=one.reference,
        )
        for one in timed
    ]
    notes = [
        tag("p", f"{one.name}: {one.note}.", class_="small") for one in results.devices if one.note
    ]
    return [
        tag("h2", "Devices"),
        tag(
            "p",
            "The same file on every installed device, each in a process of its own, against the "
            f"numpy reference. At most {BOUND:g} difference of any probability is accepted.",
            class_="lead",
        ),
        tag(
            "div",
            tag(
                "div",
                tag(
                    "table",
                    tag("thead", tag("tr", *(tag("th", name, scope="col") for name in head))),
                    tag("tbody", *rows),
                ),
                class_="scroll",
            ),
            tag(
                "p",
                f"Times are medians over batches of {results.batch} images. Load: from the file "
                "to a mapped graph. Compile: from the graph to the first result.",
                class_="small",
            ),
            *notes,
            class_="card",
        ),
        tag(
            "div",
            _figure(
                "Time per image, shorter is better",
                bar_chart(bars, label="Median time per image of each device"),
                "Grey: the numpy reference, which is written to be read, not to be fast.",
            ),
            _machine(results),
            class_="pair below",
        ),
    ]


def _device_row(one: DeviceResult, batch: int) -> Markup:
    if one.reason:
        return tag(
            "tr",
            tag("td", one.name),
            tag("td", f"cannot run it: {one.reason}", colspan="7", class_="reason"),
            class_="quiet-row",
        )
    image = None if one.batch_seconds is None else one.batch_seconds / batch
    verdict = (
        tag("td", "reference")
        if one.reference
        else tag("td", "agrees", class_="ok")
        if one.agrees
        else tag("td", "differs", class_="off")
    )
    cells = [
        one.name,
        percent(one.accuracy),
        "–" if one.reference else tiny(one.difference),
        duration(one.batch_seconds),
        duration(image),
        duration(one.load_seconds),
        duration(one.compile_seconds),
    ]
    return tag(
        "tr",
        *(tag("td", cell) for cell in cells),
        verdict,
        class_="quiet-row" if one.reference else None,
    )


def _program(results: Results) -> list[Markup]:
    lines = [line.partition("  # ")[0] for line in results.program_text.split("\n")]
    shown = "\n".join(lines[:_TEXT_LINES])
    if len(lines) > _TEXT_LINES:
        shown += f"\n  … {len(lines) - _TEXT_LINES} more lines"
    return [
        tag("h2", "The program file"),
        tag(
            "p",
            f"{size(results.program_bytes)} in the layout of safetensors: the graph in words, one "
            "node a line, then the weights. Loading it runs no code.",
            class_="lead",
        ),
        tag("div", tag("pre", shown), class_="card"),
    ]


def _machine(results: Results) -> Markup:
    facts = [
        item
        for key, value in results.machine.items()
        for item in (tag("dt", key), tag("dd", value))
    ]
    return tag("div", tag("h3", "Machine and versions"), tag("dl", *facts), class_="card")


def _again(results: Results) -> list[Markup]:
    return [
        tag("h2", "Run it again"),
        tag(
            "p",
            "The data comes with Dovetail; nothing is downloaded. The same seed gives the same "
            "initial weights and the same order of images on every machine.",
            class_="lead",
        ),
        tag("div", tag("pre", f"pip install dovetail\n{results.command}"), class_="card"),
    ]
