"""A mock that replays: recorded requests are answered as they were, and others are refused."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from mockserver.admin.dispatch import dispatch
from mockserver.scenarios.scenario import Edit, Scenario, Step
from mockserver.state.recordings import Unrecorded, load_recordings
from mockserver.state.store import State
from mockserver.testing.contexts import mock_rerank, serve_rerank
from mockserver.wire import Request
from tests.mockserver.asking import CONTRACT, ask, fields
from tests.mockserver.state.test_archive import entries_of
from tests.mockserver.state.test_recordings import ANSWER, entry, headers_of, write

Json = Any


def replaying(folder: Path, *entries: Json, unrecorded: Unrecorded = "refuse") -> State:
    recordings = load_recordings(write(folder, *entries), CONTRACT)
    return State(recordings=recordings, unrecorded=unrecorded)


def replay_of(state: State) -> Json:
    response = dispatch(state, Request("GET", "/__admin/replay", "", {}, b""))
    assert response.status == 200
    return response.json()


def test_a_recorded_request_is_answered_as_recorded(tmp_path: Path) -> None:
    headers = headers_of(X_SiliconCloud_Trace_Id="ti_1")
    state = replaying(tmp_path, entry(text=' {"id" :"a"}', headers=headers))
    response = ask(state, fields())
    assert (response.status, response.body) == (200, b' {"id" :"a"}')
    assert response.headers == {
        "x-siliconcloud-trace-id": "ti_1",
        "content-type": "application/json",
        "x-rerank-mock-source": "recording",
    }


def test_several_answers_come_in_order_and_the_last_one_stays(tmp_path: Path) -> None:
    rows = [entry(status=429, headers=headers_of(Retry_After="1")), entry(), entry(status=503)]
    state = replaying(tmp_path, *rows, entry(fields(query="other")))
    assert [ask(state, fields()).status for _ in range(5)] == [429, 200, 503, 503, 503]
    assert ask(state, fields(query="other")).status == 200
    played = [row["played"] for row in replay_of(state)["recordings"]]
    assert played == [1, 1, 3, 1]
    state.reset()
    assert ask(state, fields()).status == 429


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer sk-of-nobody"}, {"a": "b"}])
def test_any_key_is_accepted_and_nothing_is_charged(
    tmp_path: Path, headers: dict[str, str]
) -> None:
    state = replaying(tmp_path, entry())
    (before,) = state.accounts.values()
    assert ask(state, fields(), headers=headers).status == 200
    assert [*state.accounts.values()] == [before]


def test_an_unknown_request_is_refused_with_the_nearest_recording(tmp_path: Path) -> None:
    far = entry({"model": "m", "query": "q", "documents": []})
    state = replaying(tmp_path, far, entry(fields(top_n=3)))
    documents = ["banana", "an apple", "fruit", "a pear"]
    response = ask(state, fields(top_n=4, documents=documents, instruction="x" * 200))
    assert response.status == 404
    assert response.headers["x-rerank-mock-source"] == "mock"
    told = response.json()
    assert told["message"] == (
        "rerank-mock has no recording of this request; the nearest is run.har, entry 2, which"
        ' differs in $.documents[3] (recorded nothing, sent "a pear"), $.instruction'
        f' (recorded nothing, sent "{"x" * 100}…"), $.top_n (recorded 3, sent 4)'
    )
    assert told["data"]["nearest"] == "run.har, entry 2"
    assert told["data"]["differences"][0] == {"place": "$.documents[3]", "sent": "a pear"}
    assert told["data"]["differences"][2] == {"place": "$.top_n", "recorded": 3, "sent": 4}


@pytest.mark.parametrize(
    ("body", "how", "difference"),
    [
        (fields(), {"method": "GET"}, 'method (recorded "POST", sent "GET")'),
        (fields(), {"path": "/v1/rerank/"}, 'path (recorded "/rerank", sent "/rerank/")'),
        (
            fields(),
            {"headers": {"content-type": "text/plain"}},
            'media type (recorded "application/json", sent "text/plain")',
        ),
        (b"{", {}, '$ (recorded an object, sent "{")'),
        (fields(documents="a"), {}, '$.documents (recorded 3 items, sent "a")'),
        (fields(query=True), {}, '$.query (recorded "Apple", sent true)'),
    ],
)
def test_a_difference_is_named(tmp_path: Path, body: Json, how: Json, difference: str) -> None:
    message = ask(replaying(tmp_path, entry()), body, **how).json()["message"]
    assert message.endswith(f"which differs in {difference}")


def test_many_differences_are_not_all_listed(tmp_path: Path) -> None:
    state = replaying(tmp_path, entry())
    told = ask(state, fields(documents=[f"document {n}" for n in range(50)])).json()
    assert len(told["data"]["differences"]) == 10
    assert told["message"].endswith(", and more")


def test_an_unknown_request_may_be_answered_by_the_engine(tmp_path: Path) -> None:
    state = replaying(tmp_path, entry(), unrecorded="answer")
    response = ask(state, fields(top_n=1))
    assert response.json()["meta"]["tokens"]["input_tokens"]
    assert response.headers["x-rerank-mock-source"] == "mock"
    assert ask(state, fields()).json() == ANSWER
    assert ask(state, fields(top_n=1), headers={}).status == 401
    assert [found.source for found in state.journal] == ["mock", "recording", "mock"]


def test_other_paths_are_answered_by_the_mock(tmp_path: Path) -> None:
    state = replaying(tmp_path, entry())
    assert ask(state, b"", method="GET", path="/v1/models").status == 200
    assert ask(state, b"", path="/v1/elsewhere").status == 404
    assert [found.source for found in state.journal] == [None, None]


def test_armed_scenarios_come_before_recordings(tmp_path: Path) -> None:
    state = replaying(tmp_path, entry())
    receipt = state.arm("account-1", Scenario("busy", (Step(error="rate_limited"),)))
    assert ask(state, fields()).status == 429
    assert ask(state, fields()).json() == ANSWER
    assert receipt.met
    assert [found.source for found in state.journal] == ["mock", "recording"]
    assert replay_of(state)["recordings"][0]["played"] == 1


def test_a_step_edits_a_recorded_ranking(tmp_path: Path) -> None:
    results = [{"index": n, "relevance_score": s} for n, s in ((1, 0.9), (0, 0.5), (2, 0.1))]
    state = replaying(tmp_path, entry(answer={"id": "a", "results": results}))
    edit = Edit(scores=(None, None, 0.7), members={"id": "b"})
    state.arm("account-1", Scenario("edited", (Step(answer=edit, headers={"x-a": "1"}),)))
    edited = ask(state, fields())
    assert edited.json()["id"] == "b"
    assert [(r["index"], r["relevance_score"]) for r in edited.json()["results"]] == [
        (1, 0.9),
        (2, 0.7),
        (0, 0.5),
    ]
    assert (edited.headers["x-a"], edited.headers["x-rerank-mock-source"]) == ("1", "mock")


@pytest.mark.parametrize("text", ["", "[]", "null", '{"results": 3}', '{"results": [{}]}', "{"])
def test_a_step_leaves_what_is_no_ranking_alone(tmp_path: Path, text: str) -> None:
    state = replaying(tmp_path, entry(text=text))
    state.arm("account-1", Scenario("edited", (Step(answer=Edit(order="rising")),)))
    assert ask(state, fields()).body == text.encode()


def test_journal_and_archive_say_which_answers_were_recorded(tmp_path: Path) -> None:
    state = replaying(tmp_path, entry())
    ask(state, fields(top_k=1))
    ask(state, fields())
    assert [(found.source, found.to_json()["source"]) for found in state.journal] == [
        ("mock", "mock"),
        ("recording", "recording"),
    ]
    assert [row["_source"] for row in entries_of(state)] == ["mock", "recording"]
    # Advice is given as always.
    assert [found.advice_ids for found in state.journal] == ["unknown_field", ""]
    fresh = State()
    fresh.rollback(state.snapshot())
    assert [found.source for found in fresh.journal] == ["mock", "recording"]


def test_what_a_mock_has_recorded_is_replayed(tmp_path: Path) -> None:
    live = State()
    bodies = [fields(), fields(top_n=0), fields(model="none"), b"{", fields(top_n=1)]
    answers = [ask(live, body) for body in bodies]
    rows = entries_of(live)
    state = replaying(tmp_path, *rows)
    for body, recorded in zip(bodies, answers, strict=True):
        replayed = ask(state, body, headers={"content-type": "application/json"})
        assert (replayed.status, replayed.body) == (recorded.status, recorded.body)
        trace = "x-siliconcloud-trace-id"
        assert replayed.headers[trace] == recorded.headers[trace]


def test_what_a_mock_answered_for_another_server_is_not_replayed(tmp_path: Path) -> None:
    state = replaying(tmp_path, entry(), unrecorded="answer")
    ask(state, fields())
    ask(state, fields(top_n=1))
    found = load_recordings(write(tmp_path, *entries_of(state)), CONTRACT)
    left_out = "1 left out: a mock answered in place of the service"
    assert found.summary == f"run.har: 1 recording; {left_out}"


def test_nothing_is_replayed_where_nothing_was_recorded() -> None:
    response = dispatch(State(), Request("GET", "/__admin/replay", "", {}, b""))
    assert response.status == 404
    assert "start the mock with --replay" in response.json()["reason"]


def test_each_account_has_its_own_turn(tmp_path: Path) -> None:
    path = write(tmp_path, entry(status=503), entry())
    with serve_rerank(replay=path, fail_on="nothing") as mock:
        for key in (mock.api_key, mock.state.open_account()):
            headers = {"authorization": f"Bearer {key}"}
            answers = [
                httpx.post(f"{mock.base_url}/rerank", json=fields(), headers=headers)
                for _ in range(2)
            ]
            assert [answer.status_code for answer in answers] == [503, 200]


def test_a_context_replays(tmp_path: Path) -> None:
    path = write(tmp_path, entry())
    with mock_rerank(replay=path, unrecorded="answer") as mock:
        headers = {"authorization": f"Bearer {mock.api_key}"}
        answers = [
            httpx.post(f"{mock.base_url}/rerank", json=body, headers=headers)
            for body in (fields(), fields(top_n=1))
        ]
    assert answers[0].json() == ANSWER
    assert len(answers[1].json()["results"]) == 1


def test_fixtures_replay(pytester: pytest.Pytester, tmp_path: Path) -> None:
    path = write(tmp_path, entry(), entry(fields(top_n=1), status=500))
    pytester.makepyfile(
        f"""
        import httpx
        import pytest

        BODY = {json.dumps(fields())}

        def ask(mock, **changes):
            headers = {{"authorization": f"Bearer {{mock.api_key}}"}}
            return httpx.post(f"{{mock.base_url}}/rerank", json=BODY | changes, headers=headers)

        @pytest.mark.rerank_mock(replay={str(path)!r})
        def test_in_process(rerank_mock):
            assert ask(rerank_mock).json()["id"] == "0195"
            assert ask(rerank_mock, top_n=2).status_code == 404

        @pytest.mark.parametrize("turn", [1, 2])
        @pytest.mark.rerank_server(replay={str(path)!r}, unrecorded="answer")
        def test_at_a_socket(rerank_server, turn):
            assert ask(rerank_server).json()["id"] == "0195"
            assert ask(rerank_server, top_n=1).status_code == 500
            assert ask(rerank_server, top_n=2).status_code == 200

        @pytest.mark.rerank_mock(replay="none.har")
        def test_no_file(rerank_mock):
            pass

        @pytest.mark.rerank_mock(unrecorded="ignore")
        def test_no_value(rerank_mock):
            pass
        """
    )
    result = pytester.runpytest_inprocess("-p", "mockserver.testing.plugin")
    result.assert_outcomes(passed=3, errors=2)
    result.stdout.fnmatch_lines(
        [
            "*rerank_mock: none.har: cannot be read: No such file or directory",
            "*rerank_mock: unrecorded is refuse or answer, not 'ignore'",
        ]
    )
