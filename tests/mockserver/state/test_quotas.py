import pytest

from mockserver.state.clock import Clock
from mockserver.state.quotas import SECONDS, LimitName
from mockserver.state.store import State
from tests.mockserver.asking import BGE, QWEN, ask, fields, read

REQUESTS = [name for name in SECONDS if name[0] == "R"]
TOKENS = [name for name in SECONDS if name[0] == "T"]

#: Of 3 tokens: the query, and the document with its two words.
BODY = fields(query="a", documents="b c")


def limited(**limits: int | None) -> State:
    state = State(clock=Clock(1_800_000_000))
    state.change_account("account-1", limits={**limits})
    return state


def statuses(state: State, count: int, **changes: object) -> list[int]:
    return [ask(state, {**BODY, **changes}).status for _ in range(count)]


def reached(state: State, **changes: object) -> str:
    """Return what a refusal says of the limit."""
    response = ask(state, {**BODY, **changes})
    assert response.status == 429
    body = read(response)
    assert body.keys() == {"message", "data"}
    message: str = body["message"]
    return message.partition("Details:")[2]


@pytest.mark.parametrize("name", REQUESTS)
def test_requests_pass_up_to_the_limit_until_its_window_closes(name: LimitName) -> None:
    state = limited(**{name: 2})
    assert statuses(state, 2) == [200, 200]
    assert reached(state) == f"{name} limit reached."
    state.clock.advance(SECONDS[name] - 0.001)
    assert reached(state) == f"{name} limit reached."
    state.clock.advance(0.001)
    assert statuses(state, 3) == [200, 200, 429]


@pytest.mark.parametrize("name", TOKENS)
def test_tokens_pass_up_to_the_limit_until_its_window_closes(name: LimitName) -> None:
    state = limited(**{name: 8})
    assert statuses(state, 2) == [200, 200]
    assert reached(state) == f"{name} limit reached."
    assert ask(state, {**BODY, "documents": "b"}).status == 200, "2 tokens still fit"
    state.clock.advance(SECONDS[name])
    assert statuses(state, 3) == [200, 200, 429]


def test_images_count_as_tokens() -> None:
    state = limited(TPM=260)
    # Its text, and a word that stands for the image, are 4 tokens with the query; itself is 256.
    picture = {"text": "b c", "image": "https://example.org/apple.png"}
    sent = {"model": "Qwen/Qwen3-VL-Reranker-8B", "documents": [picture]}
    assert statuses(state, 2, **sent) == [200, 429]


def test_a_new_account_has_the_limits_of_the_service() -> None:
    state = State(clock=Clock(0))
    assert statuses(state, 2000) == [200] * 2000
    assert reached(state) == "RPM limit reached."
    words = "b " * 8000
    state.clock.advance(60)
    assert ask(state, {**BODY, "documents": [words] * 62}).status == 200
    assert reached(state, documents=[words]) == "TPM limit reached."


def test_other_models_and_other_accounts_stay_usable() -> None:
    state = limited(RPM=1)
    key = state.open_account(limits={"RPM": 1})
    assert statuses(state, 2) == [200, 429]
    assert statuses(state, 2, model=QWEN) == [200, 429]
    assert ask(state, BODY, headers={"authorization": f"Bearer {key}"}).status == 200


def test_a_model_may_have_limits_of_its_own() -> None:
    state = limited(RPM=1)
    state.change_account("account-1", model_limits={QWEN: {"RPM": 3}, BGE: {"RPM": None}})
    assert statuses(state, 4, model=QWEN) == [200, 200, 200, 429]
    assert statuses(state, 4) == [200] * 4


def test_what_is_not_limited_is_unlimited() -> None:
    assert statuses(limited(), 2001) == [200] * 2001
    assert statuses(limited(RPM=None, TPM=None), 3) == [200] * 3


def test_a_refused_request_counts_nowhere() -> None:
    state = limited(RPM=3, TPM=6)
    assert statuses(state, 4) == [200, 200, 429, 429]
    assert ask(state, {**BODY, "top_n": 0}).status == 400
    state.change_account("account-1", limits={"RPM": 3})
    assert statuses(state, 2) == [200, 429]


def test_the_limit_that_is_longest_in_the_way_is_named() -> None:
    state = limited(RPM=1, RPH=1, TPH=3, RPD=2)
    assert statuses(state, 1) == [200]
    assert reached(state) == "RPH limit reached."
    state.clock.advance(3600)
    assert statuses(state, 1) == [200]
    assert reached(state) == "RPD limit reached."


def test_a_request_beyond_the_limit_for_tokens_never_passes() -> None:
    state = limited(TPM=2)
    assert reached(state) == "TPM limit reached."
    state.clock.advance(60)
    assert reached(state) == "TPM limit reached."


def test_a_clock_that_is_set_back_opens_a_new_window() -> None:
    state = limited(RPM=1)
    assert statuses(state, 2) == [200, 429]
    state.clock.freeze(1_700_000_000)
    assert statuses(state, 2) == [200, 429]


def test_retry_after_is_when_the_request_passes() -> None:
    state = limited(RPM=1)
    state.behaviour = type(state.behaviour)(retry_after="present")
    assert statuses(state, 1) == [200]
    state.clock.advance(0.4)
    wait = int(ask(state, BODY).headers["retry-after"])
    state.clock.advance(wait - 1)
    assert ask(state, BODY).status == 429
    state.clock.advance(1)
    assert ask(state, BODY).status == 200


def test_the_headers_of_the_limits_count_down() -> None:
    state = limited(TPM=7, RPH=9)
    state.behaviour = type(state.behaviour)(rate_limit_headers="present")
    told = [ask(state, BODY).headers.get("x-ratelimit-remaining-tokens") for _ in range(3)]
    assert told == ["4", "1", "1"]
    assert "x-ratelimit-limit-requests" not in ask(state, BODY).headers
