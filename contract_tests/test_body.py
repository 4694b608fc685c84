"""Body: application/json, an object, and what holds for all of its fields."""

import pytest
from hypothesis import strategies as st

from .checks.relations import same_ranking, scores
from .contract import Model
from .exchanges import Request
from .judging.judge import Judge
from .strategies import Body

NOT_JSON = (b"", b"model=a&query=b", b'{"model": ', b"{'model': 'a'}", b'{"top_n": NaN}')
UNKNOWN_FIELDS = {
    "top_k": 1,
    "instruct": "Rank by relevance.",
    "rerank_contract": True,
    "user": "a",
}


@pytest.mark.requirement("request.body.json")
@pytest.mark.usefixtures("model")
def test_a_body_that_is_not_json_is_refused(judge: Judge) -> None:
    judge.examine(
        st.sampled_from(NOT_JSON[::-1]),
        lambda body: judge.refuses("request.body.json", Request(body)),
    )


@pytest.mark.requirement("request.body.unknown_field")
def test_an_unknown_field_changes_nothing(judge: Judge, model: Model) -> None:
    def prove(example: tuple[Body, str]) -> None:
        body, name = example
        plain = judge.reference(body)
        extended = judge.ranks("request.body.unknown_field", {**body, name: UNKNOWN_FIELDS[name]})
        difference = same_ranking(scores(plain), scores(extended))
        judge.compare("request.body.unknown_field", difference, plain, extended)

    judge.examine(st.tuples(judge.draw.valid(model), st.sampled_from(list(UNKNOWN_FIELDS))), prove)


@pytest.mark.requirement("request.body.null")
def test_an_optional_field_that_is_null_counts_as_absent(judge: Judge, model: Model) -> None:
    optional = judge.draw.optional(model)

    def prove(example: tuple[Body, str]) -> None:
        body = {name: value for name, value in example[0].items() if name != example[1]}
        absent = judge.reference(body)
        null = judge.ranks("request.body.null", {**body, example[1]: None})
        judge.compare("request.body.null", same_ranking(scores(absent), scores(null)), absent, null)

    judge.examine(st.tuples(judge.draw.valid(model), st.sampled_from(optional)), prove)
