from dataclasses import replace
from typing import NoReturn

import pytest

from contract_tests.contract import AnyJson
from contract_tests.exchanges import Answer, Credential, Request
from contract_tests.judging.connection import BUSY, InconclusiveError, seen
from contract_tests.judging.limits import Startup
from contract_tests.judging.served import NotServedError
from contract_tests.judging.tokens import estimated_tokens, most_tokens
from contract_tests.targets import UnreachableError
from tests.contract_tests.exchanging import (
    ANSWER,
    BGE,
    BODY,
    HEADERS,
    Scripted,
    answer,
    honest,
    in_turn,
    new_run,
)
from tests.contract_tests.newest import MODELS

ASK = Request(BODY)
MODEL = MODELS[BGE]
GOOD = answer()


def busy(status: int = 429, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return answer({"message": "busy"}, status, {**HEADERS, **named})


def test_exchanges_are_numbered_by_the_requests_sent() -> None:
    run, _ = new_run()
    target = in_turn(GOOD, busy(), GOOD)
    assert [run.connection.ask(target, ASK).number for _ in range(2)] == [1, 3]


@pytest.mark.parametrize("status", BUSY)
def test_a_busy_target_is_waited_for(status: int) -> None:
    run, slept = new_run()
    target = in_turn(busy(status), busy(status, retry_after="7"), busy(status), GOOD)
    assert run.connection.ask(target, ASK).answer == GOOD
    assert slept == [1, 7, 4]
    assert target.bodies == [BODY] * 4


def test_a_target_that_stays_busy_is_given_up() -> None:
    run, slept = new_run()
    with pytest.raises(
        InconclusiveError, match=r"still busy after all waiting: status 429.*--max-rpm"
    ):
        run.connection.ask(in_turn(busy()), ASK)
    assert slept == [1, 2, 4, 8, 16, 32]
    assert run.connection.halted is None


def test_a_target_that_asks_for_too_long_a_wait_is_quoted() -> None:
    run, slept = new_run()
    asks = "still busy after some waiting, and asks to wait for 3600 seconds, which is too long"
    with pytest.raises(InconclusiveError, match=asks):
        run.connection.ask(in_turn(busy(retry_after="3600")), ASK)
    assert slept == []


def test_a_target_that_never_asks_for_a_wait_is_not_asked_for_ever() -> None:
    run, _ = new_run(hard=False)
    target = in_turn(busy(retry_after="0"))
    with pytest.raises(InconclusiveError, match="still busy"):
        run.connection.ask(target, ASK)
    assert len(target.asked) < 20


def test_the_patience_of_a_run_has_an_end() -> None:
    run, slept = new_run()
    run.connection.patience.left = 10
    for _ in range(3):
        with pytest.raises(InconclusiveError, match="still busy"):
            run.connection.ask(in_turn(busy()), ASK)
    assert slept == [1, 2, 4, 1, 2]


def test_a_single_failure_is_forgiven() -> None:
    run, slept = new_run()
    assert run.connection.ask(in_turn(busy(500), GOOD), ASK).answer == GOOD
    assert slept == []


def test_a_failure_that_stays_is_an_answer() -> None:
    run, _ = new_run()
    target = in_turn(busy(500))
    assert run.connection.ask(target, ASK).answer.status == 500
    assert len(target.asked) == 2


REFUSED_KEY = answer("Invalid token", 401)
POOR = {"code": 30001, "message": "Sorry, your account balance is insufficient"}
#: Answer -> what is said of the key.
GIVEN_UP = [
    (REFUSED_KEY, r"the key in \$SILICONFLOW_API_KEY was refused: .*; put a valid one there"),
    *(
        (refusal, r"the account of the key in \$SILICONFLOW_API_KEY has no money left: .*; top it")
        for refusal in (
            answer(POOR, 402),
            answer(POOR, 403),
            answer("Insufficient balance", 403),
            answer("Payment Required", 402),
        )
    ),
]


@pytest.mark.parametrize(("refusal", "said"), GIVEN_UP)
def test_a_key_that_cannot_be_used_ends_the_run(refusal: Answer, said: str) -> None:
    run, _ = new_run()
    target = in_turn(GOOD, refusal, GOOD)
    run.connection.ask(target, ASK)
    for _ in range(2):
        with pytest.raises(InconclusiveError, match=said):
            run.connection.ask(target, ASK)
    assert len(target.asked) == 2


@pytest.mark.parametrize("credential", [Credential.INVALID, Credential.NONE])
def test_a_refusal_of_what_is_no_key_is_what_was_asked_for(credential: Credential) -> None:
    run, _ = new_run()
    refused = run.connection.ask(in_turn(REFUSED_KEY), replace(ASK, credential=credential))
    assert refused.answer.status == 401
    assert run.connection.halted is None


def test_a_target_that_was_never_reached_is_not_waited_for() -> None:
    run, slept = new_run()
    target = in_turn(UnreachableError("ConnectError: refused"))
    for _ in range(2):
        with pytest.raises(
            InconclusiveError, match=f"no answer from {target.base_url}: ConnectError: refused"
        ):
            run.connection.ask(target, ASK)
    assert len(target.asked) == 1
    assert slept == []


def test_a_target_that_goes_away_is_waited_for_before_it_is_given_up() -> None:
    run, slept = new_run()
    target = in_turn(GOOD, UnreachableError("cut"), GOOD, UnreachableError("gone"))
    run.connection.ask(target, ASK)
    assert run.connection.ask(target, ASK).answer == GOOD
    with pytest.raises(InconclusiveError, match=r"no more answers from .*: gone"):
        run.connection.ask(target, ASK)
    assert slept == [1, 1, 2, 4, 8, 16, 32]
    assert run.connection.halted


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_gateway_before_nothing_is_given_up_soon(status: int) -> None:
    run, slept = new_run()
    target = in_turn(answer(b"<html>Bad Gateway</html>", status))
    with pytest.raises(InconclusiveError, match=r"only a gateway answers .* --wait SECONDS"):
        run.connection.ask(target, ASK)
    assert slept == [1, 2, 4]
    assert run.connection.halted


def test_a_target_is_waited_for_until_it_is_up() -> None:
    run, _ = new_run()
    slept = list[float]()
    run.connection.startup = Startup(60, clock=lambda: sum(slept), sleep=slept.append)
    gone, bad_gateway = UnreachableError("refused"), answer(b"", 502)
    target = in_turn(gone, gone, bad_gateway, bad_gateway, bad_gateway, bad_gateway, GOOD)
    assert run.connection.ask(target, ASK).answer == GOOD
    assert slept == [1] * 6


def test_a_target_that_does_not_come_up_is_not_waited_for_any_longer() -> None:
    run, _ = new_run()
    slept = list[float]()
    run.connection.startup = Startup(5, clock=lambda: sum(slept), sleep=slept.append)
    with pytest.raises(InconclusiveError, match="no answer from"):
        run.connection.ask(in_turn(UnreachableError("refused")), ASK)
    assert slept == [1] * 5


def test_time_that_is_lost_in_waiting_for_answers_is_patience_lost() -> None:
    run, slept = new_run()
    seconds = iter(range(0, 10_000, 60))
    run.connection.clock = lambda: float(next(seconds))
    run.connection.answered = True
    with pytest.raises(InconclusiveError, match=r"no more answers .*; give it longer"):
        run.connection.ask(in_turn(UnreachableError("timed out", "give it longer")), ASK)
    assert len(slept) < 5


def test_headers_of_the_run_go_out_with_every_request() -> None:
    run, _ = new_run()
    run.connection.headers = (("x-tenant", "a"), ("x-secret", "$NAME"))
    target = in_turn(GOOD)
    exchange = run.connection.ask(target, ASK)
    assert target.asked[0].headers == run.connection.headers
    assert exchange.request == target.asked[0]


def test_a_hard_budget_counts_what_a_busy_target_did_not_answer() -> None:
    run, _ = new_run(limit=2)
    target = in_turn(busy(), GOOD)
    run.connection.ask(target, ASK)
    with pytest.raises(InconclusiveError, match="the budget of 2 requests is spent"):
        run.connection.ask(target, ASK)
    assert run.connection.budget.spent == len(target.asked) == 2


def test_a_soft_budget_does_not() -> None:
    run, _ = new_run(limit=2, hard=False)
    target = in_turn(busy(), busy(503), GOOD)
    for _ in range(2):
        run.connection.ask(target, ASK)
    with pytest.raises(InconclusiveError, match="is spent"):
        run.connection.ask(target, ASK)
    assert run.connection.budget.spent == len(target.asked) == 4


def counting(tokens: AnyJson) -> Answer:
    return answer({**ANSWER, "meta": {"tokens": {"input_tokens": tokens}}})


@pytest.mark.parametrize(
    ("answered", "billed"),
    [
        (counting(700), 700),
        (counting(0), 6),
        (counting(-265), 6),
        (counting("700"), 6),
        (answer({"id": "a", "results": []}), 6),
        (answer("no", 400), 0),
    ],
)
def test_the_larger_of_what_the_target_counts_and_of_our_estimate_is_counted(
    answered: Answer, billed: int
) -> None:
    run, _ = new_run()
    run.connection.ask(in_turn(answered), ASK)
    assert run.connection.budget.tokens == billed


@pytest.mark.parametrize(
    ("body", "tokens"),
    [
        (BODY, 6),
        ({**BODY, "query": "abcde", "documents": ["苹果", "a" * 40]}, 16),
        ({**BODY, "documents": "a" * 40}, 11),
        ({**BODY, "documents": [{"image": "data:"}]}, 1001),
        (b"{", 2),
    ],
)
def test_four_letters_or_one_other_character_are_taken_for_a_token(
    body: AnyJson, tokens: int
) -> None:
    assert estimated_tokens(Request(body)) == tokens


@pytest.mark.parametrize("body", [BODY, {**BODY, "documents": "a" * 50}, {}, b"{", None])
def test_no_request_is_billed_for_more_tokens_than_are_reserved(body: AnyJson) -> None:
    # The query is read once with each document; a token has one character at least.
    texts = [body["query"] * len(body["documents"]), *body["documents"]] if body == BODY else []
    assert most_tokens(Request(body)) >= len("".join(texts))
    assert most_tokens(Request(body)) >= estimated_tokens(Request(body))


def test_a_model_is_asked_for_once() -> None:
    run, _ = new_run()
    target = honest()
    for _ in range(3):
        run.served.needs(target, MODEL)
    assert [body["model"] for body in target.bodies] == [BGE]
    assert run.served.models == {BGE: None}


NOT_SERVED = [
    answer({"code": 20012, "message": "no"}, 400),
    answer({"code": 30003, "message": "off"}, 403),
    answer({"message": "unknown MODEL"}, 422),
    answer("no such model", 404),
]


@pytest.mark.parametrize(
    # What may be about the request is asked for in three other ways before the model is given up.
    ("refusal", "times"),
    list(zip(NOT_SERVED, [1, 1, 4, 4], strict=True)),
    ids=lambda given: seen(given) if isinstance(given, Answer) else None,
)
def test_a_model_that_is_not_served_is_told_once_and_ends_nothing(
    refusal: Answer, times: int
) -> None:
    run, _ = new_run()
    target = in_turn(refusal)
    for _ in range(2):
        with pytest.raises(NotServedError, match=f"{BGE} is not served: status {refusal.status}"):
            run.served.needs(target, MODEL)
    assert len(target.asked) == times
    assert run.connection.halted is None


def test_a_model_that_refuses_the_plainest_request_alone_is_served() -> None:
    run, _ = new_run()
    target = in_turn(answer({"message": "no model"}, 400), answer())
    assert run.served.needs(target, MODEL).answer.status == 400
    assert len(target.asked) == 2


@pytest.mark.parametrize(
    ("first", "reason"),
    [
        (answer(b" <!doctype html>"), "answered with a page, not with the API"),
        (answer(b"<html>", 404), "answered with a page, .* ends in /v1, without /rerank"),
        (answer(b"<html>", 403), "answered with a page, .* does a login or a proxy stand between"),
        (
            answer(b"<html>", 307, {"location": "https://host/api/v1/rerank"}),
            "redirects to https://host/api/v1/rerank: try --target https://host/api/v1",
        ),
        (
            answer(b"", 308, {"location": "/v2/rerank/"}),
            "redirects to http://127.0.0.1:1/v2/rerank/: try --target http://127.0.0.1:1/v2",
        ),
        (answer(b"", 302, {"location": "/login"}), "redirects to http://127.*/login: is that a"),
        (
            answer(b"", 302, {"location": "https://host/login?next=/v1/rerank"}),
            r"redirects to https://host/login\?next=/v1/rerank: is that a login",
        ),
        (answer("no", 407), "a proxy stands before .*/v1/rerank: .*; the proxy wants a name"),
        (answer(b"<p>our load balance</p>", 403), "answered with a page"),
        (answer(b"", 302, {"location": "http://host:port"}), "redirects to .*, which is not a URL"),
        (answer(b"", 302, {}), "redirects to nowhere, as the answer has no header Location"),
        (answer("404 page not found", 404), "nothing ranks at .*/v1/rerank.* ends in /v1"),
        (answer("Method Not Allowed", 405), "nothing ranks at"),
        (answer("Forbidden", 403), r"the key in \$SILICONFLOW_API_KEY may not use"),
    ],
)
def test_what_is_not_the_api_is_told_and_not_judged(first: Answer, reason: str) -> None:
    run, _ = new_run()
    target = in_turn(first)
    for _ in range(2):
        with pytest.raises(InconclusiveError, match=reason):
            run.served.needs(target, MODEL)
    assert len(target.asked) == 1


@pytest.mark.parametrize("first", [answer("no", 400), answer("no", 500), answer(b"{")], ids=seen)
def test_a_target_that_merely_does_not_conform_is_judged(first: Answer) -> None:
    run, _ = new_run()
    run.served.needs(in_turn(first), MODEL)
    assert run.served.models == {BGE: None}


def test_no_answer_has_a_body_that_cannot_be_told() -> None:
    assert seen(answer(b"", 204)) == "status 204, no body"
    assert seen(answer(b"\x1b[31m", 200)) == r"status 200, \x1b[31m"


def test_a_fault_of_the_suite_is_not_taken_for_one_of_the_target() -> None:
    def reply(_: Request) -> NoReturn:
        raise ZeroDivisionError

    run, _ = new_run()
    with pytest.raises(ZeroDivisionError):
        run.connection.ask(Scripted(reply), ASK)
