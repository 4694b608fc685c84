"""The page about gateways says what is recorded of them, no more and no less."""

import re

import pytest

from .gateways import GATEWAYS, ROOT
from .records import recorded

PAGE = (ROOT / "docs/gateways.md").read_text(encoding="utf-8")
VERDICTS = recorded()
#: Name of a gateway -> the row of the page about it.
ROWS = {
    cells[0]: cells
    for cells in (
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in PAGE.splitlines()
        if line.startswith("| ")
    )
}


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
