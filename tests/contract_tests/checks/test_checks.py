"""Every check is shown an exchange that conforms and one that does not."""

import random
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from contract_tests.checks.catalogue import CHECKS, examine
from contract_tests.checks.check import ranked
from contract_tests.contract import AnyJson
from contract_tests.exchanges import Exchange, Request
from tests.contract_tests.exchanging import ANSWER, BODY, answer, exchange, ranking
from tests.contract_tests.newest import NEWEST, REQUIREMENTS

RESULT: AnyJson = {"index": 0, "relevance_score": 0.5}
META: AnyJson = ANSWER["meta"]
ONE: AnyJson = {**BODY, "documents": "a"}


def broken(sent: Exchange) -> set[str]:
    return {violation.requirement for violation in examine(NEWEST, sent)[1]}


def answering(body: AnyJson, sent: AnyJson = BODY) -> Exchange:
    return exchange(sent, body)


def with_result(sent: AnyJson = ONE, **changes: AnyJson) -> Exchange:
    return answering({**ANSWER, "results": [{**RESULT, **changes}]}, sent)


def without(name: str) -> Exchange:
    (kept,) = [key for key in RESULT if key != name]
    return answering({**ANSWER, "results": [{kept: RESULT[kept]}]}, ONE)


def with_headers(status: int = 200, **headers: str) -> Exchange:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    body = ANSWER if status == 200 else {"message": "no"}
    return Exchange(Request(BODY), answer(body, status, named))


def refusal(body: AnyJson, status: int = 400) -> Exchange:
    return exchange(BODY, body, status)


def returning(wanted: bool | None, *documents: AnyJson, sent: AnyJson = "a") -> Exchange:
    body = {**BODY, "documents": [sent] * len(documents)}
    if wanted is not None:
        body["return_documents"] = wanted
    results = [{**RESULT, "index": place, "document": it} for place, it in enumerate(documents)]
    return answering({**ANSWER, "results": results}, body)


def cut(top_n: int | None, count: int) -> Exchange:
    body = BODY if top_n is None else {**BODY, "top_n": top_n}
    return answering({**ANSWER, "results": ANSWER["results"][:count]}, body)


def repeating(repeats_key: bool) -> Exchange:
    return Exchange(Request(BODY), replace(answer(), repeats_key=repeats_key))


NO_OBJECTS: list[AnyJson] = [[], None, {"tokens": 1}, {"billed_units": []}]
NO_RESULTS: list[AnyJson] = [None, {}, [0], "a"]
NO_MESSAGES: list[AnyJson] = [
    *(b"", b"  ", b" <html>", {}, {"detail": []}, {"message": ""}, [], None, 7, ""),
    {"message": "no", "code": "20015"},
]
#: Requirement -> an exchange that keeps it, and exchanges that break it and perhaps others.
TABLE: dict[str, tuple[Exchange, list[Exchange]]] = {
    "response.body.type": (answering(ANSWER), [answering([]), answering("a"), answering(None)]),
    "response.body.json": (
        answering(ANSWER),
        [answering(body) for body in (b"", b"{", b'{"id": NaN}', b"\xff", b"<html>")],
    ),
    "response.id.required": (answering(ANSWER), [answering({"results": []})]),
    "response.id.type": (
        answering({**ANSWER, "id": "a"}),
        [answering({**ANSWER, "id": wrong}) for wrong in ("", 7, None, ["a"])],
    ),
    "response.id.format": (
        answering(ANSWER),
        [
            answering({**ANSWER, "id": wrong})
            for wrong in (
                ANSWER["id"].upper(),
                ANSWER["id"][:-1],
                ANSWER["id"].replace("7", "4"),
                "0190a5b0-c0de-7abc-8def-0123456789ab",
                ANSWER["id"][:16] + "c" + ANSWER["id"][17:],
            )
        ],
    ),
    "response.results.required": (answering(ANSWER), [answering({"id": "a", "data": []})]),
    "response.results.type": (
        answering(ANSWER),
        [answering({**ANSWER, "results": wrong}) for wrong in NO_RESULTS],
    ),
    "response.results.index.required": (with_result(), [without("index")]),
    "response.results.index.type": (
        with_result(),
        [with_result(index=wrong) for wrong in ("0", 0.5, None, True)],
    ),
    "response.results.index.range": (
        ranking((2, 0.5)),
        [ranking((3, 0.5)), ranking((-1, 0.5)), with_result(index=1)],
    ),
    "response.results.index.unique": (
        ranking((2, 0.5), (1, 0.5)),
        [ranking((2, 0.5), (1, 0.5), (2, 0.5))],
    ),
    "response.results.relevance_score.required": (with_result(), [without("relevance_score")]),
    "response.results.relevance_score.type": (
        with_result(relevance_score=-3),
        [with_result(relevance_score=wrong) for wrong in ("0.5", None, True)],
    ),
    "response.results.relevance_score.range": (
        ranking((0, 1), (1, 0)),
        [ranking((0, 1.01)), ranking((0, -0.01))],
    ),
    "response.results.document.type": (
        with_result(document=None),
        [with_result(document=wrong) for wrong in ("a", ["a"], {"text": 1})],
    ),
    "response.results.index.literal": (with_result(index=0), [with_result(index=0.0)]),
    "response.results.sorted": (
        ranking((0, 0.5), (1, 0.5), (2, 0.1)),
        [ranking((0, 0.5), (1, 0.1), (2, 0.10001))],
    ),
    "response.results.complete": (cut(None, 3), [cut(None, 2), ranking()]),
    "response.meta.type": (
        answering({"id": "a", "results": []}),
        [answering({**ANSWER, "meta": wrong}) for wrong in NO_OBJECTS],
    ),
    "response.meta.count.type": (
        answering({**ANSWER, "meta": {"tokens": {"output_tokens": 0}}}),
        [
            answering({**ANSWER, "meta": {part: {name: wrong}}})
            for part, name, wrong in (
                ("tokens", "input_tokens", 2.5),
                ("billed_units", "search_units", "1"),
                ("tokens", "image_tokens", None),
            )
        ],
    ),
    "response.meta.count.minimum": (
        answering({**ANSWER, "meta": {"tokens": {"output_tokens": 0}}}),
        [answering({**ANSWER, "meta": {"tokens": {"output_tokens": -1}}})],
    ),
    "response.meta.tokens": (
        answering(ANSWER),
        [
            answering({"id": "a", "results": []}),
            answering({**ANSWER, "meta": {"tokens": META["tokens"]}}),
            answering({**ANSWER, "meta": {**META, "tokens": {"input_tokens": 5}}}),
        ],
    ),
    "response.header.content_type": (
        with_headers(content_type="Application/JSON; charset=utf-8"),
        [
            with_headers(content_type="text/plain"),
            with_headers(),
            with_headers(content_type="application/json5"),
        ],
    ),
    "response.header.trace_id": (
        with_headers(x_siliconcloud_trace_id="ti_1"),
        [with_headers(), with_headers(x_siliconcloud_trace_id=" ")],
    ),
    "error.header.trace_id": (
        with_headers(400, x_siliconcloud_trace_id="ti_1"),
        [with_headers(400), with_headers(401, x_siliconcloud_trace_id="")],
    ),
    "error.status.listed": (
        refusal({"message": "no"}, 499),
        [refusal({"message": "no"}, status) for status in (500, 501, 502, 505, 520)],
    ),
    "error.body.family": (
        refusal("Invalid token"),
        [refusal(wrong) for wrong in NO_MESSAGES],
    ),
    "error.key_hidden": (repeating(False), [repeating(True)]),
    "request.top_n.count": (cut(2, 2), [cut(2, 3), cut(2, 1), cut(3, 2), cut(1, 0)]),
    "request.top_n.beyond_documents": (cut(4, 3), [cut(4, 2)]),
    "request.return_documents.true": (
        returning(True, {"text": "a"}),
        [
            returning(True, wrong)
            for wrong in (None, {}, {"text": "A"}, {"text": "a "}, {"text": None}, "a")
        ],
    ),
    "request.return_documents.false": (
        returning(False, None, {}, {"text": ""}, {"text": None}),
        [returning(False, {"text": "a"}), returning(False, None, {"text": "b"})],
    ),
    "request.return_documents.default": (
        returning(None, None, {}),
        [returning(None, {"text": "a"})],
    ),
}


def test_every_requirement_that_a_check_reports_is_shown_both_ways() -> None:
    reported = frozenset[str]().union(*(check.requirements(NEWEST) for check in CHECKS))
    assert TABLE.keys() == reported & REQUIREMENTS.keys()


@pytest.mark.parametrize("requirement", TABLE)
def test_what_keeps_a_requirement_is_tried_and_not_accused(requirement: str) -> None:
    kept, _ = TABLE[requirement]
    tried, violations = examine(NEWEST, kept)
    assert requirement in tried
    assert requirement not in {violation.requirement for violation in violations}


@pytest.mark.parametrize(
    ("requirement", "breach"),
    [(requirement, breach) for requirement, (_, breaches) in TABLE.items() for breach in breaches],
)
def test_what_breaks_a_requirement_is_found(requirement: str, breach: Exchange) -> None:
    tried, violations = examine(NEWEST, breach)
    assert requirement in tried
    found = [violation for violation in violations if violation.requirement == requirement]
    assert found
    assert all(one.expected and one.received and one.exchanges == (breach,) for one in found)


def test_an_answer_that_conforms_is_not_accused_of_anything() -> None:
    assert broken(exchange()) == set()
    assert broken(refusal({"code": 20015, "message": "no", "data": None})) == set()
    assert broken(refusal(b"404 page not found", 404)) == set()
    assert broken(refusal("Gateway Timeout", 504)) == set()


@pytest.mark.parametrize(
    "changes",
    [
        {"warnings": [], "object": "list"},
        {"meta": META | {"more": 1}},
        {"results": [{**result, "rank": 1} for result in ANSWER["results"]]},
        {"results": [{**RESULT, "index": index} for index in (2, 0, 1)]},
        {"results": [{"index": i, "relevance_score": 1 - i / 4} for i in range(3)]},
    ],
)
def test_a_freedom_of_the_contract_is_not_accused(changes: AnyJson) -> None:
    assert broken(answering({**ANSWER, **changes})) == set()


@pytest.mark.parametrize("top_n", [0, -1, True, "2", 2.0, None])
def test_a_doubtful_top_n_is_not_counted_by(top_n: AnyJson) -> None:
    tried, violations = examine(NEWEST, answering(ANSWER, {**BODY, "top_n": top_n}))
    assert not {"request.top_n.count", "request.top_n.beyond_documents"} & tried
    assert not violations


def test_only_what_was_asked_at_the_endpoint_is_held_against_its_rules() -> None:
    elsewhere = Request(BODY, path="/models"), Request(None, method="GET")
    for request in elsewhere:
        tried, violations = examine(NEWEST, Exchange(request, answer(b"hello", headers={})))
        assert tried == {"error.key_hidden"}
        assert not violations


UNREADABLE: AnyJson = {**ANSWER, "results": [{"index": 0}]}
NOTHING: AnyJson = {**ANSWER, "results": []}


@pytest.mark.parametrize(
    ("sent", "received", "is_ranked"),
    [
        (BODY, ANSWER, True),
        (ONE, NOTHING, True),
        (BODY, UNREADABLE, False),
        ({**BODY, "documents": 1}, ANSWER, False),
        (b"{", ANSWER, False),
    ],
)
def test_results_are_judged_where_documents_and_ranking_can_be_read(
    sent: AnyJson, received: AnyJson, is_ranked: bool
) -> None:
    assert ranked(exchange(sent, received)) is is_ranked
    assert ("response.results.sorted" in examine(NEWEST, exchange(sent, received))[0]) is is_ranked


def test_content_objects_are_not_expected_to_come_back_as_text() -> None:
    assert broken(returning(True, {"image": "a"}, sent={"image": "a"})) == set()


@pytest.mark.parametrize(
    ("body", "hint"), [([], "TEI and SGLang"), ({"id": "a", "data": []}, "Voyage")]
)
def test_the_dialect_of_a_neighbour_is_recognised(body: AnyJson, hint: str) -> None:
    _, violations = examine(NEWEST, answering(body))
    assert any(hint in violation.received for violation in violations)


TEXTS = st.lists(st.text(max_size=5), min_size=1, max_size=8)


@st.composite
def correct(draw: st.DrawFn) -> tuple[AnyJson, AnyJson]:
    """A request, and a correct answer to it from a service that ranks at random."""
    texts = draw(TEXTS)
    body: AnyJson = {**BODY, "documents": texts}
    scored = [(draw(st.floats(0, 1)), index) for index in range(len(texts))]
    scored.sort(key=lambda pair: -pair[0])
    if draw(st.booleans()):
        # As the service is said to do with documents that are empty.
        scored = [(score, index) for score, index in scored if texts[index]]
    if draw(st.booleans()):
        body["top_n"] = draw(st.integers(1, 10))
    if draw(st.booleans()):
        body["return_documents"] = draw(st.booleans())
    results = [
        {
            "index": index,
            "relevance_score": score,
            "document": {"text": texts[index]} if body.get("return_documents") else None,
        }
        for score, index in scored[: body.get("top_n")]
    ]
    return body, {**ANSWER, "results": results}


@given(correct())
def test_a_correct_ranking_is_never_accused(one: tuple[AnyJson, AnyJson]) -> None:
    sent, received = one
    assert broken(exchange(sent, received)) == set()


def _changed(results: AnyJson, place: int, *dropped: str, **changes: AnyJson) -> AnyJson:
    kept = {name: value for name, value in results[place].items() if name not in dropped}
    return [*results[:place], {**kept, **changes}, *results[place + 1 :]]


#: Requirement -> how the result at a place is spoilt, given how many documents were sent.
CORRUPTIONS: dict[str, Callable[[AnyJson, int, int], AnyJson]] = {
    "response.results.index.range": lambda results, place, count: _changed(
        results, place, index=count
    ),
    "response.results.index.unique": lambda results, place, _: _changed(
        results, place, index=results[place - 1]["index"]
    ),
    "response.results.sorted": lambda results, place, _: _changed(
        results, place, relevance_score=results[0]["relevance_score"] + 0.125
    ),
    "response.results.index.required": lambda results, place, _: _changed(results, place, "index"),
    "response.results.relevance_score.type": lambda results, place, _: _changed(
        results, place, relevance_score=str(results[place]["relevance_score"])
    ),
    "response.results.document.type": lambda results, place, _: _changed(
        results, place, document="text"
    ),
}


@pytest.mark.parametrize("requirement", CORRUPTIONS)
@given(one=correct().filter(lambda one: len(one[1]["results"]) > 1), order=st.randoms())
def test_one_spoilt_result_is_always_found(
    requirement: str, one: tuple[AnyJson, AnyJson], order: random.Random
) -> None:
    sent, received = one
    place = order.randrange(1, len(received["results"]))
    results = CORRUPTIONS[requirement](received["results"], place, len(sent["documents"]))
    assert requirement in broken(exchange(sent, {**received, "results": results}))


@given(one=correct().filter(lambda one: one[0].get("return_documents")), order=st.randoms())
def test_one_character_of_a_returned_text_is_enough(
    one: tuple[AnyJson, AnyJson], order: random.Random
) -> None:
    sent, received = one
    assume(received["results"])
    place = order.randrange(len(received["results"]))
    text = received["results"][place]["document"]["text"]
    results = _changed(received["results"], place, document={"text": text + " "})
    assert broken(exchange(sent, {**received, "results": results})) == {
        "request.return_documents.true"
    }


@given(one=correct(), more=st.sampled_from([-1, 1]))
def test_one_result_too_many_or_too_few_is_found(one: tuple[AnyJson, AnyJson], more: int) -> None:
    sent, received = one
    results = received["results"]
    assume(results and sent["documents"][results[-1]["index"]])
    changed = [*results, results[-1]] if more > 0 else results[:-1]
    counting = {
        "request.top_n.count",
        "request.top_n.beyond_documents",
        "response.results.complete",
    }
    assert len(broken(exchange(sent, {**received, "results": changed})) & counting) == 1
