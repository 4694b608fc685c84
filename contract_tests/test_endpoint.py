"""The endpoint: POST /v1/rerank."""

import pytest

from .contract import Model
from .exchanges import Request
from .judging.judge import Judge


@pytest.mark.requirement("endpoint.rerank")
@pytest.mark.models("every")
def test_a_valid_request_is_answered(judge: Judge, model: Model) -> None:
    judge.examine(judge.draw.valid(model), judge.reference)


@pytest.mark.requirement("endpoint.unknown_path")
def test_an_unknown_path_is_not_found(judge: Judge, model: Model) -> None:
    def prove() -> None:
        exchange = judge.send(Request(judge.draw.plainest(model), path="/rerank-contract/unknown"))
        judge.expect_status("endpoint.unknown_path", 404, exchange)

    judge.examine_once(prove)


@pytest.mark.requirement("endpoint.trailing_slash")
@pytest.mark.effort("standard")
def test_a_trailing_slash_is_redirected(judge: Judge, model: Model) -> None:
    def prove() -> None:
        exchange = judge.send(Request(judge.draw.plainest(model), path="/rerank/"))
        judge.expect_status("endpoint.trailing_slash", 307, exchange)

    judge.examine_once(prove)
