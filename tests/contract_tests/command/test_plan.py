"""The plan that is printed before a run: an upper estimate, near to what the run takes."""

import re
from collections.abc import Callable, Generator
from decimal import Decimal

import pytest

from contract_tests import conftest
from contract_tests.command.plan import LONGEST, Part, parts, plan
from contract_tests.judging.connection import Connection
from contract_tests.judging.limits import Budget, Pace
from tests.contract_tests.exchanging import BGE
from tests.contract_tests.judged import Judged


class Meter:
    """Runs each test as if it were the only one, and compares what it sends with the plan."""

    def __init__(self) -> None:
        #: Name of a test -> requests and tokens that are planned, and those that it takes.
        self.tests: dict[str, tuple[Part, Part]] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Function) -> Generator[None, object, object]:
        run = item.config.stash[conftest.RUN]
        run.references.clear()
        for found_out in ("served", "abilities"):
            run.__dict__.pop(found_out, None)
        planned = list(parts([(item, conftest.examples_of(item))], run.effort, ()))
        budget = run.connection.budget
        requests, tokens = budget.spent, budget.tokens
        try:
            return (yield)
        finally:
            taken = (budget.spent - requests, budget.tokens - tokens)
            self.tests[item.name] = (
                Part(item.name, sum(p.requests for p in planned), sum(p.tokens for p in planned)),
                Part(item.name, *taken),
            )


@pytest.mark.slow
@pytest.mark.parametrize("effort", ["smoke", "standard"])
def test_each_test_alone_sends_no_more_than_planned_and_not_much_less(
    judged: Callable[..., Judged], effort: str
) -> None:
    meter = Meter()
    judged(f"--effort={effort}", "--max-requests=10000", plugins=[meter])
    assert len(meter.tests) > 100
    wrong = [
        f"planned {planned}, sent {sent}"
        for planned, sent in meter.tests.values()
        if not sent.requests <= planned.requests <= 1.6 * sent.requests + 3
        or not sent.tokens <= planned.tokens <= 3 * sent.tokens + LONGEST + 1000
    ]
    assert wrong == []


class Collected:
    """Keeps the budget as it stands once all tests are collected."""

    budget: Budget

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.budget = session.config.stash[conftest.RUN].connection.budget


SECOND_KIND = "Qwen/Qwen3-Reranker-0.6B"


@pytest.mark.parametrize("effort", ["smoke", "standard", "thorough"])
@pytest.mark.parametrize(
    "models",
    [
        [BGE],
        [SECOND_KIND],
        ["Qwen/Qwen3-VL-Reranker-8B"],
        [BGE, f"Pro/{BGE}"],
        [BGE, SECOND_KIND],
        [],
    ],
)
def test_what_is_planned_fits_into_the_budget(
    judged: Callable[..., Judged], effort: str, models: list[str]
) -> None:
    collected = Collected()
    names = [f"--model={name}" for name in models]
    judged(f"--effort={effort}", "--collect-only", *names, plugins=[collected])
    limits = {"smoke": (60, 20), "standard": (400, 60), "thorough": (4000, 60)}
    first, further = limits[effort]
    forms, every = (1, len(models)) if models else (2, 3 if effort == "smoke" else 6)
    assert collected.budget.limit == forms * first + (every - forms) * further
    assert 0 < sum(collected.budget.planned.values()) <= collected.budget.limit


CLASSIC, OTHER = Part("classic", 40, 100_000), Part("other", 10, 4_000)


def price(name: str) -> Decimal:
    return Decimal("0.70") if name == "other" else Decimal("0.07")


def planned(limit: int, *planned_parts: Part, rpm: int | None = None) -> list[str]:
    return list(plan(planned_parts, Connection(Budget(limit), price, Pace(rpm))))


def test_the_plan_says_what_the_run_takes_in_all_and_by_model() -> None:
    assert planned(1000, CLASSIC, OTHER, CLASSIC, rpm=60) == [
        "plan: about 90 requests, 204000 tokens, 0.0168 CNY in all, 2 minutes at 60 a minute"
        " (limit: 1000 requests)",
        "  classic: 80 requests, 200000 tokens, 0.0140 CNY",
        "  other: 10 requests, 4000 tokens, 0.0028 CNY",
    ]


def test_what_is_over_the_limit_is_not_planned_and_the_parts_still_add_up() -> None:
    assert planned(45, CLASSIC, OTHER, CLASSIC) == [
        "plan: about 45 requests, 102000 tokens, 0.0084 CNY in all"
        " (limit: 45 requests; all of it would take 90)",
        "  classic: 40 requests, 100000 tokens, 0.0070 CNY",
        "  other: 5 requests, 2000 tokens, 0.0014 CNY",
    ]


def test_what_was_sent_before_there_are_tests_counts_too() -> None:
    budget = Budget(100, token_limit=5_000, cost_limit=Decimal("0.5"))
    budget.take(20, Decimal(0))
    assert list(plan([OTHER], Connection(budget, price))) == [
        "plan: about 11 requests, 4020 tokens, 0.0028 CNY in all"
        " (limit: 100 requests, 5000 tokens, 0.5 CNY)",
        "  to find out which models are served: 1 request, 20 tokens, 0.0000 CNY",
        "  other: 10 requests, 4000 tokens, 0.0028 CNY",
    ]


class Reader:
    """Takes the first line of the plan."""

    def __init__(self) -> None:
        self.numbers: list[int] = []

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        first, *_ = conftest.pytest_report_collectionfinish(session.config)
        self.numbers = [int(word) for word in re.findall(r"(\d+) [rt]", first)]


@pytest.mark.slow
def test_the_whole_run_takes_a_little_less_than_planned(judged: Callable[..., Judged]) -> None:
    reader = Reader()
    report = judged("--effort=smoke", plugins=[reader]).report
    requests, tokens, _ = reader.numbers
    assert report["requests_sent"] <= requests <= 1.1 * report["requests_sent"]
    assert report["tokens"] <= tokens <= 2 * report["tokens"]
