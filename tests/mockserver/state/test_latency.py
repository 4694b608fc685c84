"""The standing latency of an account: always the same, or drawn from the seed."""

from datetime import timedelta
from statistics import median
from typing import Any

import pytest

from mockserver.state.accounts import AccountError
from mockserver.state.latency import seconds
from mockserver.state.store import State
from tests.mockserver.asking import ask, fields

UNIFORM = {"type": "uniform", "lower": 0.1, "upper": 0.4}
LOGNORMAL = {"type": "lognormal", "median": 0.2, "sigma": 0.5}


def delays(seed: int, latency: Any) -> list[float]:  # noqa: ANN401 - JSON
    state = State(seed=seed)
    state.change_account("account-1", latency=latency)
    return [ask(state, fields()).delivery.delay for _ in range(5)]


def test_a_number_is_always_the_same() -> None:
    assert delays(0, 0.25) == [0.25] * 5
    assert delays(0, timedelta(milliseconds=250)) == [0.25] * 5
    assert delays(0, 0) == [0] * 5


@pytest.mark.parametrize("latency", [UNIFORM, LOGNORMAL])
def test_what_is_drawn_depends_on_the_seed(latency: dict[str, Any]) -> None:
    assert delays(1, latency) == delays(1, latency)
    assert len({*delays(1, latency), *delays(2, latency)}) == 10


def test_draws_keep_their_distribution() -> None:
    uniform = [seconds(UNIFORM, number) for number in range(1000)]
    assert 0.1 <= min(uniform) < 0.11
    assert 0.39 < max(uniform) <= 0.4
    lognormal = [seconds(LOGNORMAL, number) for number in range(1000)]
    assert median(lognormal) == pytest.approx(0.2, rel=0.1)
    assert 0 < min(lognormal) < 0.1
    assert max(lognormal) > 0.5
    assert seconds({**LOGNORMAL, "median": 86400, "sigma": 10}, 3) <= 86400


@pytest.mark.parametrize("latency", [UNIFORM, LOGNORMAL, 0.5])
def test_it_is_part_of_a_snapshot(latency: Any) -> None:  # noqa: ANN401 - JSON
    state, other = State(), State()
    account = state.change_account("account-1", latency=latency, connection="refused")
    other.rollback(state.snapshot())
    assert other.accounts["account-1"] == account


@pytest.mark.parametrize(
    ("latency", "complaint"),
    [
        (-1, "$.latency: -1 is less than the minimum of 0"),
        (86401, "$.latency: 86401 is greater than the maximum of 86400"),
        (float("nan"), '$.latency: null is not of types "number", "object"'),
        (
            {"type": "normal"},
            '$.latency.type: must be one of uniform, lognormal, not "normal";'
            " did you mean 'lognormal'?",
        ),
        ({"type": "uniform", "lower": 1}, "$.latency: the member 'upper' is missing"),
        ({**UNIFORM, "sigma": 1}, "$.latency.sigma: not allowed together with the other members"),
        ({**LOGNORMAL, "lower": 1}, "$.latency.lower: not allowed together with the other members"),
        ({**UNIFORM, "lower": 1}, "$.latency: lower must not be greater than upper"),
    ],
)
def test_a_wrong_one_is_refused(latency: Any, complaint: str) -> None:  # noqa: ANN401 - JSON
    state = State()
    with pytest.raises(AccountError) as caught:
        state.change_account("account-1", latency=latency)
    assert str(caught.value) == complaint
    assert state.accounts["account-1"].latency == 0
