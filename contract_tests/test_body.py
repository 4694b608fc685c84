"""Body: application/json, an object, and what holds for all of its fields."""

import json

import pytest
from hypothesis import strategies as st

from .checks.relations import same_ranking, scores
from .contract import Model
from .examples import NEARLY_JSON, NOT_JSON, UNKNOWN_FIELDS
from .exchanges import Exchange, Layout, Request
from .judging.connection import seen
from .judging.judge import Judge
from .strategies import Body


@pytest.mark.requirement("request.body.json")
@pytest.mark.models("first")
@pytest.mark.usefixtures("model")
@pytest.mark.sends(tokens=0)
def test_a_body_that_is_not_json_is_refused(judge: Judge) -> None:
    judge.examine(
        st.sampled_from(NOT_JSON[::-1]),
        lambda body: judge.refuses("request.body.json", Request(body)),
    )


@pytest.mark.requirement("request.body.json")
@pytest.mark.models("first")
@pytest.mark.effort("standard")
@pytest.mark.parametrize("mistake", NEARLY_JSON)
@pytest.mark.sends(tokens=0, examples=1)
def test_a_body_that_is_nearly_json_is_refused(judge: Judge, model: Model, mistake: str) -> None:
    body = NEARLY_JSON[mistake](json.dumps(judge.draw.plainest(model)).encode())
    judge.examine_once(lambda: judge.refuses("request.body.json", Request(body)))


@pytest.mark.requirement("request.body.equivalent")
@pytest.mark.sends(requests=2)
def test_the_same_json_written_otherwise_is_ranked_the_same(judge: Judge, model: Model) -> None:
    def prove(example: tuple[Body, Layout]) -> None:
        body, layout = example
        plain = judge.reference(body)
        reordered = dict(reversed(body.items()))
        other = judge.send(Request(reordered, layout=layout))
        _compare(judge, "request.body.equivalent", plain, other)

    # Most programs write escapes.
    texts = [*judge.draw.corpus, "深度学习", "emoji \U0001f469\u200d\U0001f4bb"]
    bodies = judge.draw.valid(model, documents=texts, **judge.draw.echo(model))
    layouts = [Layout(escaped=True, indent=2), Layout(escaped=True), Layout(indent=0)]
    judge.examine(st.tuples(bodies, st.sampled_from(layouts)), prove)


@pytest.mark.requirement("request.body.charset")
@pytest.mark.effort("standard")
@pytest.mark.sends(tokens=20, examples=1)
def test_a_charset_changes_nothing(judge: Judge, model: Model) -> None:
    def prove() -> None:
        body = judge.draw.plainest(model)
        content_type = "application/json; charset=utf-8"
        other = judge.probe(Request(body, content_type=content_type))
        _compare(judge, "request.body.charset", judge.reference(body), other)

    judge.examine_once(prove)


@pytest.mark.requirement("request.body.chunked")
@pytest.mark.effort("standard")
@pytest.mark.models("first")
@pytest.mark.sends(requests=2, tokens=40, examples=1)
def test_what_a_body_in_chunks_is_answered_with(judge: Judge, model: Model) -> None:
    def prove() -> None:
        body = {**judge.draw.plainest(model), **judge.draw.echo(model)}
        other = judge.asks(Request(body, chunked=True))
        if other.ranking:
            _compare(judge, "request.body.equivalent", judge.reference(body), other)
        judge.note("request.body.chunked", "accepted" if other.ranking else seen(other.answer))

    judge.examine_once(prove)


def _compare(judge: Judge, requirement: str, plain: Exchange, other: Exchange) -> None:
    difference = same_ranking(scores(plain), scores(other))
    if other.answer.status != 200:
        difference = iter([("the same ranking", seen(other.answer))])
    judge.compare(requirement, difference, plain, other)


@pytest.mark.requirement("request.body.large_number")
@pytest.mark.effort("standard")
@pytest.mark.models("first")
@pytest.mark.parametrize("exponent", [31, 53, 63, 64])
@pytest.mark.sends(tokens=20, examples=1)
def test_what_a_large_number_is_answered_with(judge: Judge, model: Model, exponent: int) -> None:
    # One more, where a number that is kept as a fraction is rounded.
    number = 2**exponent + 1

    def prove() -> None:
        unbounded = [
            name
            for name in judge.draw.optional(model)
            if "maximum" not in judge.draw.keywords(model, name)
            and judge.draw.keywords(model, name)["type"][1] == "integer"
        ]
        body = {**judge.draw.plainest(model), **dict.fromkeys(unbounded, number)}
        exchange = judge.tries(Request(body))
        finding = "accepted" if exchange.ranking else seen(exchange.answer)
        judge.note("request.body.large_number", f"2^{exponent}: {finding}")

    judge.examine_once(prove)


@pytest.mark.requirement("request.body.unknown_field")
@pytest.mark.effort("standard")
@pytest.mark.models("first")
@pytest.mark.sends(requests=2)
def test_an_unknown_field_changes_nothing(judge: Judge, model: Model) -> None:
    def prove(example: tuple[Body, str]) -> None:
        body, name = example
        plain = judge.reference(body)
        extended = judge.ranks("request.body.unknown_field", {**body, name: UNKNOWN_FIELDS[name]})
        difference = same_ranking(scores(plain), scores(extended))
        judge.compare("request.body.unknown_field", difference, plain, extended)

    judge.examine(st.tuples(judge.draw.valid(model), st.sampled_from(list(UNKNOWN_FIELDS))), prove)


@pytest.mark.requirement("request.body.null")
@pytest.mark.effort("standard")
@pytest.mark.models("first")
@pytest.mark.sends(requests=2)
def test_an_optional_field_that_is_null_counts_as_absent(judge: Judge, model: Model) -> None:
    optional = judge.draw.optional(model)

    def prove(example: tuple[Body, str]) -> None:
        body = {name: value for name, value in example[0].items() if name != example[1]}
        absent = judge.reference(body)
        null = judge.ranks("request.body.null", {**body, example[1]: None})
        judge.compare("request.body.null", same_ranking(scores(absent), scores(null)), absent, null)

    judge.examine(st.tuples(judge.draw.valid(model), st.sampled_from(optional)), prove)
