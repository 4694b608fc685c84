"""An answer that does not simply arrive, over a real socket and in httpx: the same in both."""

import asyncio
import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from typing import TypeAlias

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.scenarios.scenario import Drip, Scenario, Step
from mockserver.serving.respx_router import BASE_URL, router
from mockserver.serving.server import ThreadedServer, listen
from mockserver.state.clock import Clock
from mockserver.state.store import State
from mockserver.wire import Close, Delivery
from tests.mockserver.asking import CATALOGUE, HEADERS, fields
from tests.mockserver.serving.test_asgi import BODY, http, request

#: Longer than any test runs, so that what comes first is not a matter of speed.
EVER = 3600.0
#: How long clients wait that are meant to lose patience, in seconds.
PATIENCE = 0.05

Way: TypeAlias = Callable[[State], AbstractContextManager[str]]
Post: TypeAlias = Callable[[str, float], httpx.Response]


@contextmanager
def over_socket(state: State) -> Generator[str, None, None]:
    with ThreadedServer(state, listen()) as server:
        yield server.base_url


@contextmanager
def in_process(state: State) -> Generator[str, None, None]:
    with router(state):
        yield BASE_URL


def post(base_url: str, patience: float = 20) -> httpx.Response:
    timeout = httpx.Timeout(20, read=patience)
    return httpx.post(f"{base_url}/rerank", json=fields(), headers=HEADERS, timeout=timeout)


def post_async(base_url: str, patience: float = 20) -> httpx.Response:
    return asyncio.run(_post_async(base_url, patience))


async def _post_async(base_url: str, patience: float) -> httpx.Response:
    timeout = httpx.Timeout(20, read=patience)
    async with httpx.AsyncClient(timeout=timeout) as client:
        return await client.post(f"{base_url}/rerank", json=fields(), headers=HEADERS)


def armed(*steps: Step, clock: Clock | None = None) -> State:
    state = State(clock=clock)
    state.arm("account-1", Scenario("under test", steps))
    return state


def outcome(post: Post, base_url: str, patience: float) -> object:
    """Return status and body, without what is never the same, or the type of the error."""
    try:
        response = post(base_url, patience)
    except httpx.TransportError as error:
        return type(error)
    return response.status_code, len(response.content), response.headers["content-length"]


both_ways = pytest.mark.parametrize("way", [over_socket, in_process])
sync_and_async = pytest.mark.parametrize("post", [post, post_async])

FAULTS = {
    "closed before the answer": (Step(close="before_answer"), httpx.RemoteProtocolError),
    "reset": (Step(close="reset"), httpx.ReadError),
    "closed in the body": (Step(close="in_body"), httpx.RemoteProtocolError),
    "closed in a body that drips": (
        Step(close="in_body", drip=Drip(3, 0.001)),
        httpx.RemoteProtocolError,
    ),
    "closed in an error": (
        Step(error="overloaded", close="in_body"),
        httpx.RemoteProtocolError,
    ),
    "too late": (Step(delay=EVER), httpx.ReadTimeout),
    "too late to be closed": (Step(delay=EVER, close="reset"), httpx.ReadTimeout),
    "stuck in the body": (Step(drip=Drip(2, EVER)), httpx.ReadTimeout),
}


@sync_and_async
def test_a_connection_that_times_out_is_one_in_process_and_no_answer_over_a_socket(
    post: Post,
) -> None:
    with in_process(armed(Step(close="timed_out"), clock=Clock(0.0))) as base_url:
        assert outcome(post, base_url, EVER) is httpx.ConnectTimeout
    with over_socket(armed(Step(close="timed_out"))) as base_url:
        assert outcome(post, base_url, PATIENCE) is httpx.ReadTimeout


@pytest.mark.parametrize(("patience", "passed"), [(3.0, 3.0), (None, 127.0), (600.0, 127.0)])
def test_a_client_waits_for_a_connection_as_long_as_its_timeout(
    patience: float | None, passed: float
) -> None:
    state = armed(Step(close="timed_out"), clock=Clock(0.0))
    timeout = httpx.Timeout(20, connect=patience)
    with in_process(state) as base_url, pytest.raises(httpx.ConnectTimeout):
        httpx.post(f"{base_url}/rerank", json=fields(), headers=HEADERS, timeout=timeout)
    assert state.clock.now() == passed


@sync_and_async
@both_ways
def test_each_answer_to_an_account_takes_as_long_as_its_latency(way: Way, post: Post) -> None:
    state = State(clock=Clock(0.0))
    state.change_account("account-1", latency=2.5)
    state.arm("account-1", Scenario("slow", (Step(delay=1.0), Step(error="overloaded"))))
    with way(state) as base_url:
        assert [post(base_url, 20).status_code for _ in range(3)] == [200, 503, 200]
        assert state.clock.now() == 3 * 2.5 + 1.0
        httpx.get(f"{base_url}/models", headers=HEADERS)
        httpx.get(f"{base_url}/models", headers={"authorization": "Bearer sk-none"})
    assert state.clock.now() == 4 * 2.5 + 1.0
    assert [entry.milliseconds for entry in state.journal] == [3500, 2500, 2500, 2500, 0]


@pytest.mark.parametrize(
    ("connection", "error", "over_a_socket"),
    [
        ("refused", httpx.ConnectError, httpx.ReadError),
        ("timed_out", httpx.ConnectTimeout, httpx.ReadTimeout),
    ],
)
def test_an_account_may_be_out_of_reach_alone(
    connection: str, error: type[Exception], over_a_socket: type[Exception]
) -> None:
    state = State(clock=Clock(0.0))
    state.open_account("sk-other")
    state.change_account("account-1", connection=connection, latency=1)
    with in_process(state) as base_url:
        assert outcome(post, base_url, 20) is error
        with pytest.raises(error):
            httpx.get(f"{base_url}/models", headers=HEADERS)
        answer = httpx.get(f"{base_url}/models", headers={"authorization": "Bearer sk-other"})
        assert answer.status_code == 200
    assert state.clock.now() == (0 if connection == "refused" else 20 + 5)
    assert state.snapshot()["windows"] == []
    state.clock.resume()
    with over_socket(state) as base_url:
        assert outcome(post, base_url, PATIENCE if connection == "timed_out" else 20) is (
            over_a_socket
        )
        state.change_account("account-1", connection="open", latency=0)
        assert post(base_url).status_code == 200


@sync_and_async
@both_ways
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_the_same_error_over_a_socket_and_in_process(
    fault: str, way: Way, post: Post
) -> None:
    step, error = FAULTS[fault]
    with way(armed(step)) as base_url:
        patience = PATIENCE if error is httpx.ReadTimeout else 20
        assert outcome(post, base_url, patience) is error
        assert post(base_url, 20).status_code == 200


@pytest.mark.slow
@sync_and_async
def test_an_error_has_the_message_that_it_has_over_a_socket(post: Post) -> None:
    for step, _ in FAULTS.values():
        told: list[str] = []
        for way in (over_socket, in_process):
            with way(armed(step)) as base_url, pytest.raises(httpx.TransportError) as caught:
                post(base_url, PATIENCE if step.delay or step.drip else 20)
            assert caught.value.request.url == f"{base_url}/rerank"
            told.append(str(caught.value))
        # Async clients leave the text of some errors empty.
        assert told[0] in (told[1], "")


@sync_and_async
def test_a_refused_connection_is_one_in_process_and_a_reset_over_a_socket(post: Post) -> None:
    with listen() as listener:
        closed = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    assert outcome(post, closed, 20) is httpx.ConnectError
    refused = Step(close="refused")
    with in_process(armed(refused)) as base_url:
        assert outcome(post, base_url, 20) is httpx.ConnectError
    # The mock has accepted the connection before it can know whose it is.
    with over_socket(armed(refused)) as base_url:
        assert outcome(post, base_url, 20) is httpx.ReadError


@both_ways
@pytest.mark.parametrize(("close", "status"), [("refused", 200), ("before_answer", 429)])
def test_a_refused_connection_counts_nothing_and_a_lost_answer_does(
    way: Way, close: Close, status: int
) -> None:
    state = armed(Step(close=close))
    state.change_account("account-1", limits={"RPM": 1})
    with way(state) as base_url:
        with pytest.raises(httpx.TransportError):
            post(base_url)
        assert post(base_url).status_code == status


SLOW = [Step(delay=0.05), Step(drip=Drip(6, 0.01)), Step(delay=0.03, drip=Drip(3, 0.01))]


@sync_and_async
@both_ways
@pytest.mark.parametrize("step", SLOW)
def test_a_slow_answer_arrives_whole_and_no_sooner(step: Step, way: Way, post: Post) -> None:
    with way(armed(step)) as base_url:
        began = time.monotonic()
        response = post(base_url, 20)
        assert time.monotonic() - began >= 0.05
    assert len(response.json()["results"]) == 3
    assert response.headers["content-length"] == str(len(response.content))


@both_ways
def test_a_frozen_clock_never_sleeps(way: Way) -> None:
    clock = Clock(1000)
    with way(armed(Step(delay=60), Step(drip=Drip(4, 20)), clock=clock)) as base_url:
        assert post(base_url, 60).status_code == 200
        assert clock.now() == 1060
        assert post(base_url, 20).status_code == 200
        assert clock.now() == 1120


@sync_and_async
def test_on_a_frozen_clock_patience_ends_at_its_time(post: Post) -> None:
    clock = Clock(1000)
    with in_process(armed(Step(delay=60), Step(drip=Drip(3, 60)), clock=clock)) as base_url:
        assert outcome(post, base_url, 20) is httpx.ReadTimeout
        assert clock.now() == 1020
        assert outcome(post, base_url, 59) is httpx.ReadTimeout
        assert clock.now() == 1079


def test_a_client_without_patience_waits_for_as_long_as_it_takes() -> None:
    clock = Clock(1000)
    with in_process(armed(Step(delay=EVER), clock=clock)) as base_url:
        answer = httpx.post(f"{base_url}/rerank", json=fields(), headers=HEADERS, timeout=None)
    assert (answer.status_code, clock.now()) == (200, 1000 + EVER)


@both_ways
def test_a_body_that_drips_can_be_read_piece_by_piece(way: Way) -> None:
    with (
        way(armed(Step(drip=Drip(4, 0.01)))) as base_url,
        httpx.stream("POST", f"{base_url}/rerank", json=fields(), headers=HEADERS) as response,
    ):
        assert response.status_code == 200
        length = int(response.headers["content-length"])
        received = b"".join(response.iter_raw())
    assert len(received) == length


@both_ways
def test_a_redirect_leads_to_the_next_step(way: Way) -> None:
    state = State()
    state.arm("account-1", CATALOGUE["redirect_then_success"])
    with way(state) as base_url:
        response = httpx.post(
            f"{base_url}/rerank", json=fields(), headers=HEADERS, follow_redirects=True
        )
    assert [step.status_code for step in (*response.history, response)] == [307, 200]


def test_a_redirect_to_another_host_is_left_as_it_is() -> None:
    location = "https://example.com/v1/rerank"
    step = Step(status=307, body="", headers={"location": location})
    with router(armed(step), ["https://gateway.example/api/v1"]):
        assert post("https://gateway.example/api/v1").headers["location"] == location


def test_the_log_has_no_line_about_a_connection_that_was_cut(
    caplog: pytest.LogCaptureFixture,
) -> None:
    steps = [step for step, error in FAULTS.values() if error is not httpx.ReadTimeout]
    with over_socket(armed(*steps)) as base_url:
        for _ in steps:
            with pytest.raises(httpx.TransportError):
                post(base_url)
    assert [r.getMessage() for r in caplog.records if r.name.startswith("uvicorn")] == []


# As ASGI messages


def test_a_client_that_leaves_while_it_waits_is_given_nothing() -> None:
    leaving = {"type": "http.disconnect"}
    assert http(armed(Step(delay=EVER)), [request(BODY), leaving]) == []
    sent = http(armed(Step(drip=Drip(2, EVER))), [request(BODY), leaving])
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]


def test_a_server_that_cannot_end_a_connection_gets_an_error() -> None:
    with pytest.raises(ConnectionAbortedError, match="cannot end a connection"):
        http(armed(Step(close="before_answer")), [request(BODY)])


@given(st.binary(max_size=50), st.integers(1, 60), st.sampled_from([None, "in_body"]))
def test_a_body_is_split_without_loss(body: bytes, pieces: int, close: Close | None) -> None:
    split = Delivery(pieces=pieces, close=close).split(body)
    assert b"".join(split) == (body if close is None else body[: len(body) // 2])
    assert 1 <= len(split) <= pieces
    assert len(split) == 1 or all(split)
