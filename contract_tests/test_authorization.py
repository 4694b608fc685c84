"""Authorizations: the header Authorization."""

import pytest

from .contract import Model
from .exchanges import NEAR_KEYS, Credential, Request
from .judging.judge import Judge
from .strategies import Body


@pytest.mark.requirement("authorization.required", "error.status.unauthorized", "error.body.string")
@pytest.mark.brief
@pytest.mark.sends(tokens=0)
def test_a_request_without_a_key_is_refused(judge: Judge, model: Model) -> None:
    def prove(body: Body) -> None:
        request = Request(body, credential=Credential.NONE)
        exchange = judge.refuses("authorization.required", request)
        judge.expect_status("error.status.unauthorized", 401, exchange)

    judge.examine(judge.draw.valid(model), prove)


@pytest.mark.requirement("authorization.invalid_key", "error.status.unauthorized")
@pytest.mark.brief
@pytest.mark.sends(tokens=0)
def test_a_request_with_an_invalid_key_is_refused(judge: Judge, model: Model) -> None:
    def prove(body: Body) -> None:
        request = Request(body, credential=Credential.INVALID)
        exchange = judge.refuses("authorization.invalid_key", request)
        judge.expect_status("error.status.unauthorized", 401, exchange)

    judge.examine(judge.draw.valid(model), prove)


@pytest.mark.requirement("authorization.near_key")
@pytest.mark.models("first")
@pytest.mark.effort("standard")
@pytest.mark.near_keys
@pytest.mark.parametrize("credential", [*NEAR_KEYS, Credential.EMPTY], ids=lambda one: one.name)
@pytest.mark.sends(tokens=20, examples=2)
def test_a_key_that_is_nearly_valid_is_refused(
    judge: Judge, model: Model, credential: Credential
) -> None:
    def prove() -> None:
        # Right after the same body with the valid key: neither it nor the connection may help.
        body = judge.draw.plainest(model)
        judge.ranks("endpoint.rerank", body)
        judge.refuses("authorization.near_key", Request(body, credential=credential))

    judge.examine_once(prove)
