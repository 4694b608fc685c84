"""What a server of a shared state does beside answering: it reads bodies, and lets time pass."""

import json

import httpx
import pytest

from mockserver.scenarios.scenario import Drip, Scenario, Step
from mockserver.serving import server
from mockserver.state.clock import Clock
from mockserver.state.decisions import UnavailableError
from mockserver.state.store import State
from tests.mockserver.asking import HEADERS
from tests.mockserver.sharing.test_redis_state import Join, fields

pytestmark = pytest.mark.memory


def posted(base_url: str, length: int = 0) -> httpx.Response:
    """Send a valid request whose body has at least that length."""
    body = json.dumps(fields()).encode().rjust(length)
    with httpx.Client(trust_env=False, timeout=60) as client:
        return client.post(f"{base_url}/rerank", content=body, headers=HEADERS)


@pytest.mark.parametrize("length", [2000, 300_000])
def test_a_longer_body_is_read_once_another_mock_takes_it(join: Join, length: int) -> None:
    one, other = join(), join()
    one.change_behaviour({"max_body_bytes": 1000})
    other.refresh()
    with server.ThreadedServer(other, server.listen()) as running:
        assert posted(running.base_url, length).status_code == 413
        one.change_behaviour({"max_body_bytes": 900_000})
        assert posted(running.base_url, length).status_code == 200
        one.change_behaviour({"max_body_bytes": 1000})
        assert posted(running.base_url, length).status_code == 413


def frozen(state: State, step: Step, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no time pass any more, as if Redis had gone after the decision."""
    state.clock.freeze()
    state.arm("account-1", Scenario("a", (step,)))

    def away(*_: object) -> float:
        raise UnavailableError("the state has gone")

    monkeypatch.setattr(Clock, "skip", away)


def test_an_answer_whose_delay_cannot_pass_is_that_of_a_state_that_is_away(
    join: Join, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = join()
    frozen(one, Step(delay=5), monkeypatch)
    with server.ThreadedServer(one, server.listen()) as running:
        answer = posted(running.base_url)
    assert answer.status_code == 503
    assert answer.headers["x-rerank-mock-fault"] == "state"


def test_an_answer_that_cannot_go_on_breaks_off(
    join: Join, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    one = join()
    frozen(one, Step(drip=Drip(3, 5)), monkeypatch)
    with (
        server.ThreadedServer(one, server.listen()) as running,
        pytest.raises(httpx.RemoteProtocolError),
    ):
        posted(running.base_url)
    assert "the state has gone" in caplog.text
    assert "Exception" not in caplog.text
