"""Clients of httpx2 are answered in this process, as those of httpx are."""

import asyncio
import importlib
import sys
from collections.abc import Callable
from typing import TypeAlias

import httpcore2
import httpx2
import pytest
import respx

from mockserver.serving import httpx2_mocker
from mockserver.serving.respx_router import BASE_URL, NotMockedError, router
from mockserver.state.store import State
from mockserver.testing.fixtures import RerankMock
from tests.mockserver.asking import HEADERS, fields
from tests.mockserver.serving.test_delivery import FAULTS, PATIENCE, armed

Post: TypeAlias = Callable[[str], httpx2.Response]


#: Nothing is waited for here but what is meant to be late.
TIMEOUT = httpx2.Timeout(20, read=PATIENCE)


def post(url: str) -> httpx2.Response:
    return httpx2.post(url, json=fields(), headers=HEADERS, timeout=TIMEOUT)


def post_async(url: str) -> httpx2.Response:
    async def ask() -> httpx2.Response:
        client = httpx2.AsyncClient(timeout=TIMEOUT)
        async with client:
            return await client.post(url, json=fields(), headers=HEADERS)

    return asyncio.run(ask())


sync_and_async = pytest.mark.parametrize("post", [post, post_async])


@sync_and_async
def test_a_client_is_answered(post: Post, rerank_mock: RerankMock) -> None:
    answer = post(f"{BASE_URL}/rerank")
    assert answer.json() == rerank_mock.calls.last.response.json()
    rerank_mock.calls.assert_called_once_with(**fields())


@sync_and_async
@pytest.mark.usefixtures("rerank_mock")
def test_a_request_that_would_leave_the_process_is_refused(post: Post) -> None:
    with pytest.raises(NotMockedError, match=r"POST https://example\.org/ would leave"):
        post("https://example.org/")


def test_it_may_be_imported_again(monkeypatch: pytest.MonkeyPatch, rerank_mock: RerankMock) -> None:
    # As `pytester` does, which forgets what the tests that it runs have imported.
    before = httpx2_mocker.Httpx2Mocker
    monkeypatch.delitem(sys.modules, httpx2_mocker.__name__)
    again = importlib.import_module(httpx2_mocker.__name__)
    assert again.Httpx2Mocker is not before
    assert post(f"{BASE_URL}/rerank").status_code == 200
    assert len(rerank_mock.calls) == 1


@sync_and_async
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_an_error_of_httpx2(fault: str, post: Post) -> None:
    step, error = FAULTS[fault]
    with router(armed(step)), pytest.raises(getattr(httpx2, error.__name__)) as caught:
        post(f"{BASE_URL}/rerank")
    assert caught.value.request.url == f"{BASE_URL}/rerank"


@pytest.mark.usefixtures("rerank_mock")
def test_routes_of_the_test_answer_too() -> None:
    with respx.mock() as routes:
        routes.post("https://example.org/").respond(json="ours")
        assert post("https://example.org/").json() == "ours"
    with pytest.raises(NotMockedError):
        post("https://example.org/")


def test_httpx2_is_as_before_when_the_last_mock_has_ended() -> None:
    with respx.mock(assert_all_called=False), router(State()):
        with router(State()):
            assert post(f"{BASE_URL}/rerank").status_code == 200
        assert post(f"{BASE_URL}/rerank").status_code == 200
    assert httpcore2.ConnectionPool.handle_request.__module__.startswith("httpcore2.")


@pytest.mark.rerank_mock(allow=["no_timeout"])
def test_a_client_without_a_timeout_is_noticed(rerank_mock: RerankMock) -> None:
    httpx2.post(f"{BASE_URL}/rerank", json=fields(), headers=HEADERS, timeout=None)
    assert rerank_mock.calls.last.advice_ids == "no_timeout"


def test_it_may_be_loaded_from_a_checkout_and_from_an_installation(
    rerank_mock: RerankMock,
) -> None:
    installed = importlib.import_module("rerank_contract.mockserver")
    with installed.mock_rerank(base_url="https://gateway.example/v1") as other:
        post("https://gateway.example/v1/rerank")
        post(f"{BASE_URL}/rerank")
    assert [len(mock.calls) for mock in (other, rerank_mock)] == [1, 1]
