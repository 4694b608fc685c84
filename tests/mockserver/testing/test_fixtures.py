import os
from decimal import Decimal
from pathlib import Path

import httpx
import pytest

from mockserver.serving.respx_router import BASE_URL
from mockserver.state.pins import Pin, PinError
from mockserver.state.store import DEFAULT_KEY, State
from mockserver.testing.contexts import at_a_socket, in_process
from mockserver.testing.expectations import Expectations
from mockserver.testing.fixtures import RerankMock
from mockserver.wire import Json, Request
from tests.mockserver.asking import BGE, QWEN, fields


def post(mock: RerankMock, key: str | None = None, **changes: object) -> httpx.Response:
    headers = {"Authorization": f"Bearer {key or mock.api_key}"}
    return httpx.post(f"{mock.base_url}/rerank", json=fields(**changes), headers=headers)


def test_the_embedded_mock_has_the_base_url_of_the_service(rerank_mock: RerankMock) -> None:
    assert rerank_mock.base_url == BASE_URL
    assert post(rerank_mock).status_code == 200


@pytest.fixture(params=["rerank_mock", "rerank_server"])
def mock(request: pytest.FixtureRequest) -> RerankMock:
    found: RerankMock = request.getfixturevalue(request.param)
    return found


@pytest.mark.parametrize("_turn", [1, 2])
@pytest.mark.rerank_mock(allow=["key_unknown"])
def test_each_test_sees_its_own_calls_with_whatever_key(mock: RerankMock, _turn: int) -> None:
    assert mock.calls == []
    for key in (mock.api_key, "sk-of-nobody", mock.state.open_account()):
        post(mock, key)
    accounts = [call.account for call in mock.calls]
    assert accounts[0] == mock.account.name
    assert accounts[1] is None
    assert accounts[2] not in (None, mock.account.name)


def test_the_calls_of_another_test_are_not_seen(rerank_server: RerankMock) -> None:
    earlier = rerank_server
    with at_a_socket(earlier.base_url, earlier.state) as later:
        post(earlier)
        post(later)
        assert [call.account for call in later.calls] == [later.account.name]
        earlier.arm("overloaded")
        assert later.receipts == []
    earlier.state.disarm(earlier.account.name)


def test_calls_begin_anew_after_a_reset(mock: RerankMock) -> None:
    calls = mock.calls
    post(mock)
    mock.calls.reset()
    calls.reset()
    assert mock.calls == calls == []
    post(mock)
    mock.calls.assert_called_once()
    assert len(mock.all_calls) == 2


@pytest.mark.rerank_mock(allow=["top_n_below_one"])
def test_a_reset_forgives_nothing(mock: RerankMock) -> None:
    mock.pin_order("fruit")
    post(mock, top_n=0)
    mock.calls.reset()
    assert mock.unmatched_pins() == []
    assert len(Expectations(assert_called=True).failures(mock, str)) == 1


def test_bodies_of_a_call_are_read_as_json(mock: RerankMock) -> None:
    answer = post(mock)
    assert mock.calls.last.request.json() == fields()
    assert mock.calls.last.response.json() == answer.json()
    with pytest.raises(ValueError, match="Is not JSON"):
        Request("POST", "/v1/rerank", "", {}, b"<html>").json()


def test_headers_of_a_call_are_found_in_any_case(mock: RerankMock) -> None:
    post(mock)
    for headers in (mock.calls.last.request.headers, mock.calls.last.response.headers):
        assert headers["Content-Type"] == headers["content-type"] == "application/json"
        assert "CONTENT-TYPE" in headers
        assert headers.get("X-None", "none") == "none"


def test_a_model_is_added_for_one_test(mock: RerankMock) -> None:
    price: Json = {"text": "2", "image": "0"}
    mock.add_model("acme/reranker", like=QWEN, price=price, supports=["overlap_tokens"])
    mock.add_model("acme/retired", like=BGE, state="offline")
    mock.state.remove_model("acme/retired")
    answer = post(mock, model="acme/reranker", overlap_tokens=1)
    tokens = answer.json()["meta"]["tokens"]["input_tokens"]
    assert mock.calls.last.usage.charge == tokens * Decimal("0.000002")
    assert mock.calls.last.advice == ()


def test_no_other_test_sees_an_added_model(rerank_server: RerankMock) -> None:
    state = rerank_server.state
    with at_a_socket(rerank_server.base_url, state) as other:
        other.add_model("acme/reranker", like=BGE)
        other.change_account(model_limits={"acme/reranker": {"RPM": 1}})
    assert "acme/reranker" not in state.models
    assert other.account.model_limits == {}


def test_a_long_body_is_kept_whole(mock: RerankMock) -> None:
    documents = [f"{number} " + "long " * 10_000 for number in range(10)]
    headers = {"Authorization": f"Bearer {mock.api_key}"}
    httpx.post(f"{mock.base_url}/rerank", json=fields(documents=documents), headers=headers)
    assert mock.calls.last.sent.documents == documents


@pytest.mark.rerank_mock(assert_all_met=False)
def test_scores_are_pinned_by_text(mock: RerankMock) -> None:
    mock.pin_scores({"fruit": 0.999})
    mock.pin_scores({"fruit": 0.1}, query="Pear")
    mock.pin_scores({"fruit": 0.2}, model="Qwen/Qwen3-Reranker-8B")
    first = post(mock).json()["results"][0]
    assert (first["index"], first["relevance_score"]) == (2, 0.999)


@pytest.mark.rerank_mock(assert_all_met=False)
def test_an_order_is_pinned_by_text(mock: RerankMock) -> None:
    mock.pin_order("fruit", "banana")
    mock.pin_order("banana", query="Pear")
    assert [result["index"] for result in post(mock).json()["results"]] == [2, 0, 1]


@pytest.mark.parametrize(
    ("scores", "order", "place"),
    [
        ({"a": "high"}, (), "the score of 'a' must be a number"),
        ({}, (["a", "b"],), "an order is given as texts"),
        ({}, ("a", "a"), r"^\$\[0\]\.order"),
    ],
)
def test_an_invalid_pin_is_reported(
    scores: dict[str, float], order: tuple[str, ...], place: str
) -> None:
    mock = RerankMock(BASE_URL, DEFAULT_KEY, State())
    with pytest.raises(PinError, match=place):
        mock.pin_order(*order) if order else mock.pin_scores(scores)
    assert mock.state.pins(mock.account.name) == ()


def test_a_pin_that_can_match_nothing_is_refused() -> None:
    mock = RerankMock(BASE_URL, DEFAULT_KEY, State())
    with pytest.raises(PinError, match="at least one document must be pinned"):
        mock.pin_order()
    with pytest.raises(PinError, match="at least one document must be pinned"):
        mock.pin_scores({})
    with pytest.raises(PinError, match="there is no model 'Qwen/Qwen3-Reranker-8b'; did you mean"):
        mock.pin_order("a", model="Qwen/Qwen3-Reranker-8b")
    with pytest.raises(PinError, match=r"^\$\[1\]\.model: there is no model 'Qwen'"):
        mock.pin([Pin(order=("a",)), Pin(order=("a",), model="Qwen")])
    assert mock.state.pins(mock.account.name) == ()


@pytest.mark.parametrize(
    ("text", "options", "reason"),
    [
        ("fruit", {}, ""),
        ("fruit", {"query": "Apple", "model": BGE}, ""),
        ("fruits", {}, "no request had any of these documents; did you mean 'fruit'?"),
        ("wine", {}, "no request had any of these documents"),
        ("fruit", {"query": "apple"}, "no request had this query; did you mean 'Apple'?"),
        ("fruit", {"model": QWEN}, f"no request was for {QWEN}"),
    ],
)
def test_a_pin_that_no_request_matched_is_known(
    text: str, options: dict[str, str], reason: str
) -> None:
    with in_process(State()) as mock:
        mock.pin_scores({text: 0.9}, **options)
        assert len(mock.unmatched_pins()) == 1
        post(mock)
        assert [why for _, why in mock.unmatched_pins()] == ([reason] if reason else [])
        mock.state.journal.clear()
        assert mock.unmatched_pins() == []


def test_one_pin_of_a_file_must_match_once_there_are_requests() -> None:
    strange, known = Pin(scores={"fruits": 0.9}), Pin(order=("fruit",), query="Apple")
    with in_process(State()) as mock:
        mock.pin([strange, Pin(order=("fruit",), query="Pear")])
        assert mock.unmatched_pins() == []
        post(mock)
        assert [why for _, why in mock.unmatched_pins()] == [
            "no request had any of these documents; did you mean 'fruit'?",
            "no request had this query",
        ]
        mock.state.unpin(mock.account.name)
        assert mock.unmatched_pins() == []
        mock.pin([Pin(scores={"melon": 0.9}), known])
        assert mock.unmatched_pins() == []


def test_the_environment_is_set_for_one_test(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RERANK_BASE_URL", "https://example.org/v1")
    monkeypatch.delenv("RERANK_API_KEY", raising=False)
    with in_process(State()) as mock:
        mock.set_environment()
        mock.set_environment(base_url="URL_OF_A_TEST")
        assert os.environ["RERANK_BASE_URL"] == os.environ["URL_OF_A_TEST"] == mock.base_url
        assert os.environ["RERANK_API_KEY"] == mock.api_key
    assert os.environ["RERANK_BASE_URL"] == "https://example.org/v1"
    assert "RERANK_API_KEY" not in os.environ
    assert "URL_OF_A_TEST" not in os.environ


def test_the_key_is_not_shown(mock: RerankMock) -> None:
    assert mock.api_key not in repr(mock)


def test_a_clock_that_a_test_moves_is_as_before_in_the_next(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = Path(__file__).parents[3]
    pytester.makepyfile(
        """
        import time

        def test_first(rerank_server):
            rerank_server.clock.freeze(0)
            rerank_server.clock.advance(5)

        def test_next(rerank_server):
            assert not rerank_server.clock.frozen
            assert abs(rerank_server.clock.now() - time.time()) < 3600
        """
    )
    monkeypatch.setenv("PYTHONPATH", str(root))
    plugins = ("-p", "no:rerank_mock", "-p", "mockserver.testing.plugin")
    done = pytester.runpytest_subprocess(*plugins, "-p", "no:cacheprovider")
    done.assert_outcomes(passed=2)
