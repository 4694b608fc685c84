"""The page about published clients says what is recorded of them, no more and no less."""

import re

import pytest

from contract_tests.interop.clients import CLIENTS, Client

from . import matrix
from .clients import ROOT
from .records import GRADED, SETTINGS, recorded

PAGE = (ROOT / "docs/published-clients.md").read_text(encoding="utf-8")
GRADES = recorded()


def section(heading: str) -> str:
    """Return the text under a heading."""
    _, found, rest = PAGE.partition(f"\n## {heading}\n")
    assert found
    return rest.partition("\n## ")[0]


def rows(markdown: str) -> list[list[str]]:
    """Return the cells of the rows of a table, without its head."""
    cells = [line.strip("|").split("|") for line in markdown.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in row] for row in cells[1:]]


def test_the_records_are_of_the_versions_that_are_installed() -> None:
    versions = {name: grades["version"] for name, grades in GRADES.items()}
    assert versions == {client.name: client.version for client in CLIENTS}


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_a_client_has_one_grade_in_every_scenario(client: Client) -> None:
    graded = [scenario for grade in GRADED for scenario in GRADES[client.name][grade]]
    assert sorted(graded) == sorted(row["id"] for row in matrix.scenarios())


def test_the_matrix_is_what_the_records_make() -> None:
    assert matrix.PAGE.read_text(encoding="utf-8") == matrix.page(GRADES)


def test_the_page_tells_how_many_scenarios_a_client_passed() -> None:
    assert [row[:-1] for row in rows(PAGE.partition("\n## ")[0])] == [
        [
            client.name,
            f"`{client.package}`",
            client.version,
            *(str(len(GRADES[client.name][grade])) for grade in GRADED),
        ]
        for client in CLIENTS
    ]


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_the_page_explains_what_failed_and_nothing_else(client: Client) -> None:
    scenarios = [row[1] for row in rows(section(client.name))]
    assert all(scenarios)
    explained = re.findall(r"`([a-z0-9_.]+)`", " ".join(scenarios))
    assert sorted(explained) == sorted(GRADES[client.name]["failed"])


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_the_page_names_the_options_that_a_client_cannot_send(client: Client) -> None:
    reasons = GRADES[client.name]["not_applicable"].values()
    prose = re.sub(r"^\|.*$", "", section(client.name), flags=re.MULTILINE)
    assert [why for why in reasons if f"`{why.rpartition(' ')[2]}`" not in prose] == []


def test_what_the_page_says_of_all_holds_of_all() -> None:
    assert "All of them" in PAGE
    everybody = set[str].intersection(*(set(grades["passed"]) for grades in GRADES.values()))
    for group, some in (
        ("ranking.", 4),
        ("score.", 6),
        ("document.absent", 1),
        ("document.null", 1),
        ("text.", 3),
    ):
        assert sum(scenario.startswith(group) for scenario in everybody) == some


def test_the_page_tells_what_to_set() -> None:
    assert rows(section("What to set")) == [
        [
            setting.client,
            setting.setting,
            f"`{setting.value}`",
            f"`{setting.asks}`",
            str(setting.status),
            str(setting.results),
        ]
        for setting in SETTINGS
    ]
