"""The report: well-formed, self-contained, and it shows the numbers it was given."""

import dataclasses
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from dovetail.demo.axis import Axis, round_ticks
from dovetail.demo.bar_chart import Bar, bar_chart
from dovetail.demo.digit_image import digit_image
from dovetail.demo.heat_map import confusion, heat_map
from dovetail.demo.line_chart import Series, line_chart, smooth
from dovetail.demo.markup import tag
from dovetail.demo.report import report
from dovetail.demo.results import DeviceResult, Results

COUNT = 60


def results(wrong: int = 3) -> Results:
    """A run over 60 images of which ``wrong`` are misread."""
    random = np.random.default_rng(0)
    labels = (np.arange(COUNT) % 10).astype(np.int32)
    read = labels.copy()
    read[:wrong] = (read[:wrong] + 1) % 10
    probabilities = np.full((COUNT, 10), 0.02, np.float32)
    probabilities[np.arange(COUNT), read] = 0.82
    return Results(
        seed=0,
        epochs=3,
        device="cpu:0",
        batch=64,
        parameters=13_706,
        train_count=1201,
        losses=[2.3, 1.1, 0.4, 0.21, 0.12, 0.09],
        epoch_accuracies=[0.7, 0.93, 0.98],
        train_seconds=1.5,
        compile_seconds=0.05,
        total_seconds=3.0,
        images=random.integers(0, 17, (COUNT, 8, 8)).astype(np.uint8),
        labels=labels,
        probabilities=probabilities,
        devices=[
            DeviceResult(
                name="cpu:0",
                accuracy=0.95,
                difference=2e-7,
                batch_seconds=3e-4,
                load_seconds=1e-3,
                compile_seconds=5e-3,
            ),
            DeviceResult(name="odd:0", accuracy=0.9, difference=0.5, batch_seconds=1e-3),
            DeviceResult(name="cuda:0", reason="no driver <libcuda.so.1> & no luck"),
            DeviceResult(name="numpy", accuracy=0.95, batch_seconds=4e-3, reference=True),
        ],
        program_path="digits.dt",
        program_bytes=57_216,
        program_text="graph digits(%0: float32[64, 8, 8, 1]) {\n  return %0\n}",
        machine={"Python": "3.11.7", "Processor": 'A "quoted" <one>'},
        command="dovetail demo --seed 0",
    )


def parsed(page: str) -> ET.Element:
    start, body = page.split("\n", 1)
    assert start == "<!DOCTYPE html>"
    return ET.fromstring(body)


def text_of(element: ET.Element) -> str:
    return " ".join("".join(element.itertext()).split())


@pytest.fixture(scope="module")
def page() -> str:
    return report(results())


def test_it_is_well_formed_and_needs_nothing_else(page: str) -> None:
    root = parsed(page)
    names = {element.tag for element in root.iter()}
    assert not names & {"script", "link", "img", "iframe", "object", "embed", "a"}
    for element in root.iter():
        for key, value in element.attrib.items():
            assert key not in ("src", "href", "srcset") and not key.startswith("on")
            assert "url(" not in value
    assert not re.search(r"https?:|//\w|@import|url\(", page)
    assert len(page) < 300_000


def test_it_says_who_it_is_to_a_browser(page: str) -> None:
    root = parsed(page)
    assert root.attrib["lang"] == "en"
    assert root.find(".//meta[@charset='utf-8']") is not None
    assert "width=device-width" in page
    assert "prefers-color-scheme: dark" in page
    assert text_of(root.find(".//title")) == "Dovetail demo: 95.0 %"


def test_every_picture_has_words_for_those_who_do_not_see_it(page: str) -> None:
    pictures = parsed(page).findall(".//svg")
    assert len(pictures) == 3 + 1 + 30  # two curves and the bars, the matrix, the digits
    assert all(one.attrib["role"] == "img" and one.attrib["aria-label"] for one in pictures)


def test_headline_numbers_are_those_of_the_run(page: str) -> None:
    tiles = [
        text_of(one)
        for one in parsed(page).findall(".//div[@class]")
        if "tile" in one.get("class", "")
    ]
    assert any("95.0 %" in one and "57 of 60 right" in one for one in tiles)
    assert any("1 of 2" in one and "agree" in one for one in tiles)
    assert any("57.2 KB" in one and "13,706 parameters" in one for one in tiles)
    assert any("4.69 µs" in one and "on cpu:0" in one for one in tiles)


def test_misread_digits_come_first_and_say_what_they_are(page: str) -> None:
    items = parsed(page).findall(".//ul/li")
    assert len(items) == 30
    classes = [item.get("class", "") for item in items]
    assert classes == ["wrong"] * 3 + [""] * 27
    assert text_of(items[0]).endswith("is a 0") and "82 %" in text_of(items[0])


def test_the_matrix_holds_every_count(page: str) -> None:
    matrix = next(s for s in parsed(page).findall(".//svg") if "heat" in s.attrib["class"])
    counts = [int(t.text or 0) for t in matrix.iter("text") if t.get("class") in ("strong", "weak")]
    assert sum(counts) == COUNT
    assert sorted(counts) == [1, 1, 1, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6]


def test_the_device_table_tells_agreement_difference_and_absence(page: str) -> None:
    rows = [text_of(row) for row in parsed(page).findall(".//tbody/tr")]
    assert rows[0].startswith("cpu:0") and rows[0].endswith("agrees")
    assert rows[1].startswith("odd:0") and rows[1].endswith("differs")
    assert "no driver <libcuda.so.1> & no luck" in rows[2]
    assert rows[3].endswith("reference")
    assert 'A "quoted" <one>' in text_of(parsed(page))


def test_a_perfect_run_and_one_without_devices_have_a_report_too() -> None:
    assert "None was misread" in report(results(wrong=0))
    alone = dataclasses.replace(results(), devices=[], epoch_accuracies=[0.1], losses=[2.3])
    assert "no device" in text_of(parsed(report(alone)))
    assert alone.failures[-1] == "no device could run the program"


def test_failures_are_sentences() -> None:
    found = results().failures
    assert "accuracy 95.0% is below 97%" in found
    assert "odd:0 differs from the reference by 5.0e-01" in found
    assert not any("cuda" in one for one in found), "an absent device is no failure"


def test_text_is_escaped_and_control_characters_never_pass() -> None:
    assert tag("p", "a<b & \0c") == "<p>a&lt;b &amp; ?c</p>"
    assert tag("p", title='"x"') == '<p title="&quot;x&quot;"/>'
    ET.fromstring(tag("p", "".join(map(chr, range(0x2100)))))


def test_axes_map_their_ends_and_have_round_ticks() -> None:
    axis = Axis(low=0, high=10, start=100, end=200)
    assert [axis(v) for v in (-5, 0, 5, 10, 99)] == [100, 100, 150, 200, 200]
    decades = Axis(low=0.01, high=10, start=0, end=300, logarithmic=True)
    assert decades(0.1) == pytest.approx(100)
    assert decades.ticks(2) == pytest.approx([0.01, 0.1, 1, 10])
    assert round_ticks(0.9, 1.0) == [0.9, 0.92, 0.94, 0.96, 0.98, 1.0]


def test_charts_draw_what_they_are_given() -> None:
    chart = ET.fromstring(
        line_chart(
            [Series(x=[0, 1, 2], y=[0, 1, 0.5])],
            label="l",
            x_label="x",
            x_range=(0, 2),
            y_range=(0, 1),
            note="0.5",
        )
    )
    path = next(p for p in chart.iter("path") if "main" in p.attrib["class"])
    points = [tuple(map(float, p.split())) for p in path.attrib["d"].strip("M").split("L")]
    assert points[0][0] < points[1][0] < points[2][0]
    assert points[1][1] < points[2][1] < points[0][1], "SVG counts downwards"
    bars = ET.fromstring(
        bar_chart([Bar(name="a", value=1, text="1"), Bar(name="b", value=4, text="4")], label="l")
    )
    widths = [float(r.attrib["width"]) for r in bars.iter("rect")]
    assert widths[1] == pytest.approx(4 * widths[0])


def test_an_image_has_the_ink_of_its_pixels() -> None:
    image = ET.fromstring(digit_image([[0, 16], [8, 8]], deepest=16, label="d"))
    paths = {p.attrib["fill-opacity"]: p.attrib["d"] for p in image.iter("path")}
    assert paths == {"0.5": "M0 1h2v1h-2z", "1": "M1 0h1v1h-1z"}


def test_small_things() -> None:
    assert smooth([4, 2, 0], 1) == [4.0, 3.0, 1.0]
    assert confusion([0, 0, 1], [0, 1, 1], 2) == [[1, 1], [0, 1]]
    ET.fromstring(heat_map([[1, 0], [2, 3]], label="m"))
