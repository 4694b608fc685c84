"""The badge, drawn and as data."""

import json
from xml.etree import ElementTree

import pytest

from contract_tests.report.badge import COLOURS, write_json, write_svg
from contract_tests.report.model import Report

from . import samples
from .test_html_page import contrast

REPORTS = [samples.CONFORMING, samples.VIOLATING, samples.UNFINISHED, samples.BROKEN]
SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: report.verdict.value)
def test_the_picture_says_the_verdict_to_eye_and_ear(report: Report) -> None:
    root = ElementTree.fromstring(write_svg(report))
    verdict = report.verdict.value
    assert root.get("role") == "img"
    assert root.get("aria-label") == root.findtext(f"{SVG}title") == f"rerank contract: {verdict}"
    assert [text.text for text in root.iter(f"{SVG}text")] == ["rerank contract", verdict]


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: report.verdict.value)
def test_texts_stay_within_their_halves(report: Report) -> None:
    root = ElementTree.fromstring(write_svg(report))
    halves = [rect for rect in root.iter(f"{SVG}rect") if rect.get("fill")]
    for half, text in zip(halves, root.iter(f"{SVG}text"), strict=True):
        start, end = int(half.get("x", "0")), int(half.get("x", "0")) + int(half.get("width", "0"))
        left = int(text.get("x", "0"))
        assert (
            start
            < left
            < left + int(text.get("textLength", "0"))
            < end
            <= int(root.get("width", "0"))
        )


def test_white_text_is_readable_on_every_colour() -> None:
    assert min(contrast("#ffffff", colour) for colour, _ in COLOURS.values()) >= 4.5


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: report.verdict.value)
def test_the_endpoint_has_the_members_that_shields_asks_for(report: Report) -> None:
    conforms = report is samples.CONFORMING
    badge = json.loads(write_json(report))
    assert badge.pop("color") != ("red" if conforms else "brightgreen")
    assert badge == {
        "schemaVersion": 1,
        "label": "rerank contract",
        "message": report.verdict.value,
        "isError": not conforms,
    }
