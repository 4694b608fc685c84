"""Writes `docs/client-matrix.md` from the records: what each client made of each scenario."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from contract_tests.interop.clients import CLIENTS

from .clients import ROOT
from .records import recorded

PAGE = ROOT / "docs" / "client-matrix.md"
MARKS = {"passed": "✓", "failed": "✗", "not_applicable": "n/a"}

HEAD = """\
# Published clients, scenario by scenario

Made by `make clients` from [the records](../tests/published_clients/grades.json); CI fails if they
differ. [Published clients](published-clients.md) explains each failure, and
[Grading a client](grading-a-client.md) what the scenarios are.

✓ passed, ✗ failed, n/a: the client has no option for what the scenario is about.

| client | version | recorded | to record it again, in a checkout |
|---|---|---|---|
"""


def page(grades: Mapping[str, Any]) -> str:
    """Return the page that these records make."""
    text = HEAD
    for client in CLIENTS:
        row = grades[client.name]
        again = f'.venv/bin/python -m tests.published_clients "{client.name}"'
        text += f"| {client.name} | {row['version']} | {row['recorded']} | `{again}` |\n"
    return text + "".join(f"\n{line}" for line in _table(grades)) + "\n"


def _table(grades: Mapping[str, Any]) -> Iterator[str]:
    yield f"| scenario | {' | '.join(client.name for client in CLIENTS)} |"
    yield f"|---|{':-:|' * len(CLIENTS)}"
    for scenario in scenarios():
        marks = [_mark(grades[client.name], scenario["id"]) for client in CLIENTS]
        yield f"| `{scenario['id']}`: {scenario['title']} | {' | '.join(marks)} |"


def _mark(grades: Mapping[str, Any], scenario: str) -> str:
    return next(mark for grade, mark in MARKS.items() if scenario in grades[grade])


def scenarios() -> list[dict[str, Any]]:
    """Return the scenarios that clients are graded by."""
    path = ROOT / "schemas" / "client" / "scenarios.json"
    rows: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["scenarios"]
    return rows


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(recorded()), encoding="utf-8")


if __name__ == "__main__":
    main()
