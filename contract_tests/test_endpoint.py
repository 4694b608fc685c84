"""The endpoint: POST /v1/rerank."""

import pytest

from .contract import Model
from .exchanges import Request
from .judging.judge import Judge
from .strategies import plainest, valid


@pytest.mark.requirement("endpoint.rerank")
@pytest.mark.models("every")
def test_a_valid_request_is_answered(judge: Judge, model: Model) -> None:
    judge.examine(valid(model), judge.reference)


@pytest.mark.requirement("endpoint.unknown_path")
def test_an_unknown_path_is_not_found(judge: Judge, model: Model) -> None:
    def prove() -> None:
        exchange = judge.send(Request(plainest(model), path="/rerank-contract/unknown"))
        judge.expect_status("endpoint.unknown_path", 404, exchange)

    judge.examine_once(prove)


@pytest.mark.requirement("endpoint.trailing_slash")
@pytest.mark.effort("standard")
def test_a_trailing_slash_is_redirected(judge: Judge, model: Model) -> None:
    def prove() -> None:
        exchange = judge.send(Request(plainest(model), path="/rerank/"))
        judge.expect_status("endpoint.trailing_slash", 307, exchange)

    judge.examine_once(prove)


@pytest.mark.requirement("endpoint.wrong_method")
@pytest.mark.usefixtures("model")
@pytest.mark.effort("standard")
def test_what_a_wrong_method_is_answered_with(judge: Judge) -> None:
    def prove() -> None:
        status = judge.send(Request(None, method="GET")).answer.status
        judge.observe("endpoint.wrong_method", f"status {status}")

    judge.examine_once(prove)
