import math
import random
from datetime import datetime, timedelta, timezone

import pytest

from mockserver.state.clock import LAST, Clock


class Watch:
    """A real time that only the test moves."""

    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


def test_the_clock_follows_real_time_by_default() -> None:
    watch = Watch()
    clock = Clock(source=watch)
    assert (clock.now(), clock.frozen) == (1000, False)
    watch.time = 1001.5
    assert clock.now() == 1001.5


def test_a_frozen_clock_moves_only_when_advanced() -> None:
    watch = Watch()
    clock = Clock(source=watch)
    clock.freeze()
    watch.time = 2000
    assert (clock.now(), clock.frozen) == (1000, True)
    clock.advance(60)
    assert clock.now() == 1060
    clock.freeze(10)
    assert clock.now() == 10


def test_time_that_was_skipped_stays_skipped() -> None:
    watch = Watch()
    clock = Clock(source=watch)
    clock.advance(60)
    clock.freeze()
    clock.advance(60)
    watch.time = 2000
    clock.resume()
    assert clock.now() == 1120
    watch.time = 2001
    assert clock.now() == 1121


def test_resuming_a_running_clock_changes_nothing() -> None:
    clock = Clock(source=Watch())
    clock.advance(5)
    clock.resume()
    assert clock.now() == 1005


def test_a_minute_in_many_steps_is_a_minute() -> None:
    chance = random.Random(0)
    for _ in range(100):
        clock = Clock(round(chance.uniform(1.7e9, 1.8e9), 6))
        at_once = Clock(clock.now())
        at_once.advance(60)
        for _ in range(600):
            clock.advance(0.1)
        assert clock.now() == at_once.now()


NOON = datetime(2026, 7, 1, 12, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    "noon",
    [
        NOON,
        NOON.replace(tzinfo=None),
        NOON.astimezone(timezone(timedelta(hours=8))),
        NOON.timestamp(),
    ],
)
def test_time_may_be_given_as_that_of_the_standard_library(noon: datetime | float) -> None:
    clock = Clock()
    clock.freeze(noon)
    assert clock.now() == NOON.timestamp()
    clock.advance(timedelta(minutes=1))
    assert clock.now() == NOON.timestamp() + 60


@pytest.mark.parametrize("seconds", [-1, math.nan, math.inf, LAST])
def test_time_moves_forward_and_not_beyond_all_dates(seconds: float) -> None:
    clock = Clock(1000)
    with pytest.raises(ValueError, match="time"):
        clock.advance(seconds)
    assert clock.now() == 1000


@pytest.mark.parametrize("at", [-1, math.nan, math.inf, LAST + 1])
def test_a_clock_cannot_stand_where_there_are_no_dates(at: float) -> None:
    with pytest.raises(ValueError, match="a time must be from 0 to 253402300799 seconds"):
        Clock(at)
    with pytest.raises(ValueError, match="a time must be from 0"):
        Clock().freeze(at)


def test_a_clock_that_runs_stays_where_there_are_dates() -> None:
    clock = Clock(source=Watch())
    clock.rollback({"frozen_at": None, "ahead": -5000})
    assert clock.now() == 0
    clock.rollback({"frozen_at": None, "ahead": LAST})
    assert clock.now() == LAST


@pytest.mark.parametrize("frozen", [False, True])
def test_a_clock_goes_back_to_its_snapshot(frozen: bool) -> None:
    watch = Watch()
    clock = Clock(source=watch)
    clock.advance(7)
    if frozen:
        clock.freeze()
    snapshot = clock.snapshot()
    clock.freeze(1)
    clock.rollback(snapshot)
    watch.time += 1
    assert clock.now() == (1007 if frozen else 1008)
