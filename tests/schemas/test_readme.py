"""The table in `schemas/README.md` accounts for the whole page."""

import json
import re

from .data import CONTRACT, FOLDER, NEWEST, REVISIONS, TABLES

README = (FOLDER / "README.md").read_text(encoding="utf-8")
REQUIREMENTS = {row["id"]: row for row in TABLES["requirements"]}


def statements(markdown: str) -> list[tuple[str, str, list[str]]]:
    """Section, field and requirement ids of each row of the table of statements."""
    return [
        (section, field, re.findall(r"`([^`]+)`", named))
        for section, field, _, named in rows_below("statement | requirements", markdown)
    ]


def rows_below(heads: str, markdown: str) -> list[list[str]]:
    """The cells of each row of the table whose columns are section, field and `heads`."""
    _, _, table = markdown.partition(f"| section | field | {heads} |\n")
    lines = table.partition("\n\n")[0].splitlines()[1:]
    return [[cell.strip() for cell in line[1:-1].split("|")] for line in lines]


#: (requirement, section, field) for each time that a statement names a requirement.
PLACES = {(name, section, field) for section, field, named in statements(README) for name in named}


def test_a_statement_is_read_with_its_place_and_ids() -> None:
    markdown = (
        "| section | field | statement | requirements |\n|---|---|---|---|\n"
        "| Body | top_n | At least `1`. | `a.b` `c.d` |\n| Index | | A list. | |\n\nThe end.\n"
    )
    assert statements(markdown) == [("Body", "top_n", ["a.b", "c.d"]), ("Index", "", [])]


def test_every_id_in_the_table_exists() -> None:
    assert {name for name, _, _ in PLACES} <= REQUIREMENTS.keys()


def test_every_requirement_of_the_page_stands_where_it_says() -> None:
    of_the_page = {
        (name, row["source"]["section"], row["source"]["field"])
        for name, row in REQUIREMENTS.items()
        if row["source"]["kind"] == "page"
    }
    # A requirement without a field speaks of its section as a whole.
    places = PLACES | {(name, section, None) for name, section, _ in PLACES}
    assert of_the_page - places == set()


def test_every_field_of_the_schemas_has_its_statements() -> None:
    fields = {(section, field) for _, section, field in PLACES}
    for section, name in (("Body", "request.classic"), ("Response", "response")):
        assert fields >= {(section, field) for field in CONTRACT[name]["properties"]}


def test_every_file_of_the_folder_is_named() -> None:
    names = {path.name for path in (*FOLDER.glob("*.json"), *FOLDER.glob("revisions/*/*.json"))}
    assert {name for name in names if f"`{name}`" not in README} == set()


def test_the_table_of_november_2024_names_every_requirement_that_differs() -> None:
    heads = "statement | requirements | of today's page, not there"
    then, now = set[str](), set[str]()
    for _, _, _, own, gone in rows_below(heads, README):
        then |= set(re.findall(r"`([^`]+)`", own))
        now |= set(re.findall(r"`([^`]+)`", gone))
    of_then = {row["id"] for row in REVISIONS["2024-11"].tables["requirements"]}
    of_now = {row["id"] for row in REVISIONS["2026-07"].tables["requirements"]}
    assert (then, now) == (of_then - of_now, of_now - of_then)


def test_every_revision_is_listed() -> None:
    assert set(re.findall(r"^\| `(\d{4}-\d\d)` \|", README, re.MULTILINE)) == REVISIONS.keys()


def test_the_requirement_and_the_switch_that_are_shown_are_as_they_stand() -> None:
    requirement, switch = map(json.loads, re.findall(r"```json\n(.*?)```", README, re.DOTALL))
    assert requirement == REQUIREMENTS[requirement["id"]]
    assert switch in NEWEST.behaviours["switches"]
