"""The endpoint: POST /v1/rerank."""

import pytest

from .contract import Model
from .exchanges import Layout, Request
from .judging.judge import Judge
from .strategies import Body


@pytest.mark.telling
@pytest.mark.usefixtures("model")
def test_the_example_of_the_page_is_answered(judge: Judge, example: Body) -> None:
    def prove() -> None:
        # As the page prints it.
        request = Request(example, layout=Layout(padded=True))
        judge.accepted("endpoint.rerank", judge.send(request))

    judge.examine_once(prove)


@pytest.mark.requirement("endpoint.rerank")
@pytest.mark.models("every")
def test_a_valid_request_is_answered(judge: Judge, model: Model) -> None:
    judge.examine(judge.draw.valid(model), judge.reference)


@pytest.mark.requirement("endpoint.unknown_path")
@pytest.mark.models("first")
def test_an_unknown_path_is_not_found(judge: Judge, model: Model) -> None:
    def prove() -> None:
        exchange = judge.probe(Request(judge.draw.plainest(model), path="/rerank-contract/unknown"))
        judge.expect_status("endpoint.unknown_path", 404, exchange)

    judge.examine_once(prove)


@pytest.mark.requirement("endpoint.trailing_slash")
@pytest.mark.models("first")
@pytest.mark.effort("standard")
def test_a_trailing_slash_is_redirected(judge: Judge, model: Model) -> None:
    def prove() -> None:
        exchange = judge.probe(Request(judge.draw.plainest(model), path="/rerank/"))
        judge.expect_status("endpoint.trailing_slash", 307, exchange)

    judge.examine_once(prove)
