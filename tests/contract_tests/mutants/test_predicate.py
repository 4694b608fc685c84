"""The predicate sees what the page forbids, and nothing in targets that conform."""

import json
from collections.abc import Callable, Iterator

import httpx
import pytest

from contract_tests.contract import AnyJson
from contract_tests.exchanges import Answer, Request
from contract_tests.mutants.conforming_variants import CONFORMING_VARIANTS
from contract_tests.mutants.operators import WrappedTarget
from contract_tests.mutants.pool import pool
from contract_tests.mutants.predicate import Predicate
from contract_tests.targets import HttpTarget, Target
from mockserver.testing.fixtures import RerankMock
from tests.contract_tests.exchanging import ANSWER, BODY, HEADERS, answer
from tests.contract_tests.newest import NEWEST

RETURNED = {**BODY, "return_documents": True}
TEXTS = ["a", "b", "c"]


def results(*edits: dict[str, AnyJson]) -> AnyJson:
    """The usual answer with members of its results changed, from the first on."""
    changed = [{**result, **edit} for result, edit in zip(ANSWER["results"], edits, strict=False)]
    return {**ANSWER, "results": [*changed, *ANSWER["results"][len(edits) :]]}


def with_texts(texts: dict[int, AnyJson]) -> AnyJson:
    return results(
        *({"document": {"text": texts[result["index"]]}} for result in ANSWER["results"])
    )


@pytest.fixture
def target(rerank_mock: RerankMock) -> Iterator[Target]:
    with httpx.Client() as client:
        yield HttpTarget(client, rerank_mock.base_url, rerank_mock.api_key)


@pytest.mark.parametrize(
    ("sent", "received", "breach"),
    [
        (BODY, answer(b"not JSON"), "the body is not a JSON object"),
        (BODY, answer([]), "the body is not a JSON object"),
        (BODY, answer({**ANSWER, "id": 7}), "no id"),
        (BODY, answer(headers={}), "no trace id"),
        (BODY, answer({**ANSWER, "results": [1]}), "results are not an array of objects"),
        (BODY, answer(results({"index": "2"})), "an index that is not an integer"),
        (BODY, answer(results({"index": 3})), "an index at which no document was sent"),
        (BODY, answer(results({"index": 0})), "an index twice"),
        (BODY, answer(results({"relevance_score": None})), "a score that is not a number"),
        (BODY, answer(results({"relevance_score": 0.1})), "not sorted"),
        (BODY, answer(results({"document": []})), "a document that is not an object"),
        (BODY, answer(results({"document": {"text": "c"}})), "a text that was not asked for"),
        (RETURNED, answer(), "not the text that was sent at that index"),
        (
            RETURNED,
            answer(with_texts({0: "a", 1: "b", 2: "c "})),
            "not the text that was sent at that index",
        ),
        ({**BODY, "top_n": 2}, answer(), "3 results for top_n 2"),
        (BODY, answer({**ANSWER, "meta": None}), "meta, tokens or billed_units are not objects"),
        (
            BODY,
            answer({**ANSWER, "meta": {"tokens": {"input_tokens": 0.5}}}),
            "input_tokens is not an integer",
        ),
        (BODY, answer(status=201), "status 201"),
        (BODY, answer("no", 400), "status 400"),
        ({**BODY, "documents": ["a"] * 17}, answer("no", 500), "status 500"),
    ],
)
def test_what_the_page_forbids_is_a_breach(sent: AnyJson, received: Answer, breach: str) -> None:
    assert Predicate(NEWEST).breach(sent, lambda _: received) == breach


@pytest.mark.parametrize(
    ("sent", "received"),
    [
        (BODY, answer()),
        (RETURNED, answer(with_texts(dict(enumerate(TEXTS))))),
        (BODY, answer({"id": "a", "results": ANSWER["results"][:1]})),
        (BODY, answer(results({"index": 2.0, "document": {"text": None}}))),
        (BODY, answer("busy", 503)),
        ({**BODY, "documents": ["a"] * 17}, answer("no", 413)),
        ({**BODY, "documents": ["a" * 2001]}, answer("no", 422)),
        ({**BODY, "documents": ["a\0b"]}, answer("no", 400)),
    ],
)
def test_what_the_page_leaves_open_is_no_breach(sent: AnyJson, received: Answer) -> None:
    assert Predicate(NEWEST).breach(sent, lambda _: received) is None


def test_an_id_of_another_answer_is_a_breach() -> None:
    predicate = Predicate(NEWEST)
    assert predicate.breach(BODY, lambda _: answer()) is None
    assert predicate.breach(BODY, lambda _: answer()) == "the trace id of another answer"


def ranks_by(scores: Callable[[AnyJson], list[float]]) -> Callable[[AnyJson], Answer]:
    """Answer with those scores, and ids of one's own."""
    count = iter(range(1000))

    def ask(body: AnyJson) -> Answer:
        number = str(next(count))
        ranked = sorted(enumerate(scores(body)), key=lambda pair: -pair[1])[: body.get("top_n")]
        entries = [{"index": index, "relevance_score": score} for index, score in ranked]
        headers = {**HEADERS, "x-siliconcloud-trace-id": number}
        return answer({"id": number, "results": entries}, headers=headers)

    return ask


@pytest.mark.parametrize(
    "other",
    [{**BODY, "top_n": 1}, {**BODY, "return_documents": False}, {**BODY, "instruction": "a"}],
)
def test_another_ranking_of_the_same_documents_is_a_breach(other: AnyJson) -> None:
    def scores(body: AnyJson) -> list[float]:
        return [0.1, 0.2, 0.3] if body == BODY else [0.3, 0.2, 0.1]

    predicate, ask = Predicate(NEWEST), ranks_by(scores)
    assert predicate.breach(BODY, ask) is None
    assert str(predicate.breach(other, ask)).startswith("another ranking than for")


def test_scores_that_do_not_repeat_are_no_breach() -> None:
    rising = iter(range(100))

    def scores(_: AnyJson) -> list[float]:
        by = float(next(rising) == 1)
        return [0.1 + by, 0.2, 0.3]

    predicate, ask = Predicate(NEWEST), ranks_by(scores)
    assert [predicate.breach(body, ask) for body in (BODY, {**BODY, "top_n": 3})] == [None, None]


@pytest.mark.slow
@pytest.mark.rerank_mock(fail_on="nothing")
@pytest.mark.parametrize("name", [None, *CONFORMING_VARIANTS])
def test_no_freedom_is_a_breach(name: str | None, target: Target) -> None:
    served = [body for body in pool(NEWEST) if NEWEST.models[body["model"]].state == "online"]
    if name:
        target = WrappedTarget(target, CONFORMING_VARIANTS[name](NEWEST))
        # Neighbours in the pool are alike.
        served = served[::9]
    predicate = Predicate(NEWEST)

    def ask(body: AnyJson) -> Answer:
        return target.send(Request(body))

    found = ((body, predicate.breach(body, ask)) for body in served)
    assert next((json.dumps(pair)[:500] for pair in found if pair[1]), None) is None
