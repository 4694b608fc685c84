"""A limit that is a number is found with few requests, or said to be at least some number."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from contract_tests.__main__ import main
from contract_tests.contract import AnyJson
from contract_tests.exchanges import Answer, Request, member
from contract_tests.judging.connection import InconclusiveError
from contract_tests.judging.judge import Judge
from contract_tests.judging.numbers import USUAL, largest, search_limit
from contract_tests.report.builder import report_of
from contract_tests.report.writers import WRITERS
from tests.contract_tests.exchanging import BGE, answer, new_run
from tests.contract_tests.newest import MODELS

RANKED = answer({"id": "a", "results": [{"index": 0, "relevance_score": 0.5}], "meta": {}})
PARAMETER_ERROR = answer({"code": 20015, "message": "too many", "data": None}, 400)
TOO_LARGE = answer({"code": 20042, "message": "too large", "data": None}, 413)


class Limited:
    """Answers requests by what `answers` says of their number of documents, or their bytes."""

    base_url = "http://stand-in/v1"

    def __init__(self, answers: Callable[[int, int], Answer]) -> None:
        self._answers = answers
        #: Number of documents and length of each request.
        self.sizes: list[tuple[int, int]] = []

    def send(self, request: Request) -> Answer:
        self.sizes.append((len(member(request.body, "documents")), len(request.content or b"")))
        return self._answers(*self.sizes[-1])


def ended(judge: Judge, name: str) -> str | None:
    """Search a limit; return why that ended early."""
    try:
        search_limit(judge, MODELS[BGE], name)
    except InconclusiveError as error:
        return str(error)
    return None


def searched(
    answers: Callable[[int, int], Answer], *names: str
) -> tuple[AnyJson, dict[str, str | None], Limited]:
    """Search limits; return what is written of them, why a search ended early, and the target."""
    run, _ = new_run()
    target, reasons = Limited(answers), dict[str, str | None]()
    for name in names:
        reasons[name] = ended(Judge(run, target, name, frozenset()), name)
    return json.loads(WRITERS["behaviour-json"].write(report_of(run))), reasons, target


def up_to(limit: int) -> Callable[[int, int], Answer]:
    return lambda documents, _: RANKED if documents <= limit else PARAMETER_ERROR


@pytest.mark.parametrize("name", USUAL)
def test_every_usual_limit_is_found_with_at_most_six_requests(name: str) -> None:
    for limit in USUAL[name]:
        tried: list[int] = []

        def takes(number: int, limit: int = limit, tried: list[int] = tried) -> bool:
            tried.append(number)
            return number <= limit

        assert largest(USUAL[name], takes) == (limit, limit + 1)
        assert len(tried) <= 6 if limit + 1 not in USUAL[name] else 7


@pytest.mark.parametrize("limit", [1, 2, 9, 11, 777, 2047])
def test_any_other_limit_is_found_exactly(limit: int) -> None:
    assert largest(USUAL["max_documents"], lambda number: number <= limit) == (limit, limit + 1)


def test_what_is_never_refused_is_at_least_the_largest_that_was_tried() -> None:
    written, _, target = searched(up_to(10_000), "max_documents")
    row = written["observed"]["switches"]["max_documents"]
    assert "max_documents" not in written
    assert (row["values"], row["accepted"]["number"], row["accepted"]["times"]) == ([], 2049, 1)
    assert len(target.sizes) == 5


def test_a_limit_has_both_exchanges_that_show_it_each_tried_twice() -> None:
    written, _, _ = searched(up_to(77), "max_documents")
    row = written["observed"]["switches"]["max_documents"]
    assert written["max_documents"] == 77
    assert written["too_many_documents"] == "parameter_error"
    (value,) = row["values"]
    assert (value["value"], value["status"], value["times"]) == (77, 400, 2)
    assert (row["accepted"]["number"], row["accepted"]["status"]) == (77, 200)
    assert row["accepted"]["times"] == 2


def test_the_body_is_filled_up_with_spaces_and_costs_few_tokens() -> None:
    written, _, target = searched(
        lambda _, length: RANKED if length <= 100_000 else TOO_LARGE, "max_body_bytes"
    )
    row = written["observed"]["switches"]["max_body_bytes"]
    assert written["max_body_bytes"] == 100_000
    assert {documents for documents, _ in target.sizes} == {2}
    line = row["values"][0]["request"]
    assert len(line) < 400
    assert line.endswith("(the body filled up with spaces to 100001 bytes)")


def test_documents_that_do_not_fit_into_the_largest_body_are_not_tried() -> None:
    written, reasons, target = searched(
        lambda _, length: RANKED if length <= 1_346 else TOO_LARGE,
        *("max_body_bytes", "max_documents"),
    )
    assert "max_documents" not in written
    assert reasons["max_documents"] == "max_documents: 257 do not fit into 1346 bytes"
    assert written["observed"]["switches"]["max_documents"]["accepted"]["number"] == 256
    assert max(documents for documents, _ in target.sizes) == 256


def test_another_answer_ends_the_search_and_is_kept() -> None:
    written, reasons, _ = searched(
        lambda documents, _: RANKED if documents <= 300 else answer("no", 418), "max_documents"
    )
    row = written["observed"]["switches"]["max_documents"]
    assert reasons["max_documents"] == 'max_documents: 512 gets status 418, "no"'
    assert "max_documents" not in written
    assert (row["accepted"]["number"], row["unlike"]["status"]) == (128, 418)


def test_a_limit_that_does_not_show_again_has_no_value() -> None:
    counts: list[int] = []

    def answers(documents: int, _: int) -> Answer:
        counts.append(documents)
        return RANKED if documents <= 100 or counts.count(documents) > 1 else PARAMETER_ERROR

    written, _, _ = searched(answers, "max_documents")
    assert "max_documents" not in written
    assert written["observed"]["switches"]["max_documents"]["unlike"]["times"] >= 1


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        (1000, 1000, None),
        (1000, 500, "1000 -> 500 (breaks clients)"),
        (500, 1000, "500 -> 1000 (visible)"),
        (9999, 1000, "at least 2049 -> 1000 (breaks clients)"),
        (1000, 9999, "1000 -> at least 2049 (visible)"),
        (9999, 9999, None),
    ],
)
def test_a_lower_limit_breaks_clients(
    before: int,
    after: int,
    change: str | None,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, limit in (("old", before), ("new", after)):
        written, _, _ = searched(up_to(limit), "max_documents")
        # Whether there is any refusal is another switch.
        written["observed"]["switches"]["too_many_documents"]["values"] = []
        (tmp_path / name).write_text(json.dumps(written), "utf-8")
    code = main(["diff", str(tmp_path / "old"), str(tmp_path / "new")])
    first = capsys.readouterr().out.splitlines()[0]
    assert code == (1 if change and "breaks" in change else 0)
    assert first == (f"max_documents: {change}" if change else "no difference in 1 switch")
