import asyncio
import socket

import httpx
import pytest
import respx

from mockserver.serving.respx_router import (
    BASE_URL,
    BASE_URLS,
    NotMockedError,
    Passthrough,
    router,
)
from mockserver.state.store import State
from mockserver.testing.fixtures import RerankMock
from tests.mockserver.asking import HEADERS, fields


def post(url: str) -> httpx.Response:
    return httpx.post(url, json=fields(), headers=HEADERS)


def test_sync_and_async_clients_are_answered(rerank_mock: RerankMock) -> None:
    async def post_async() -> httpx.Response:
        async with httpx.AsyncClient() as client:
            return await client.post(f"{BASE_URL}/rerank", json=fields(), headers=HEADERS)

    one, other = post(f"{BASE_URL}/rerank"), asyncio.run(post_async())
    assert one.json()["results"] == other.json()["results"]
    assert len(rerank_mock.calls) == 2


def test_a_client_that_offers_http_2_is_answered(rerank_mock: RerankMock) -> None:
    with httpx.Client(http2=True, headers=HEADERS) as client:
        assert client.post(f"{BASE_URL}/rerank", json=fields()).status_code == 200
    rerank_mock.calls.assert_called_once()


@pytest.mark.rerank_mock(fail_on="nothing")
@pytest.mark.parametrize("path", ["", "/", "/rerank", "/v1/v1/rerank", "/v1/chat/completions"])
def test_a_wrong_path_never_leaves_the_process(rerank_mock: RerankMock, path: str) -> None:
    response = post(f"https://api.siliconflow.cn{path}")
    assert (response.status_code, response.text) == (404, "404 page not found")
    assert rerank_mock.state.journal[0].request.path == (path or "/")


@pytest.mark.usefixtures("rerank_mock")
def test_the_query_reaches_the_mock() -> None:
    response = httpx.get(f"{BASE_URL}/models?sub_type=embedding", headers=HEADERS)
    assert response.json()["data"] == []


@pytest.mark.rerank_mock(allow=["path_with_trailing_slash"])
@pytest.mark.usefixtures("rerank_mock")
def test_a_redirect_leads_to_the_answer() -> None:
    response = httpx.post(
        f"{BASE_URL}/rerank/", json=fields(), headers=HEADERS, follow_redirects=True
    )
    assert [step.status_code for step in (*response.history, response)] == [307, 200]


@pytest.mark.parametrize(
    "base_url", ["http://localhost:8080/v1", "https://gateway.example/api/v1", "http://[::1]:1/v1"]
)
def test_another_base_url_can_be_chosen(base_url: str) -> None:
    with router(State(), [base_url]):
        assert post(f"{base_url}/rerank").status_code == 200
        followed = httpx.post(
            f"{base_url}/rerank/", json=fields(), headers=HEADERS, follow_redirects=True
        )
        assert followed.status_code == 200
        with pytest.raises(NotMockedError, match="would leave this process"):
            post(f"{BASE_URL}/rerank")


def test_a_base_url_without_its_version_is_refused() -> None:
    with pytest.raises(ValueError, match="must end in /v1, not 'https:"):
        router(State(), ["https://api.siliconflow.cn"])


def test_requests_to_this_machine_are_passed_through(
    rerank_mock: RerankMock, rerank_server: RerankMock
) -> None:
    headers = {"authorization": f"Bearer {rerank_server.api_key}"}
    response = httpx.post(f"{rerank_server.base_url}/rerank", json=fields(), headers=headers)
    assert response.status_code == 200
    assert len(rerank_server.calls) == 1
    assert not rerank_mock.calls


@pytest.mark.parametrize("base_url", BASE_URLS)
def test_both_hosts_of_the_service_are_mocked(rerank_mock: RerankMock, base_url: str) -> None:
    assert post(f"{base_url}/rerank").status_code == 200
    assert rerank_mock.calls.last.request.path == "/v1/rerank"


@pytest.mark.usefixtures("rerank_mock")
def test_a_request_that_would_leave_the_process_is_refused_without_its_secrets() -> None:
    with pytest.raises(NotMockedError) as caught:
        httpx.post("https://example.org/v1/rerank?key=sk-secret", json=fields(), headers=HEADERS)
    assert str(caught.value) == (
        "POST https://example.org/v1/rerank would leave this process: the mock answers"
        " only at https://api.siliconflow.cn/v1, https://api.siliconflow.com/v1."
        " To let it through, add passthrough=['example.org']"
    )


@pytest.mark.parametrize("passthrough", [["example.org"], "all"])
def test_hosts_that_may_be_reached_are_passed_through(
    rerank_server: RerankMock, passthrough: Passthrough, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look_up(_host: str, port: int, *_: object, **__: object) -> list[object]:
        # Any name leads to this machine.
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    url = rerank_server.base_url.replace("127.0.0.1", "example.org")
    headers = {"authorization": f"Bearer {rerank_server.api_key}"}
    with router(State(), passthrough=passthrough):
        response = httpx.post(f"{url}/rerank", json=fields(), headers=headers, trust_env=False)
    assert response.status_code == 200
    assert len(rerank_server.calls) == 1


@pytest.mark.parametrize("outer", ["mock", "user"])
def test_routes_of_the_user_on_the_mocked_host_keep_working(outer: str) -> None:
    state = State()
    routers = [router(state), respx.mock(assert_all_called=False)]
    if outer == "user":
        routers.reverse()
    with routers[0], routers[1]:
        user = routers[0] if outer == "user" else routers[1]
        user.post(f"{BASE_URL}/embeddings").respond(204)
        assert post(f"{BASE_URL}/embeddings").status_code == 204
        assert post(f"{BASE_URL}/rerank").status_code == 200
        assert post(f"{BASE_URL}/reranks").status_code == 404
    assert [entry.request.path for entry in state.journal] == ["/v1/rerank", "/v1/reranks"]


@pytest.mark.parametrize("outer", ["mock", "user"])
def test_a_route_of_the_user_for_everything_takes_other_hosts_only(outer: str) -> None:
    routers = [router(State()), respx.mock(assert_all_called=False)]
    if outer == "user":
        routers.reverse()
    with routers[0], routers[1]:
        user = routers[0] if outer == "user" else routers[1]
        user.route().respond(204)
        assert httpx.get("https://example.org/").status_code == 204
        assert post(f"{BASE_URL}/rerank").status_code == 200


def test_of_nested_mocks_the_innermost_answers() -> None:
    outer, inner = State(), State()
    with router(outer):
        with router(inner):
            post(f"{BASE_URL}/rerank")
            with pytest.raises(NotMockedError):
                httpx.get("https://example.org/")
        post(f"{BASE_URL}/rerank")
        with pytest.raises(NotMockedError):
            httpx.get("https://example.org/")
    assert (len(inner.journal), len(outer.journal)) == (1, 1)


def test_of_nested_mocks_each_answers_at_its_own_address() -> None:
    outer, inner = State(), State()
    with router(outer), router(inner, ["https://gateway.example/v1"]):
        assert post(f"{BASE_URL}/rerank").status_code == 200
        assert post("https://gateway.example/v1/rerank").status_code == 200
    assert (len(inner.journal), len(outer.journal)) == (1, 1)


@pytest.mark.parametrize("outer", ["mock", "user"])
def test_routes_of_the_user_are_left_alone(outer: str) -> None:
    routers = [router(State()), respx.mock(assert_all_called=False)]
    if outer == "user":
        routers.reverse()
    with routers[0], routers[1]:
        user = routers[0] if outer == "user" else routers[1]
        user.get("https://example.com/").respond(204)
        assert httpx.get("https://example.com/").status_code == 204
        assert post(f"{BASE_URL}/rerank").status_code == 200
        with pytest.raises(AssertionError, match=r"not mocked|would leave"):
            httpx.get("https://example.org/")


def test_nothing_is_intercepted_once_the_router_stopped() -> None:
    state = State()
    with router(state):
        pass
    with respx.mock() as user:
        user.post(f"{BASE_URL}/rerank").respond(418)
        assert post(f"{BASE_URL}/rerank").status_code == 418
    assert not state.journal


def test_of_two_mocks_the_last_answers_unknown_paths_too() -> None:
    with router(State()), router(State()):
        assert httpx.get("https://api.siliconflow.cn/v1/unknown").status_code == 404
