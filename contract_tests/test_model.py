"""Body: model."""

import pytest
from hypothesis import strategies as st

from .checks.check import Finding
from .contract import MODELS, Model
from .exchanges import Exchange, Request, member
from .judging.judge import Judge
from .judging.run import seen
from .strategies import Body, Fault, plainest, valid

NO_SUCH_MODELS = ("rerank-contract/no-such-model", "BAAI/bge-reranker-v2-m3-no-such-model", " ")


@pytest.mark.faults("model")
def test_a_wrong_model_is_refused(judge: Judge, model: Model, fault: Fault) -> None:
    judge.examine_fault(model, fault)


@pytest.mark.requirement("request.model.unknown", "error.model_not_found.code")
@pytest.mark.models("classic")
def test_an_unknown_model_is_refused(judge: Judge, model: Model) -> None:
    def prove(example: tuple[Body, str]) -> None:
        body = {**example[0], "model": example[1]}
        exchange = judge.refuses("request.model.unknown", Request(body))
        judge.compare("error.model_not_found.code", _without_code(exchange), exchange)

    judge.examine(st.tuples(valid(model), st.sampled_from(NO_SUCH_MODELS)), prove)


def _without_code(exchange: Exchange) -> list[Finding]:
    if (exchange.answer.status, member(exchange.answer.json, "code")) == (400, 20012):
        return []
    return [("status 400 and code 20012", seen(exchange.answer))]


@pytest.mark.requirement("request.model.offline")
@pytest.mark.usefixtures("model")
@pytest.mark.effort("standard")
def test_what_an_offline_model_is_answered_with(judge: Judge) -> None:
    offline = [model for model in MODELS.values() if model.state == "offline"]

    def prove(model: Model) -> None:
        answer = judge.send(Request(plainest(model))).answer
        judge.observe("request.model.offline", seen(answer))

    judge.examine(st.sampled_from(offline), prove)
