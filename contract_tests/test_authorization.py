"""Authorizations: the header Authorization."""

import pytest

from .contract import Model
from .exchanges import Credential, Request
from .judging.judge import Judge
from .strategies import Body


@pytest.mark.requirement("authorization.required", "error.status.unauthorized", "error.body.string")
def test_a_request_without_a_key_is_refused(judge: Judge, model: Model) -> None:
    def prove(body: Body) -> None:
        request = Request(body, credential=Credential.NONE)
        exchange = judge.refuses("authorization.required", request)
        judge.expect_status("error.status.unauthorized", 401, exchange)

    judge.examine(judge.draw.valid(model), prove)


@pytest.mark.requirement("authorization.invalid_key", "error.status.unauthorized")
def test_a_request_with_an_invalid_key_is_refused(judge: Judge, model: Model) -> None:
    def prove(body: Body) -> None:
        request = Request(body, credential=Credential.INVALID)
        exchange = judge.refuses("authorization.invalid_key", request)
        judge.expect_status("error.status.unauthorized", 401, exchange)

    judge.examine(judge.draw.valid(model), prove)
