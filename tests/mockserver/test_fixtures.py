import httpx
import pytest

from mockserver.fixtures import RerankMock
from mockserver.via_respx import BASE_URL
from tests.mockserver.asking import fields


def post(mock: RerankMock, key: str | None = None) -> httpx.Response:
    headers = {"Authorization": f"Bearer {key or mock.api_key}"}
    return httpx.post(f"{mock.base_url}/rerank", json=fields(), headers=headers)


def test_the_embedded_mock_stands_where_the_service_does(rerank_mock: RerankMock) -> None:
    assert rerank_mock.base_url == BASE_URL
    assert post(rerank_mock).status_code == 200


@pytest.mark.parametrize("name", ["rerank_mock", "rerank_server"])
@pytest.mark.parametrize("_turn", [1, 2])
def test_each_test_sees_its_own_calls_alone(
    request: pytest.FixtureRequest, name: str, _turn: int
) -> None:
    mock: RerankMock = request.getfixturevalue(name)
    assert mock.calls == []
    post(mock)
    post(mock, "sk-of-nobody")
    (call,) = mock.calls
    assert call.response.status == 200
    assert b"Apple" in call.request.body


def test_the_server_is_shared_and_the_account_is_not(rerank_server: RerankMock) -> None:
    other = rerank_server.state.open_account()
    assert other != rerank_server.api_key
    assert post(rerank_server, other).status_code == 200
    assert rerank_server.calls == []
