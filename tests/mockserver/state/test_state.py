import time
import uuid
from datetime import datetime, timezone

import pytest

from mockserver.state.clock import Clock
from mockserver.state.ids import page_id, uuid7
from mockserver.state.store import State

EVENING = datetime(2026, 7, 1, 20, tzinfo=timezone.utc).timestamp()


def frozen(seed: int = 0) -> State:
    return State(seed=seed, clock=Clock(EVENING))


def test_ids_are_distinct_on_a_frozen_clock() -> None:
    state = frozen()
    views = [state.view("") for _ in range(10_000)]
    for form in (uuid7, page_id):
        assert len({form(view.now, n) for view in views for n in view.numbers}) == 20_000


def test_an_id_is_a_version_7_uuid_that_holds_the_time() -> None:
    text = uuid7(EVENING, frozen().view("").numbers[0])
    parsed = uuid.UUID(hex=text)
    assert text == parsed.hex
    assert (parsed.version, parsed.variant) == (7, uuid.RFC_4122)
    assert parsed.int >> 80 == int(EVENING * 1000)


def test_an_id_of_the_page_holds_the_day_in_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "CST-8")  # where the next day has begun
    time.tzset()
    word, day, rest = page_id(EVENING, frozen().view("").numbers[0]).split("-")
    assert (word, day) == ("rerank", "20260701")
    assert len(rest) == 12
    assert int(rest, 16) >= 0
    monkeypatch.undo()
    time.tzset()


def test_the_seed_decides_the_ids() -> None:
    one, again, other = (frozen(seed).view("").numbers for seed in (1, 1, 2))
    assert one == again
    assert not {*one} & {*other}


def test_an_account_is_opened_under_a_given_key_or_a_new_one() -> None:
    state = State(keys=["sk-a"])
    made_up = state.open_account()
    assert list(state.accounts) == ["account-1", "account-2"]
    assert state.account_of("sk-a") == state.accounts["account-1"]
    assert state.account_of(made_up) == state.accounts["account-2"]
