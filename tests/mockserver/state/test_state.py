import time
import uuid
from datetime import datetime, timezone

import pytest

from mockserver.state.clock import Clock
from mockserver.state.store import State

EVENING = datetime(2026, 7, 1, 20, tzinfo=timezone.utc).timestamp()


def frozen(seed: int = 0) -> State:
    return State(seed=seed, clock=Clock(EVENING))


def test_ids_are_distinct_on_a_frozen_clock() -> None:
    state = frozen()
    assert len({state.uuid7() for _ in range(10_000)}) == 10_000
    assert len({state.page_id() for _ in range(10_000)}) == 10_000


def test_an_id_is_a_version_7_uuid_that_holds_the_time() -> None:
    text = frozen().uuid7()
    parsed = uuid.UUID(hex=text)
    assert text == parsed.hex
    assert (parsed.version, parsed.variant) == (7, uuid.RFC_4122)
    assert parsed.int >> 80 == int(EVENING * 1000)


def test_an_id_of_the_page_holds_the_day_in_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "CST-8")  # where the next day has begun
    time.tzset()
    word, day, rest = frozen().page_id().split("-")
    assert (word, day) == ("rerank", "20260701")
    assert len(rest) == 12
    assert int(rest, 16) >= 0
    monkeypatch.undo()
    time.tzset()


def test_the_seed_decides_the_ids() -> None:
    assert frozen(seed=1).uuid7() == frozen(seed=1).uuid7()
    assert frozen(seed=1).uuid7() != frozen(seed=2).uuid7()


def test_an_account_is_opened_under_a_given_key_or_a_new_one() -> None:
    state = State(keys=["sk-a"])
    made_up = state.open_account()
    assert list(state.accounts) == ["account-1", "account-2"]
    assert state.account_of("sk-a") == state.accounts["account-1"]
    assert state.account_of(made_up) == state.accounts["account-2"]
