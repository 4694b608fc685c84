"""Body: model."""

import pytest
from hypothesis import strategies as st

from .checks.check import Finding
from .contract import Model
from .examples import NO_SUCH_MODELS
from .exchanges import Exchange, Request, member
from .judging.connection import seen
from .judging.judge import Judge
from .strategies import Body


@pytest.mark.requirement("request.model.unknown", "error.model_not_found.code")
@pytest.mark.models("classic")
@pytest.mark.sends(tokens=0)
def test_an_unknown_model_is_refused(judge: Judge, model: Model) -> None:
    def prove(example: tuple[Body, str]) -> None:
        body = {**example[0], "model": example[1]}
        exchange = judge.refuses("request.model.unknown", Request(body))
        judge.compare("error.model_not_found.code", _without_code(exchange), exchange)

    judge.examine(st.tuples(judge.draw.valid(model), st.sampled_from(NO_SUCH_MODELS)), prove)


@pytest.mark.requirement("request.model.exact")
@pytest.mark.models("first")
@pytest.mark.effort("standard")
@pytest.mark.sends(requests=2, tokens=0, examples=1)
def test_a_name_that_is_nearly_one_is_refused(judge: Judge, model: Model) -> None:
    def prove() -> None:
        near = {model.id.rpartition("/")[2], model.id.lower()} - {model.id}
        for name in sorted(near or {model.id.upper()}):
            exchange = judge.probe(Request({**judge.draw.plainest(model), "model": name}))
            judge.compare("request.model.exact", _without_code(exchange), exchange)

    judge.examine_once(prove)


def _without_code(exchange: Exchange) -> list[Finding]:
    if (exchange.answer.status, member(exchange.answer.json, "code")) == (400, 20012):
        return []
    return [("status 400 and code 20012", seen(exchange.answer))]
