"""Writes ``schemas/evidence.json``: what the records of this project say of each requirement."""

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

Json: TypeAlias = Any

ROOT = Path(__file__).parents[1]
TARGET = ROOT / "schemas" / "evidence.json"
REVISION = max((ROOT / "schemas" / "revisions").iterdir())
PAGE = "## The published page, statement by statement"

#: Grading scenario -> the requirement that the server breaks in it.
BROKEN_IN = {
    "ranking.fewer": "response.results.complete",
    "ranking.none": "response.results.complete",
    "ranking.unsorted": "response.results.sorted",
    "score.beyond_one": "response.results.relevance_score.range",
    "meta.absent": "response.meta.tokens",
    "meta.null": "response.meta.type",
    "meta.null_members": "response.meta.count.type",
    "refusal.with_200": "response.results.required",
    "broken.no_json": "response.body.json",
    "broken.html_with_200": "response.body.json",
    "broken.empty": "response.body.json",
    "broken.cut_short": "response.body.json",
    "broken.content_type": "response.header.content_type",
    "malformed.results_object": "response.results.type",
    "malformed.index_absent": "response.results.index.required",
    "malformed.index_beyond": "response.results.index.range",
    "malformed.index_negative": "response.results.index.range",
    "malformed.index_true": "response.results.index.type",
    "malformed.index_string": "response.results.index.type",
    "malformed.index_float": "response.results.index.literal",
    "malformed.index_twice": "response.results.index.unique",
    "malformed.score_null": "response.results.relevance_score.type",
    "malformed.score_string": "response.results.relevance_score.type",
    "malformed.score_list": "response.results.relevance_score.type",
    "malformed.score_nan": "response.body.json",
}
#: Grading scenario -> the switch of which it has a value.
VALUE_IN = {
    "address.redirect": "trailing_slash",
    "document.absent": "document_when_not_returned",
    "document.null": "document_when_not_returned",
    "refusal.key_as_string": "invalid_key",
    "refusal.key_as_object": "invalid_key",
    "refusal.model_offline": "offline_model",
    "refusal.balance": "empty_balance",
    "patience.retry_after": "retry_after",
    "documents.too_many": "too_many_documents",
}


def evidence() -> Json:
    """The evidence of every requirement and switch of the newest revision."""
    requirements = [row["id"] for row in _json(REVISION / "requirements.json")]
    switches = [row["name"] for row in _json(REVISION / "behaviours.json")["switches"]]
    grades = _json(ROOT / "tests" / "published_clients" / "grades.json")
    verdicts = _json(ROOT / "tests" / "gateways" / "verdicts.json")
    second = _json(ROOT / "tests" / "second_server" / "verdicts.json")
    statements, mutants, off = list(_statements()), list(_mutants()), _off()
    return {
        "gateways": {name: row["version"] for name, row in verdicts.items()},
        "requirements": {
            name: {
                "page": [row for row, named in statements if name in named],
                "clients": _clients(grades, BROKEN_IN, name),
                "mutants": [row for row, killed_by in mutants if killed_by == name],
                "broken_by": _gateways(verdicts, name, "failed", "differs"),
                "untried_by": [*verdicts]
                if name in off
                else _gateways(verdicts, name, "inconclusive", "skipped", "broken"),
                "second_server": _second_server(second, name),
            }
            for name in requirements
        },
        "switches": {name: {"clients": _clients(grades, VALUE_IN, name)} for name in switches},
    }


def text() -> str:
    """The file."""
    return json.dumps(evidence(), ensure_ascii=False, indent=1) + "\n"


def _statements() -> Iterator[tuple[Json, list[str]]]:
    """The statements of the page, each with the requirements that hold it."""
    table = (ROOT / "schemas" / "README.md").read_text("utf-8").partition(PAGE)[2]
    for line in table.partition("\n## ")[0].splitlines():
        if line.startswith("| ") and not line.startswith("| section |"):
            section, field, statement, named = (cell.strip() for cell in line[1:-1].split("|"))
            row = {"section": section, "field": field, "statement": statement}
            yield row, re.findall(r"`([^`]+)`", named)


def _mutants() -> Iterator[tuple[Json, str]]:
    """The rows of the kill table, each with the requirement that caught the mutant."""
    table = (ROOT / "docs" / "kill-table.md").read_text("utf-8")
    for name, requirement, request in re.findall(r"^\| (.+) \| `(.+)` \| (\d+) \|", table, re.M):
        yield {"name": name, "request": int(request)}, requirement


def _clients(grades: Json, scenarios: dict[str, str], name: str) -> Json:
    """How clients came through the scenarios that are about a requirement or switch."""
    return [
        {
            "scenario": scenario,
            "fail": [client for client, row in grades.items() if scenario in row["failed"]],
            "cope": [client for client, row in grades.items() if scenario in row["passed"]],
        }
        for scenario, about in scenarios.items()
        if about == name
    ]


def _off() -> set[str]:
    """The requirements that are not tried at effort smoke, at which gateways are judged."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        command = (sys.executable, "-m", "contract_tests", "check", "--effort", "smoke")
        subprocess.run(  # noqa: S603 - our own command
            [*command, "--report-json", str(report)], cwd=ROOT, check=True, capture_output=True
        )
        rows = _json(report)["requirements"]
    return {row["id"] for row in rows if row["outcome"] == "off"}


def _gateways(verdicts: Json, name: str, *outcomes: str) -> list[str]:
    return [
        gateway
        for gateway, row in verdicts.items()
        if any(name in row[outcome] for outcome in outcomes)
    ]


def _second_server(verdicts: Json, name: str) -> Json:
    """Whether the second server keeps a requirement as it is, and with which faults it does not."""
    as_it_is = verdicts["as it is"]
    outcome = next((each for each, names in as_it_is.items() if name in names), "passed")
    is_broken = outcome in ("failed", "differs")
    return {
        "outcome": {"passed": "kept"}.get(outcome, "broken" if is_broken else "untried"),
        "broken_with": [
            fault
            for fault, row in verdicts.items()
            if row is not as_it_is and name in [*row["failed"], *row["differs"]]
        ],
    }


def _json(path: Path) -> Json:
    return json.loads(path.read_text("utf-8"))


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="utf-8")
