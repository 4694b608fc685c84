"""The fixtures with the libraries that clients are made of."""

import asyncio
import json
from collections.abc import Callable
from typing import TYPE_CHECKING

import aiohttp
import httpx
import pytest
import requests
import urllib3

from mockserver.testing.expectations import Expectations
from tests.mockserver.asking import fields
from tests.schemas.data import Json

if TYPE_CHECKING:
    from mockserver.testing.fixtures import RerankMock

#: Asks by URL, key and body; returns status and JSON.
Client = Callable[[str, str, Json], tuple[int, Json]]


def by_httpx(url: str, key: str, body: Json) -> tuple[int, Json]:
    answer = httpx.post(url, headers={"Authorization": f"Bearer {key}"}, json=body)
    return answer.status_code, answer.json()


def by_async_httpx(url: str, key: str, body: Json) -> tuple[int, Json]:
    async def ask() -> tuple[int, Json]:
        async with httpx.AsyncClient(headers={"Authorization": f"Bearer {key}"}) as client:
            answer = await client.post(url, json=body)
            return answer.status_code, answer.json()

    return asyncio.run(ask())


def by_requests(url: str, key: str, body: Json) -> tuple[int, Json]:
    headers = {"Authorization": f"Bearer {key}"}
    answer = requests.post(url, headers=headers, json=body, timeout=20)
    return answer.status_code, answer.json()


def by_aiohttp(url: str, key: str, body: Json) -> tuple[int, Json]:
    async def ask() -> tuple[int, Json]:
        headers = {"Authorization": f"Bearer {key}"}
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.post(url, json=body) as answer,
        ):
            return answer.status, await answer.json()

    return asyncio.run(ask())


def by_urllib3(url: str, key: str, body: Json) -> tuple[int, Json]:
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    with urllib3.PoolManager() as pool:
        answer = pool.request("POST", url, headers=headers, body=json.dumps(body), retries=False)
    return answer.status, answer.json()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "client"),
    [
        ("rerank_mock", by_httpx),
        ("rerank_mock", by_async_httpx),
        *(
            ("rerank_server", client)
            for client in (by_httpx, by_async_httpx, by_requests, by_aiohttp, by_urllib3)
        ),
    ],
)
@pytest.mark.rerank_mock(allow=["top_n_below_one"])
def test_a_client_meets_what_is_pinned_armed_and_asserted(
    request: pytest.FixtureRequest, name: str, client: Client
) -> None:
    mock: RerankMock = request.getfixturevalue(name)
    url = f"{mock.base_url}/rerank"
    mock.pin_order("fruit", "banana")

    status, answer = client(url, mock.api_key, fields(top_n=2))
    assert (status, [result["index"] for result in answer["results"]]) == (200, [2, 0])
    mock.calls.assert_called_once_with(top_n=2, documents=fields()["documents"])

    receipt = mock.arm("overloaded")
    assert client(url, mock.api_key, fields()) == (503, json.loads(mock.calls.last.response.body))
    receipt.assert_met()

    assert client(url, "sk-of-nobody", fields())[0] == 401
    assert mock.calls.last.outcome == "key_invalid"

    assert client(url, mock.api_key, fields(top_n=0))[0] == 400
    assert "call 4: POST /v1/rerank -> 400" in Expectations().of_calls(mock, str)
