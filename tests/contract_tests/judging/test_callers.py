"""Two callers, and sequences of calls: what only their order or their number shows."""

from collections.abc import Callable
from dataclasses import replace

import httpx
import pytest

from contract_tests.exchanges import Answer, Credential, Request
from contract_tests.judging.connection import InconclusiveError
from contract_tests.mutants.operators import Answerer, Sender
from contract_tests.targets import HttpTarget
from tests.contract_tests.conftest import KEY
from tests.contract_tests.exchanging import BODY, answer, in_turn, new_run
from tests.contract_tests.judged import Judged
from tests.independent_server import IndependentServer

SECOND = "sk-of-another-caller"
SEQUENCES = ("-k", "depend_on_the_calls", "--effort=standard")


def asked_by(run: Judged) -> set[Credential]:
    return {request.credential for request in run.requests}


@pytest.mark.parametrize("target", ["mock", "server"])
def test_the_mock_has_an_account_for_each_of_two_callers(
    target: str, judged: Callable[..., Judged]
) -> None:
    run = judged(f"--target={target}", *SEQUENCES)
    assert (run.code, run.verdict) == (0, "conforms")
    assert {Credential.KEY, Credential.SECOND_KEY} <= asked_by(run)


def test_one_caller_asks_for_all_where_there_is_no_second_key(
    judged: Callable[..., Judged],
) -> None:
    with IndependentServer(KEY) as server:
        run = judged(f"--target={server.base_url}", *SEQUENCES)
    assert (run.code, run.verdict) == (0, "conforms")
    assert Credential.SECOND_KEY not in asked_by(run)


def test_a_second_key_is_used_where_it_is_given(
    judged: Callable[..., Judged], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANOTHER", SECOND)
    with IndependentServer(KEY) as server:
        run = judged(f"--target={server.base_url}", "--second-api-key-env=ANOTHER", *SEQUENCES)
    # That server knows one key alone.
    assert (run.code, run.verdict) == (3, "inconclusive")
    reason = run.row("response.results.own")["reason"]
    assert "the key in $ANOTHER was refused: status 401" in reason


def test_callers_that_are_mixed_up_are_noticed_with_two_keys_alone(
    judged: Callable[..., Judged], monkeypatch: pytest.MonkeyPatch
) -> None:
    mixed = ("--mutant=mixes up two callers", "-k", "cross or very_text", "--effort=smoke")

    def alone(_: pytest.Config) -> tuple[Credential, ...]:
        return (Credential.KEY,)

    with monkeypatch.context() as patch:
        patch.setattr("contract_tests.conftest._callers", alone)
        assert judged(*mixed).code == 0
    assert "response.results.own" in judged(*mixed).that("failed")


def fooled_by_strangers() -> Answerer:
    """Forget the second half of an answer, if the call before was refused its key."""
    refused = [False]

    def answer(send: Sender, request: Request) -> Answer:
        original = send(request)
        before, refused[0] = refused[0], original.status == 401
        if not before or original.status != 200:
            return original
        scores = [result["relevance_score"] for result in original.json["results"]]
        text = original.body.replace(str(scores[0]).encode(), b"0.5", 1)
        return replace(original, body=text)

    return answer


def test_what_only_an_order_of_calls_shows_is_found_and_made_smaller(
    judged: Callable[..., Judged],
) -> None:
    run = judged("-k", "depend_on_the_calls", "--effort=thorough", instead=fooled_by_strangers())
    assert run.code == 1
    row = run.row("response.results.own")
    assert (row["outcome"], row["reason"]) == ("failed", None)
    # Judged again at last: an answer, a stranger, and the answer that is wrong.
    strangers = [request.credential for request in run.requests[-4:]]
    assert {Credential.INVALID, Credential.NONE} & set(strangers)


def test_both_keys_are_blotted_out_of_answers() -> None:
    def reply(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, text=f"{request.headers['authorization']} {KEY} {KEY}-2")

    with httpx.Client(transport=httpx.MockTransport(reply)) as client:
        target = HttpTarget(client, "http://127.0.0.1:1/v1", KEY, f"{KEY}-2")
        answered = target.send(Request(BODY, credential=Credential.SECOND_KEY))
    assert answered.text == "Bearer [key] [key] [key]"
    assert answered.repeats_key


def test_a_second_key_that_is_refused_ends_the_run() -> None:
    run, _ = new_run()
    run.connection.second_api_key_env = "ANOTHER"
    with pytest.raises(InconclusiveError, match=r"the key in \$ANOTHER was refused"):
        run.connection.ask(
            in_turn(answer("no", 401)), Request(BODY, credential=Credential.SECOND_KEY)
        )
    assert run.connection.halted
