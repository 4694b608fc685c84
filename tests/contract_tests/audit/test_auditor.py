"""What recorded exchanges show of the contract, each by itself and two together."""

import json
import random
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from contract_tests.audit import auditor as auditor_module
from contract_tests.audit.auditor import Auditor
from contract_tests.audit.recordings import Tally, read
from contract_tests.contract import AnyJson
from contract_tests.exchanges import is_array, is_object
from contract_tests.judging.connection import Connection
from contract_tests.judging.ledger import Ledger
from contract_tests.judging.limits import EFFORTS, Budget
from contract_tests.judging.run import Run
from tests.contract_tests.audit.archiving import archive, entry
from tests.contract_tests.exchanging import ANSWER, BODY
from tests.contract_tests.newest import NEWEST

WITH_DOCUMENTS: AnyJson = [
    {**result, "document": {"text": BODY["documents"][result["index"]]}}
    for result in ANSWER["results"]
]


def audited(folder: Path, *files: list[AnyJson], tally: Tally | None = None) -> Auditor:
    """Audit archives of those entries."""
    ledger = Ledger(NEWEST)
    connection = Connection(Budget(0), price=lambda _: Decimal(0))
    found = Auditor(Run(NEWEST, EFFORTS["smoke"], 0, ledger, connection))
    for number, entries in enumerate(files):
        path = folder / f"{number}.har"
        path.write_text(json.dumps(archive(entries)), "utf-8")
        found.begin()
        for recorded in read(path, tally or Tally(), lambda _: None):
            found.take(recorded)
    found.conclude()
    return found


def broken(found: Auditor) -> set[str]:
    return {name for name in found.breaches if found.run.ledger.worst(name)}


def tried(found: Auditor) -> set[str]:
    return found.run.ledger.tried


def ranked(*scored: tuple[int, float]) -> AnyJson:
    results = [{"index": i, "relevance_score": s, "document": None} for i, s in scored]
    return {**ANSWER, "results": results}


def test_a_right_exchange_breaks_nothing(tmp_path: Path) -> None:
    found = audited(tmp_path, [entry()])
    assert broken(found) == set()
    assert {"endpoint.rerank", "response.results.sorted", "response.id.unique"} <= tried(found)
    assert found.run.served.models == {BODY["model"]: None}
    assert found.run.ledger.skipped["request.top_n.minimum"] == "no recorded exchange shows it"


@pytest.mark.parametrize(
    ("row", "requirement"),
    [
        (entry(answer=ranked((0, 0.1), (1, 0.9), (2, 0.5))), "response.results.sorted"),
        (entry({**BODY, "top_n": 1}), "request.top_n.count"),
        (entry({**BODY, "top_n": 0}), "request.top_n.minimum"),
        (entry("{"), "request.body.json"),
        (entry(answer="<html>"), "response.body.json"),
        (entry(answer=[]), "response.body.type"),
        (entry(answer="<html>", status=404), "error.body.family"),
    ],
)
def test_a_wrong_answer_breaks_its_requirement(
    row: AnyJson, requirement: str, tmp_path: Path
) -> None:
    found = audited(tmp_path, [entry(), row, row])
    assert requirement in broken(found)
    assert found.breaches[requirement] == 2
    said = found.run.ledger.reason(requirement)
    assert said == f"broken by 2 exchanges, such as {tmp_path / '0.har'}, entry 2"


def test_a_refusal_of_what_is_wrong_shows_the_requirement(tmp_path: Path) -> None:
    refusal: AnyJson = {"code": 20015, "message": "The parameter is invalid.", "data": None}
    wrong, twice = {**BODY, "top_n": 0}, {**BODY, "top_n": 0, "query": ""}
    found = audited(tmp_path, [entry(wrong, refusal, 400)])
    assert "request.top_n.minimum" in tried(found)
    assert broken(found) == set()
    assert "request.top_n.minimum" not in tried(audited(tmp_path, [entry(twice, refusal, 400)]))


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_busy_service_breaks_nothing(status: int, tmp_path: Path) -> None:
    found = audited(tmp_path, [entry(answer="<html>busy</html>", status=status)])
    assert (broken(found), found.judged) == (set(), 0)
    assert found.unjudged == {"the service was busy": 1}


def test_what_the_recorder_has_cut_breaks_nothing(tmp_path: Path) -> None:
    row = entry()
    row["response"]["content"]["text"] = row["response"]["content"]["text"][:20]
    found = audited(tmp_path, [row])
    assert (broken(found), found.judged, sum(found.unjudged.values())) == (set(), 0, 1)


def test_an_id_that_comes_again_is_noticed(tmp_path: Path) -> None:
    again = entry({**BODY, "query": "another"})
    found = audited(tmp_path, [entry(), again])
    assert broken(found) == {"response.id.unique", "response.header.trace_id.unique"}
    (violation,) = found.run.ledger.worst("response.id.unique")
    assert violation.received.endswith(f"again, which {tmp_path / '0.har'}, entry 1 has")


def test_the_same_answer_to_the_same_request_a_while_later_breaks_what_is_unique(
    tmp_path: Path,
) -> None:
    unique = {"response.id.unique", "response.header.trace_id.unique"}
    later = entry(at="2026-11-01T12:00:01.000Z")
    assert broken(audited(tmp_path, [entry(), later])) == unique
    assert broken(audited(tmp_path, [later, entry()])) == unique
    # The earlier one takes 12.5 ms.
    assert broken(audited(tmp_path, [entry(), entry(at="2026-11-01T12:00:00.012Z")])) == set()
    assert broken(audited(tmp_path, [entry(), {**later, "startedDateTime": ""}])) == set()
    assert broken(audited(tmp_path, [entry(), {**later, "_source": "recording"}])) == set()


def test_an_exchange_that_was_recorded_twice_is_one(tmp_path: Path) -> None:
    assert broken(audited(tmp_path, [entry(), entry()], [entry({**BODY, "query": "b"})])) == set()


RANKING = ranked((2, 0.75), (0, 0.5), (1, 0.25))
OTHER = ranked((1, 0.75), (0, 0.5), (2, 0.25))
WITH = {**BODY, "return_documents": True}
TURNED = {**BODY, "documents": BODY["documents"][::-1]}
TURNED_RANKING = ranked((0, 0.75), (2, 0.5), (1, 0.25))


@pytest.mark.parametrize(
    ("body", "answer", "name", "holds"),
    [
        ({**BODY, "top_n": 1}, ranked((2, 0.75)), "request.top_n.most_relevant", True),
        ({**BODY, "top_n": 1}, ranked((1, 0.75)), "request.top_n.most_relevant", False),
        (TURNED, TURNED_RANKING, "response.results.index.permutation", True),
        (TURNED, RANKING, "response.results.index.permutation", False),
        (WITH, {**ANSWER, "results": WITH_DOCUMENTS}, "request.return_documents.ranking", True),
    ],
)
def test_two_exchanges_are_compared_in_either_order(
    body: AnyJson, answer: AnyJson, name: str, holds: bool, tmp_path: Path
) -> None:
    pair = [entry(answer=RANKING, number=1), entry(body, answer, number=2)]
    for rows in (pair, pair[::-1]):
        found = audited(tmp_path, rows)
        assert name in tried(found)
        assert broken(found) == (set() if holds else {name})


def test_exchanges_of_two_files_or_questions_are_not_compared(tmp_path: Path) -> None:
    first, second = entry(answer=RANKING, number=1), entry(WITH, OTHER, number=2)
    assert "request.return_documents.ranking" not in tried(audited(tmp_path, [first], [second]))
    other = entry({**BODY, "instruction": "b", "return_documents": True}, OTHER, number=2)
    assert "request.return_documents.ranking" not in tried(audited(tmp_path, [first, other]))


def test_answers_of_two_services_are_not_compared(tmp_path: Path) -> None:
    other, same = "https://gateway.example/v1/rerank", "HTTPS://API.example:443/v1/rerank"
    again = entry({**BODY, "query": "another"}, url=other)
    cut = entry({**BODY, "top_n": 1}, ranked((1, 0.75)), url=other)
    found = audited(tmp_path, [entry(answer=RANKING), again, cut])
    assert broken(found) == {"response.id.unique", "response.header.trace_id.unique"}
    assert set(found.breaches.values()) == {1}
    cut["request"]["url"] = same
    found = audited(tmp_path, [entry(answer=RANKING), cut])
    assert "request.top_n.most_relevant" in broken(found)
    assert found.base_urls == {"https://api.example/v1": 2}


def test_what_is_remembered_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auditor_module, "REMEMBERED", 5)
    monkeypatch.setattr(auditor_module, "IDS", 5)
    rows = [entry({**BODY, "query": f"{n}"}, number=n + 1) for n in range(20)]
    found = audited(tmp_path, rows)
    memory = found._memory  # pyright: ignore[reportPrivateUsage]
    assert (len(memory.whole), len(memory.ids)) == (5, 5)
    bodies = [(e.request.content or b"") + e.answer.body for e in memory.whole.values()]
    assert memory.size == 2 * sum(map(len, bodies))


#: What no recorder writes, in a place where something else should stand.
ODD: list[AnyJson] = [
    *(None, True, -1, 1e308, "", "\ud800", "\0\x1b[31m", "[" * 5000, "https://[::1", "\u82f9" * 99),
    *([], {}, [[]], [None], {"a": [1]}, [{"index": -1}], {"string": {}}, "9999-99-99T99:99:99Z"),
    '{"results": [{"index": 1e999}]}',
]


def places(value: AnyJson, way: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Where anything stands in a value."""
    inner: list[tuple[str | int, AnyJson]] = []
    if is_object(value):
        inner += value.items()
    elif is_array(value):
        inner += enumerate(value)
    for name, held in inner:
        yield (*way, name)
        yield from places(held, (*way, name))


def test_no_row_is_too_odd(tmp_path: Path) -> None:
    drawn, rows = random.Random(0), [entry(number=n + 1) for n in range(400)]
    for row in rows:
        *way, last = drawn.choice([*places(row)])
        place: AnyJson = row
        for name in way:
            place = place[name]
        place[last] = drawn.choice(ODD)
    tally = Tally()
    found = audited(tmp_path, rows, tally=tally)
    counted = found.judged + found.unjudged.total() + tally.skipped.total()
    assert (counted, tally.rows) == (400, 400)
