"""The report about a gateway: in all forms, and without keys."""

import base64
import json

import pytest

from contract_tests.gateway.findings import CHECKS, Finding, Report, Verdict
from contract_tests.gateway.report import lines, write_json, write_markdown
from tests.schemas.data import TABLE_SCHEMAS, errors

from .conftest import SECRETS, Sandwich
from .small_gateway import CALLER_KEY

UPSTREAM_KEY = "sk-upstream-of-the-gateway"


def forms(report: Report) -> list[str]:
    return ["\n".join(lines(report)), write_json(report), write_markdown(report)]


@pytest.fixture(scope="module")
def report(sandwich: Sandwich) -> Report:
    return sandwich(
        "forwards the caller's key in base64",
        "shows upstream's key in errors",
        "renames overlap_tokens",
        "adds headers",
        "forwards headers",
        "retries once",
    )


def test_the_json_keeps_its_schema(report: Report) -> None:
    written = json.loads(write_json(report))
    assert errors(TABLE_SCHEMAS["gateway"], written) == []
    assert written["verdict"] == "violates"
    assert [row["id"] for row in written["checks"]] == list(CHECKS)


def test_no_key_is_in_a_report(report: Report) -> None:
    in_base64 = base64.b64encode(f"user:{CALLER_KEY}".encode()).decode()
    broken = {finding.check for finding in report.of(Verdict.BROKEN)}
    assert broken >= {"key.caller", "key.upstream"}
    for text in forms(report):
        for secret in (CALLER_KEY, UPSTREAM_KEY, in_base64[8:-4], *SECRETS.values()):
            assert secret not in text
    assert all("[key]" in text for text in forms(report)[:2])
    assert '"x-tenant": "[key]"' in write_json(report)


def test_a_fault_is_shown_on_both_sides(report: Report) -> None:
    text, written, markdown = forms(report)
    assert "broken    field.overlap_tokens: renamed to chunk_overlap" in text
    assert "right: `overlap_tokens` reaches upstream" in text
    assert '"chunk_overlap": 37' in text
    (row,) = (row for row in json.loads(written)["checks"] if row["id"] == "field.overlap_tokens")
    (passage,) = row["passages"]
    assert json.loads(passage["front"]["body"])["overlap_tokens"] == 37
    assert json.loads(passage["upstream"][0]["body"])["chunk_overlap"] == 37
    assert "| overlap\\_tokens | 37 | chunk\\_overlap\\: 37 |" in markdown


def test_a_table_says_what_became_of_each_field(report: Report) -> None:
    rows = {(row.name, row.sent): row for row in report.rows}
    assert rows["top_n", "2"].forwarded == "2"
    assert rows["top_n", "2"].passed_back == "2 results"
    assert rows["overlap_tokens", "37"].forwarded == "chunk_overlap: 37"
    assert rows["return_documents", "true"].answered == "4 results, 4 texts"
    assert rows["meta.tokens.input_tokens", ""].how == "passed back"
    assert rows["an unknown field", "a value"].how == "forwarded"


def test_a_table_says_what_became_of_each_failure(report: Report) -> None:
    rows = {row.name: row for row in report.failures}
    assert (rows["429"].passed_back, rows["429"].calls) == ("429", 2)
    assert (rows["401"].passed_back, rows["401"].calls) == ("502", 1)
    assert rows["a closed connection"].passed_back == "502"


def test_both_sides_of_a_long_request_are_shown_where_they_differ(sandwich: Sandwich) -> None:
    report = sandwich("composes letters", wanted=("text.forwarded",))
    caller, upstream = (
        next(line for line in lines(report) if line.strip().startswith(side))
        for side in ("caller:", "upstream:")
    )
    assert "doc11 cafe\u0301" in caller
    assert "doc11 caf\u00e9" in upstream


def test_freedoms_are_told(report: Report) -> None:
    seen = {freedom.question: freedom.seen for freedom in report.freedoms}
    assert (
        seen["Which headers does it add to requests, beside those of every client?"]
        == "x-forwarded-for, x-request-id, x-user"
    )
    assert seen["Is an answer kept for an equal request?"] == "no"
    assert seen["What follows a 503?"] == "asked 2 times, and the caller gets 200"
    lost = "asked 2 times, and the caller gets 200, which may be paid twice"
    assert seen["What follows a lost connection?"] == lost
    assert seen["Is the call of upstream cancelled if the caller leaves?"] == "no"


def test_a_report_that_is_inconclusive_says_why() -> None:
    report = Report("http://gateway/v1", "http://mock/v1", (), (), (), (), None, 1, 0, "it is off")
    text, written, markdown = forms(report)
    assert text == "inconclusive: it is off"
    assert errors(TABLE_SCHEMAS["gateway"], json.loads(written)) == []
    assert "it is off" in markdown


def test_letters_that_command_a_terminal_are_shown() -> None:
    finding = Finding("text.forwarded", Verdict.BROKEN, "sent \x1b[2J")
    report = Report("http://gateway/v1", "http://mock/v1", (finding,), (), (), (), None, 1, 1)
    for text in forms(report):
        assert "\x1b" not in text
