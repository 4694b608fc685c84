import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract_tests.contract import load_contract
from contract_tests.judging.limits import EFFORTS, Budget, Effort, Pace, Patience, Tally
from contract_tests.wording import counted


def patience(**limits: float) -> tuple[Patience, list[float]]:
    slept: list[float] = []
    return Patience(sleep=slept.append, **limits), slept


def waits_in_vain(patient: Patience, retry_after: str | None) -> int:
    """Count how often a busy target is waited for before it is given up."""
    return next(before for before in range(10_000) if not patient.waits(before, retry_after))


def test_without_a_word_of_the_target_each_wait_is_twice_the_one_before() -> None:
    patient, slept = patience()
    waits_in_vain(patient, None)
    assert slept == [1, 2, 4, 8, 16, 32]


@pytest.mark.parametrize("retry_after", ["", "soon", "-1", "1.5", "Wed, 21 Oct 2026 07:28:00 GMT"])
def test_what_is_no_number_of_seconds_counts_as_no_word(retry_after: str) -> None:
    patient, slept = patience()
    assert patient.waits(0, retry_after)
    assert slept == [1]


@given(st.integers(0, 60))
def test_the_target_is_given_the_time_that_it_asks_for(seconds: int) -> None:
    patient, slept = patience()
    assert patient.waits(0, str(seconds))
    assert slept == [seconds]


@pytest.mark.parametrize("seconds", [61, 3600, 10**400])
def test_a_target_that_asks_for_too_much_is_given_up_at_once(seconds: int) -> None:
    patient, slept = patience()
    assert not patient.waits(0, str(seconds))
    assert slept == []


def test_a_target_that_asks_for_no_wait_for_ever_is_given_up() -> None:
    patient, slept = patience()
    assert waits_in_vain(patient, "0") < 10
    assert slept[0] == 0
    assert slept == sorted(slept)


@given(st.lists(st.integers(0, 60)), st.integers(0, 300))
def test_a_run_never_waits_longer_than_it_may(asked: list[int], limit: int) -> None:
    patient, slept = patience(left=limit)
    for seconds in asked:
        patient.waits(0, str(seconds))
    assert sum(slept) <= limit
    assert patient.left == limit - sum(slept)


def test_the_real_patience_sleeps() -> None:
    assert Patience(longest=0).waits(0, "0")


@given(st.integers(1, 20), st.integers(0, 30))
def test_a_budget_gives_as_many_requests_as_it_has(limit: int, asked: int) -> None:
    budget = Budget(limit)
    granted = [budget.take(0, Decimal(0)) for _ in range(asked)]
    assert granted.count(None) == budget.spent == min(limit, asked)
    assert set(granted[limit:]) <= {f"the budget of {counted(limit, 'request')} is spent"}


@pytest.mark.parametrize(("hard", "left"), [(True, 0), (False, 1)])
def test_a_request_that_found_the_target_busy_counts_against_a_hard_limit_only(
    hard: bool, left: int
) -> None:
    budget = Budget(1, hard=hard)
    assert budget.take(0, Decimal(0)) is None
    budget.excuse()
    assert [budget.take(0, Decimal(0)) for _ in range(3)].count(None) == left


@given(st.lists(st.integers(0, 50)))
def test_tokens_are_never_spent_beyond_their_limit(asked: list[int]) -> None:
    budget = Budget(1000, token_limit=100)
    granted = [tokens for tokens in asked if budget.take(tokens, Decimal(0)) is None]
    assert budget.tokens == sum(granted) <= 100
    assert all(tokens in granted for tokens in asked if tokens == 0)


def test_money_is_never_spent_beyond_its_limit() -> None:
    budget = Budget(1000, cost_limit=Decimal("0.7"))
    price = Decimal("0.7")
    assert budget.take(1_000_000, price) is None
    assert budget.take(1, price) == "the budget of 0.7 CNY is spent"
    assert budget.take(1, Decimal(0)) is None
    assert budget.take(10**9, Decimal(0)) is None
    assert budget.cost == Decimal("0.7")


def test_a_budget_is_not_called_spent_while_something_is_left() -> None:
    budget = Budget(1000, token_limit=100, cost_limit=Decimal("0.5"))
    budget.take(60, Decimal(0))
    assert (
        budget.take(41, Decimal(0)) == "a request may need 41 tokens, and 40 of 100 tokens are left"
    )
    assert (
        budget.take(10, Decimal(60_000))
        == "a request may need 0.6 CNY, and 0.5 of 0.5 CNY are left"
    )
    assert budget.take(40, Decimal(0)) is None
    assert budget.take(1, Decimal(0)) == "the budget of 100 tokens is spent"


def test_what_the_target_counts_takes_the_place_of_the_estimate() -> None:
    budget = Budget(1000, token_limit=100)
    budget.take(100, Decimal(1))
    budget.settle(100, 40, Decimal(1))
    assert (budget.tokens, budget.cost) == (40, Decimal("0.00004"))
    assert budget.take(60, Decimal(1)) is None


def test_requests_keep_their_distance() -> None:
    now, slept = [0.0], list[float]()

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    pace = Pace(rpm=30, clock=lambda: now[0], sleep=sleep)
    pace.wait()
    pace.wait()
    now[0] += 1.5
    pace.wait()
    now[0] += 60
    pace.wait()
    assert slept == [0, 2, 0.5, 0]


SPENDERS, EACH = 3, 40
#: Takes requests of seven tokens until it is refused, and prints how many it got, and from when on
#: each might be sent.
SPENDER = f"""
import json, sys
from decimal import Decimal
from pathlib import Path
from contract_tests.judging.limits import Budget, Pace, Tally
tally = Tally(Path(sys.argv[1]))
budget = Budget(int(sys.argv[2]), token_limit=10**6, cost_limit=Decimal(1), tally=tally)
waits = []
pace = Pace(60, clock=lambda: 0.0, sleep=waits.append, tally=tally)
for _ in range({EACH}):
    if budget.take(7, Decimal("0.1")) is None:
        pace.wait()
        budget.settle(7, 5, Decimal("0.1"))
print(json.dumps([budget.sent, waits]))
"""


@pytest.mark.parametrize("limit", [50, 1000])
def test_processes_that_share_a_tally_keep_a_limit_and_a_rate_together(
    limit: int, tmp_path: Path
) -> None:
    path = tmp_path / "amounts.json"
    command = [sys.executable, "-c", SPENDER, str(path), str(limit)]
    spenders = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(SPENDERS)]
    spent: Sequence[tuple[int, list[float]]] = [
        json.loads(spender.communicate()[0]) for spender in spenders
    ]
    taken = min(limit, SPENDERS * EACH)
    budget = Budget(limit, tally=Tally(path))
    assert sum(sent for sent, _ in spent) == budget.spent == taken
    assert (budget.tokens, budget.cost) == (5 * taken, taken * Decimal("0.0000005"))
    # By a clock that stands still, one after the other by a second.
    assert sorted(wait for _, waits in spent for wait in waits) == list(range(taken))


@given(
    st.lists(st.tuples(st.integers(0, 1), st.sampled_from(["take", "excuse", "a", "b", "c"]))),
    st.booleans(),
)
def test_two_budgets_with_one_tally_are_as_one(done: list[tuple[int, str]], hard: bool) -> None:
    planned = {"a": 1, "b": 2, "c": 3}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "amounts.json")
        one = Budget(10, hard=hard, planned=planned)
        two = [Budget(10, hard=hard, tally=Tally(path), planned=planned) for _ in range(2)]
        for which, what in done:
            for budget in (one, two[which]):
                if what == "take":
                    budget.take(1, Decimal(1))
                elif what == "excuse":
                    budget.excuse()
                else:
                    budget.begin(what)
            known = {(each.spent, each.tokens, each.cost, each.spare) for each in (one, *two)}
            assert len(known) == 1
        assert one.sent == sum(each.sent for each in two)


def test_without_a_rate_there_is_no_wait() -> None:
    slept: list[float] = []
    Pace(sleep=slept.append).wait()
    assert slept == []


@pytest.mark.parametrize("effort", EFFORTS.values(), ids=EFFORTS)
def test_each_process_may_ask_each_model_for_itself(effort: Effort) -> None:
    models = load_contract().representatives()
    for processes in (2, 50):
        further = effort.most_requests(models, processes) - effort.most_requests(models)
        assert further == 2 * len(models) * (processes - 1)


def test_more_effort_is_more_of_everything() -> None:
    smoke, standard, thorough = EFFORTS.values()
    for less, more in ((smoke, standard), (standard, thorough)):
        assert less.examples < more.examples
        assert less.requests < more.requests
        assert less.shrinking < more.shrinking
        assert less.wide <= more.wide
