"""`diff` of two reports says which requirements came out otherwise, and which numbers moved."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from contract_tests.contract import AnyJson
from contract_tests.judging.outcomes import Outcome
from contract_tests.judging.probes import Sighting
from contract_tests.report.model import Advised, Audit, Report
from contract_tests.report.writers import save
from tests.contract_tests.diff.diffing import difference, left_out, refusal, shown
from tests.contract_tests.report.samples import MODEL, entry, exchange, report, violation

COUNT = "request.top_n.count"
OPEN = "request.documents.count"
SLASH = "endpoint.trailing_slash"
BAD = (Outcome.FAILED, Outcome.DIFFERS)
PLAIN = report()


def compared(
    old: Report, new: Report, folder: Path, capsys: pytest.CaptureFixture[str]
) -> tuple[AnyJson, int]:
    save(old, "report-json", folder / "old.json")
    save(new, "report-json", folder / "new.json")
    return difference(folder / "old.json", folder / "new.json", capsys)


def with_outcome(outcome: Outcome, name: str = COUNT) -> Report:
    shown = (violation(name),) if outcome in (*BAD, Outcome.KNOWN) else ()
    return report(entry(name, outcome, violations=shown))


@pytest.mark.parametrize(
    ("before", "after", "effect"),
    [
        (Outcome.PASSED, Outcome.FAILED, "breaks_clients"),
        (Outcome.PASSED, Outcome.DIFFERS, "visible"),
        (Outcome.FAILED, Outcome.PASSED, "visible"),
        (Outcome.INCONCLUSIVE, Outcome.FAILED, "visible"),
        (Outcome.PASSED, Outcome.INCONCLUSIVE, "visible"),
        (Outcome.INCONCLUSIVE, Outcome.PASSED, "harmless"),
    ],
)
def test_a_requirement_that_was_met_and_is_broken_now_breaks_clients(
    before: Outcome,
    after: Outcome,
    effect: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    content, code = compared(with_outcome(before), with_outcome(after), tmp_path, capsys)
    assert shown(content) == [(COUNT, before.value, after.value, effect)]
    assert code == int(effect == "breaks_clients")
    note = "expected 1 result, received 2 results"
    assert (content["changes"][0]["note"] == note) is (after in BAD)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (Outcome.FAILED, Outcome.FAILED),
        (Outcome.DIFFERS, Outcome.FAILED),
        (Outcome.FAILED, Outcome.KNOWN),
    ],
)
def test_what_did_not_hold_before_is_no_change(
    before: Outcome, after: Outcome, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content, code = compared(with_outcome(before), with_outcome(after), tmp_path, capsys)
    assert (content["changes"], content["uncompared"], code) == ([], [], 0)


def test_what_a_baseline_knows_of_is_compared_as_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    known = with_outcome(Outcome.KNOWN)
    content, code = compared(PLAIN, known, tmp_path, capsys)
    assert (shown(content), code) == ([(COUNT, "passed", "failed", "breaks_clients")], 1)
    hindered = report(entry(COUNT, Outcome.KNOWN))
    content, _ = compared(PLAIN, hindered, tmp_path, capsys)
    assert shown(content) == [(COUNT, "passed", "inconclusive", "visible")]


def test_what_was_not_tried_in_one_is_said_and_no_change(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    untried = [entry(COUNT, Outcome.SKIPPED), entry(SLASH, Outcome.OFF)]
    new = report(*untried, entry("response.id.type", Outcome.BROKEN))
    content, code = compared(PLAIN, new, tmp_path, capsys)
    file = tmp_path / "new.json"
    assert (content["changes"], code) == ([], 0)
    assert left_out(content) == {
        f"not tried in {file}": [SLASH, COUNT],
        f"the suite itself failed in {file}": ["response.id.type"],
    }
    broken, _ = compared(new, with_outcome(Outcome.FAILED), tmp_path, capsys)
    assert f"not tried in {tmp_path / 'old.json'}, failed in the other" in left_out(broken)


def test_a_model_that_is_served_no_longer_breaks_clients(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = report(models={MODEL: "it answers 400"})
    content, code = compared(PLAIN, gone, tmp_path, capsys)
    assert shown(content) == [(f"model {MODEL}", "served", "not served", "breaks_clients")]
    assert (content["changes"][0]["note"], code) == ("it answers 400", 1)
    content, code = compared(gone, PLAIN, tmp_path, capsys)
    assert (shown(content)[0][3], code) == ("visible", 0)
    other = report(models={"another": None})
    content, _ = compared(PLAIN, other, tmp_path, capsys)
    assert (content["changes"], len(content["uncompared"])) == ([], 2)


def test_a_switch_that_is_seen_otherwise_is_visible(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seen = Sighting(exchange(b"{}", 401), at=1.0, times=1)
    objects = replace(PLAIN, switches={**PLAIN.switches, "invalid_key": {"object": seen}})
    content, code = compared(PLAIN, objects, tmp_path, capsys)
    assert shown(content) == [("switch invalid_key", "string", "object", "visible")]
    assert code == 0
    unseen = replace(PLAIN, switches={name: {} for name in PLAIN.switches})
    content, _ = compared(PLAIN, unseen, tmp_path, capsys)
    assert left_out(content) == {f"not seen in {tmp_path / 'new.json'}": ["switch invalid_key"]}


def test_an_open_point_is_compared_where_both_runs_tried_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    few, many = (
        report(entry(OPEN, Outcome.PASSED, observed=(f"{count} are accepted",)))
        for count in (101, 1000)
    )
    content, _ = compared(few, many, tmp_path, capsys)
    assert shown(content) == [(OPEN, "101 are accepted", "1000 are accepted", "visible")]
    content, _ = compared(few, replace(many, effort="thorough"), tmp_path, capsys)
    assert content["changes"] == []
    assert content["notes"] == ["the effort differs: standard and thorough"]


@pytest.mark.parametrize(
    ("before", "after", "effect"),
    [
        (
            'status 400, {"code":20015,"message":"too many","data":null}',
            'status 400, {"code": 20015, "message": "at most 50, please", "data": null}',
            "harmless",
        ),
        ('status 404, "no"', "status 404, 404 page not found", "harmless"),
        ('status 400, {"code":20015,"message":"a"}', 'status 400, {"code":1}', "visible"),
        ('status 400, {"message":"a"}', 'status 413, {"message":"a"}', "visible"),
    ],
)
def test_another_message_of_a_refusal_is_harmless(
    before: str, after: str, effect: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = (
        report(
            entry(OPEN, Outcome.PASSED, observed=("10 are accepted", f"101 are refused: {text}"))
        )
        for text in (before, after)
    )
    content, _ = compared(old, new, tmp_path, capsys)
    assert [change["effect"] for change in content["changes"]] == [effect]


def test_an_open_point_that_a_switch_shows_is_said_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, after = (
        report(entry("request.top_n.beyond_documents", Outcome.PASSED, observed=(value,)))
        for value in ("all: All documents are ranked.", "refuse: It is refused.")
    )
    content, _ = compared(before, after, tmp_path, capsys)
    assert content["changes"] == []


@pytest.mark.parametrize(
    ("seconds", "is_reported"), [((0.4, 0.7), False), ((0.4, 0.9), True), ((0.001, 0.04), False)]
)
def test_the_median_latency_is_reported_if_it_doubles(
    seconds: tuple[float, float],
    is_reported: bool,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    old, new = (report(answered=10, latency={50: median, 100: 9.0}) for median in seconds)
    content, _ = compared(old, new, tmp_path, capsys)
    assert [row["place"] for row in content["changes"]] == ["latency (median)"] * is_reported


@pytest.mark.parametrize(
    ("answered", "again", "is_reported"), [(100, 4, False), (40, 4, False), (100, 5, True)]
)
def test_requests_that_were_sent_again_are_reported_if_they_are_many(
    answered: int,
    again: int,
    is_reported: bool,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    old, new = (report(answered=answered, asked_again={"status 503": sent}) for sent in (0, again))
    content, _ = compared(old, new, tmp_path, capsys)
    places = [row["place"] for row in content["changes"]]
    assert places == ["requests answered only when sent again"] * is_reported


def test_tokens_of_other_models_are_not_compared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dearer = report(tokens=9_000, models={"another": None})
    content, _ = compared(PLAIN, dearer, tmp_path, capsys)
    assert content["changes"] == []


@pytest.mark.parametrize(("tokens", "is_reported"), [(4600, False), (5000, True)])
def test_tokens_are_reported_if_the_same_requests_cost_a_tenth_more(
    tokens: int, is_reported: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dearer = report(tokens=tokens)
    content, _ = compared(PLAIN, dearer, tmp_path, capsys)
    assert (
        shown(content) == [("tokens of a request (mean)", "13.5", "15.6", "visible")] * is_reported
    )
    content, _ = compared(PLAIN, replace(dearer, seed=8), tmp_path, capsys)
    assert content["changes"] == []


def test_advice_that_is_new_breaks_clients_if_it_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = "run.har, entry 2"
    told = Advised("top_n_below_one", "breach", "`top_n` is less than 1.", "", place, 1, fails=True)
    clean = report(audit=Audit(("run.har",), 2, 2, {}))
    advised = report(audit=Audit(("run.har",), 2, 2, {}, ("it ends too early",), (told,)))
    content, code = compared(clean, advised, tmp_path, capsys)
    assert shown(content) == [("advice top_n_below_one", None, "breach", "breaks_clients")]
    assert (content["changes"][0]["note"], code) == (f"{told.sentence} {place}", 1)
    assert content["notes"] == [f"{tmp_path / 'new.json'}: it ends too early"]
    content, code = compared(advised, clean, tmp_path, capsys)
    assert (shown(content)[0][3], code) == ("visible", 0)


def test_a_requirement_of_another_revision_is_said_and_no_change(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fewer = replace(PLAIN, entries=PLAIN.entries[1:])
    content, code = compared(fewer, PLAIN, tmp_path, capsys)
    reason = f"not in the revision in {tmp_path / 'old.json'}"
    assert (left_out(content), code) == ({reason: [PLAIN.entries[0].requirement.id]}, 0)


def test_a_fault_of_the_suite_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content, _ = compared(PLAIN, report(fault="no memory"), tmp_path, capsys)
    assert content["notes"] == [f"{tmp_path / 'new.json'}: the suite itself failed: no memory"]


def test_a_file_that_is_no_report_is_refused_with_the_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    save(PLAIN, "report-json", good)
    content = json.loads(good.read_bytes())
    content["requirements"][3]["outcome"] = "perfect"
    bad.write_text(json.dumps(content), "utf-8")
    message = refusal(good, bad, capsys)
    assert "is not a report of `check` or `audit`: requirements[3].outcome: 'perfect'" in message
