"""The page about gateways says what is recorded of them, no more and no less."""

import re

import pytest

from .gateways import GATEWAYS, ROOT
from .records import recorded
from .sandwiches import SANDWICHES
from .sandwiches import recorded as recorded_sandwiches


def _rows(text: str) -> dict[str, list[str]]:
    """Name of a gateway -> the row about it."""
    lines = (line.strip("|").split("|") for line in text.splitlines() if line.startswith("| "))
    return {cells[0].strip(): [cell.strip() for cell in cells] for cells in lines}


PAGE = (ROOT / "docs/gateways.md").read_text(encoding="utf-8")
ROWS, BOTH_SIDES = map(_rows, PAGE.split("## From both sides"))
VERDICTS, DRIVEN = recorded(), recorded_sandwiches()


def test_every_gateway_is_recorded_and_on_the_page() -> None:
    names = [gateway.name for gateway in GATEWAYS]
    assert list(VERDICTS) == names
    assert list(ROWS)[1:] == names


@pytest.mark.parametrize("name", VERDICTS)
def test_the_page_says_what_is_recorded(name: str) -> None:
    verdict, (_, *cells) = VERDICTS[name], ROWS[name]
    failed, differs = verdict["failed"], verdict["differs"]
    counts = [str(len(failed)), str(len(differs))]
    assert cells[:4] == [verdict["version"], verdict["verdict"], *counts]
    told = set(re.findall(r"`([a-z0-9_.]+)`", cells[4]))
    assert told <= {*failed, *differs}
    # Where a few requirements fail, each is named.
    assert len(failed) > 5 or told >= {*failed, *differs}
    assert verdict["broken"] == []


def test_every_sandwich_is_recorded_and_on_the_page() -> None:
    names = [sandwich.name for sandwich in SANDWICHES]
    assert list(DRIVEN) == names
    assert list(BOTH_SIDES)[1:] == names


@pytest.mark.parametrize("name", DRIVEN)
def test_the_page_says_what_was_seen_from_both_sides(name: str) -> None:
    record, (_, *cells) = DRIVEN[name], BOTH_SIDES[name]
    broken, differs = record["broken"], record["differs"]
    assert cells[:4] == [record["version"], record["verdict"], str(len(broken)), str(len(differs))]
    told = set(re.findall(r"`([a-z]+\.[a-z0-9_.]+)`", cells[4]))
    assert told == {*broken, *differs}
