"""The plots of the benchmarks show every value that was measured, where it belongs."""

import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest

import benchmarks.__main__
from benchmarks.__main__ import PICTURE
from benchmarks.dependence import SERIES, Step
from benchmarks.measuring import Comparison, Figure, compare
from benchmarks.plots import Axis, Labels, Panel, Point, drawn, ticks

from .test_benchmarks import paced

SVG = "{http://www.w3.org/2000/svg}"


def texts(picture: ElementTree.Element) -> list[str]:
    return [element.text or "" for element in picture.iter(f"{SVG}text")]


def titles(picture: ElementTree.Element) -> list[str]:
    return [element.text or "" for element in picture.iter(f"{SVG}title")]


def line(*points: tuple[int, float]) -> list[Point]:
    return [Point(value, Figure(1, 1, ratio, (ratio, ratio))) for value, ratio in points]


def test_each_value_is_a_mark_and_a_tick() -> None:
    lines = {"ours": line((1, 50), (1000, 4000)), "bare": line((1, 0.7), (1000, 90))}
    panels = [
        Panel(Labels("Documents <&>", "documents", "CPU"), lines),
        Panel(Labels("Overlap", "tokens", "CPU", is_linear=True), {**lines}),
    ]

    picture = ElementTree.fromstring(drawn("Costs <&>", panels, ["A note."]))

    name, *marks = titles(picture)
    assert name == "Costs <&>"
    assert marks[:4] == [
        "ours, 1 documents: 50",
        "ours, 1,000 documents: 4,000",
        "bare, 1 documents: 0.70",
        "bare, 1,000 documents: 90",
    ]
    assert len(marks) == 8
    first = texts(picture)[: texts(picture).index("documents") + 1]
    costs = ["0.1", "1", "10", "100", "1,000", "10,000"]
    assert first == ["Documents <&>", "CPU", *costs, "1", "1,000", "documents"]
    assert texts(picture)[-3:] == ["ours", "bare", "A note."]


def test_plots_of_the_same_unit_have_the_same_axis_and_others_their_own() -> None:
    few = {"ours": line((1, 2), (2, 3)), "bare": line((1, 1), (2, 0.6))}
    many = {"ours": line((1, 2), (2, 3000)), "bare": line((1, 1), (2, 1))}
    panels = [Panel(Labels(title, "", title[0]), few) for title in ("a one", "a two", "b")]
    panels[1] = panels[1]._replace(lines=many)

    words = texts(ElementTree.fromstring(drawn("", panels, [])))

    assert words.count("10,000") == 2
    assert words.count("0.5") == 1


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([0.69, 3900], [0.1, 1, 10, 100, 1000, 10_000]),
        ([0.45, 3.9], [0.2, 0.5, 1, 2, 5]),
        ([1, 10], [1, 2, 5, 10]),
    ],
)
def test_ticks_are_round_and_enclose_everything(
    numbers: list[float], expected: list[float]
) -> None:
    assert ticks(numbers) == pytest.approx(expected)


def test_a_logarithmic_axis_has_equal_steps_for_equal_ratios() -> None:
    places = [Axis(1, 1000, 50, 350).place(number) for number in (1, 10, 100, 1000)]
    assert [after - before for before, after in pairwise(places)] == [100, 100, 100]


def test_a_linear_axis_may_begin_with_nothing() -> None:
    places = [Axis(0, 80, 50, 350, is_linear=True).place(number) for number in (0, 20, 80)]
    assert places == [50, 125, 350]


@pytest.mark.slow
@pytest.mark.parametrize("labels", SERIES, ids=lambda labels: labels.title)
def test_each_series_is_measured_and_stands_in_the_kept_picture(labels: Labels) -> None:
    for step in SERIES[labels]():
        assert compare(step.mock, rounds=2).ratio > compare(step.bare, rounds=2).ratio > 0
        break
    picture = ElementTree.fromstring(PICTURE.read_text(encoding="utf-8"))
    assert {labels.title, labels.values, labels.cost} <= {*texts(picture)}


def test_what_was_measured_is_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def steps() -> Iterator[Step]:
        for value in (1, 10):
            mock, bare, unit = paced(2 * value), paced(value), paced(1)
            yield Step(
                value,
                Comparison("", "", "", mock, unit, rounds=2),
                Comparison("", "", "", bare, unit, rounds=2),
            )

    kept = tmp_path / "picture.svg"
    monkeypatch.setattr(benchmarks.__main__, "SERIES", {Labels("T", "things", "CPU"): steps})
    monkeypatch.setattr(benchmarks.__main__, "PICTURE", kept)
    monkeypatch.setattr(sys, "argv", ["benchmarks", "--plots", "--write"])

    benchmarks.__main__.main()

    _, *marks = titles(ElementTree.fromstring(kept.read_text(encoding="utf-8")))
    assert marks == [
        "the mock, 1 things: 2.0",
        "the mock, 10 things: 20",
        "the bare work, 1 things: 1.0",
        "the bare work, 10 things: 10",
    ]
