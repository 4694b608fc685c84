"""The mock against a small model of it, through whatever can happen in its life, in any order."""

import copy
import json
from dataclasses import replace
from decimal import Decimal
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from mockserver.scenarios.scenario import Scenario, Step
from mockserver.scoring import TOKENS_PER_IMAGE
from mockserver.state.clock import Clock
from mockserver.state.quotas import SECONDS
from mockserver.state.store import State
from tests.mockserver.asking import OBSERVED, ask, read
from tests.mockserver.small_service import PRICES, YUAN, Purse, SmallService

pytestmark = pytest.mark.slow

NOON = 1_800_000_000
STEPS = 10_000
STEPS_PER_LIFE = 50
#: More than steps are divided by: some lives are short.
LIVES = 400

KEYS = st.sampled_from(["sk-a", "sk-a", "sk-b"])
MODELS = st.sampled_from(sorted(PRICES))
PICTURE_MODEL = "Qwen/Qwen3-VL-Reranker-8B"
TIMES = st.sampled_from([1, 7, 59, 60, 61, 1800, 3600, 86399, 86400])
#: Little enough that a few requests of a few tokens reach it.
LIMITS = st.dictionaries(
    st.sampled_from(sorted(SECONDS)), st.integers(0, 12), min_size=1, max_size=4
).map(lambda limits: {name: n // 5 if name[0] == "R" else n for name, n in limits.items()})
MONEY = st.sampled_from([0, 0, 28, 5 * YUAN])
#: What a step of a scenario answers, and its status; None is the usual answer.
STEPS_OF_SCENARIOS = st.sampled_from([(None, None), ("overloaded", 503), ("gateway_timeout", 504)])


def yuan(amount: int) -> str:
    return f"{Decimal(amount) / YUAN:f}"


def has_snapshot(life: "Life") -> bool:
    return life.kept is not None


class Life(RuleBasedStateMachine):
    """Each rule does the same to both; whatever they tell must be the same."""

    lives = 0
    checks = 0
    #: Every answer to a rerank request that there was.
    answers: ClassVar = set[tuple[int, str]]()

    def __init__(self) -> None:
        super().__init__()
        Life.lives += 1
        behaviour = replace(OBSERVED, gated_fields="refuse", retry_after="present")
        self.mock = State(keys=(), behaviour=behaviour, clock=Clock(NOON))
        self.small = SmallService(NOON)
        self.kept: tuple[str, SmallService] | None = None

    @initialize(limits=LIMITS, granted=MONEY, charged=MONEY)
    def begin(self, limits: dict[str, int], granted: int, charged: int) -> None:
        """Most of a life happens to one account, so that much happens to it."""
        self.open_or_close("sk-a")
        self.limit("sk-a", limits)
        self.fill_purse("sk-a", granted, charged)

    @rule(key=KEYS)
    def open_or_close(self, key: str) -> None:
        if key in self.small.purses:
            self.mock.close_account(f"account of {key}")
            del self.small.purses[key]
        else:
            self.mock.open_account(key, name=f"account of {key}")
            self.small.purses[key] = Purse()

    @rule(key=KEYS, limits=LIMITS)
    def limit(self, key: str, limits: dict[str, int]) -> None:
        if purse := self.small.purses.get(key):
            self.mock.change_account(f"account of {key}", limits={**limits})
            purse.limits = limits

    @rule(key=KEYS, granted=MONEY, charged=MONEY)
    def fill_purse(self, key: str, granted: int, charged: int) -> None:
        if purse := self.small.purses.get(key):
            self.mock.change_account(
                f"account of {key}", granted_balance=yuan(granted), charged_balance=yuan(charged)
            )
            purse.granted, purse.charged = granted, charged

    @rule(key=KEYS, forbidden=st.booleans())
    def forbid(self, key: str, forbidden: bool) -> None:
        if purse := self.small.purses.get(key):
            standing = "forbidden" if forbidden else "normal"
            self.mock.change_account(f"account of {key}", standing=standing)
            purse.forbidden = forbidden

    @rule(key=KEYS, steps=st.lists(STEPS_OF_SCENARIOS, min_size=1, max_size=3))
    def arm(self, key: str, steps: list[tuple[str | None, int | None]]) -> None:
        if purse := self.small.purses.get(key):
            scenario = Scenario("drawn", tuple(Step(error=error) for error, _ in steps))
            self.mock.arm(f"account of {key}", scenario)
            purse.script.extend(status for _, status in steps)

    @rule(
        key=KEYS,
        model=MODELS,
        words=st.integers(0, 4),
        count=st.integers(1, 3),
        picture=st.booleans(),
        instruction=st.booleans(),
        times=st.integers(1, 3),
        patient=st.booleans(),
    )
    def rerank(  # noqa: PLR0917 - Hypothesis names them all
        self,
        key: str,
        model: str,
        words: int,
        count: int,
        picture: bool,
        instruction: bool,
        times: int,
        patient: bool,
    ) -> None:
        # A document that is an empty string counts nothing, and not the query for it either.
        text, images = count * (1 + words) if words else 0, 0
        document: Any = "b " * words
        if picture and model == PICTURE_MODEL:
            # An image counts as itself, and as a word of the text.
            document = {"text": document, "image": "data:image/png;base64,aGk="}
            text, images = count * (2 + words), count * TOKENS_PER_IMAGE
        body = {"model": model, "query": "a", "documents": [document] * count}
        if instruction:
            body["instruction"] = "d"
            text += count if document else 0
        for _ in range(times):
            response = ask(self.mock, body, headers=bearer(key))
            told = read(response)
            limit = told["message"].split()[-3].partition(":")[2] if response.status == 429 else ""
            wait = int(response.headers.get("retry-after", 0))
            expected = self.small.rerank(
                key, model, text=text, images=images, instruction=instruction
            )
            assert (response.status, limit, wait) == expected
            Life.answers.add((response.status, limit))
            if patient:
                self.advance(wait)

    @rule(seconds=TIMES)
    def advance(self, seconds: int) -> None:
        self.mock.clock.advance(seconds)
        self.small.now += seconds

    @rule(seconds=TIMES)
    def set_back(self, seconds: int) -> None:
        self.small.now -= seconds
        self.mock.clock.freeze(self.small.now)

    @rule(model=MODELS, online=st.booleans(), delay=st.none() | TIMES)
    def switch(self, model: str, online: bool, delay: int | None) -> None:
        at = {} if delay is None else {"at": self.small.now + delay}
        self.mock.change_model(model, state="online" if online else "offline", **at)
        self.small.change(model, "online", online, self.small.now + (delay or 0))

    @rule(model=MODELS, takes=st.booleans(), delay=st.none() | TIMES)
    def gate(self, model: str, takes: bool, delay: int | None) -> None:
        at = {} if delay is None else {"at": self.small.now + delay}
        self.mock.change_model(model, supports=["instruction"] if takes else [], **at)
        self.small.change(model, "takes_instruction", takes, self.small.now + (delay or 0))

    @rule()
    def keep(self) -> None:
        self.kept = json.dumps(self.mock.snapshot()), copy.deepcopy(self.small)

    @precondition(has_snapshot)
    @rule()
    def roll_back(self) -> None:
        assert self.kept
        self.mock.rollback(json.loads(self.kept[0]))
        self.small = copy.deepcopy(self.kept[1])

    @invariant()
    def both_tell_the_same(self) -> None:
        Life.checks += 1
        for key, purse in self.small.purses.items():
            info = self.get("/v1/user/info", key)["data"]
            assert info["name"] == f"account of {key}"
            assert info["status"] == ("forbidden" if purse.forbidden else "normal")
            assert Decimal(info["balance"]) * YUAN == purse.granted
            assert Decimal(info["chargeBalance"]) * YUAN == purse.charged
            assert Decimal(info["totalBalance"]) * YUAN == purse.granted + purse.charged
            self.small.catch_up()
            listed = {model["id"] for model in self.get("/v1/models", key)["data"]}
            online = {name for name, product in self.small.products.items() if product.online}
            assert listed & PRICES.keys() == online

    def get(self, path: str, key: str) -> Any:  # noqa: ANN401 - tests pick it apart
        return read(ask(self.mock, method="GET", path=path, headers=bearer(key)))


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


@pytest.mark.slow(30)
def test_the_mock_lives_as_its_model_does(pytestconfig: pytest.Config) -> None:
    # Another store is slower, and has the same rules.
    part = 1 if pytestconfig.getoption("--store") == "memory" else 2
    Life.lives = Life.checks = 0
    Life.answers.clear()
    run_state_machine_as_test(
        Life,
        settings=settings(
            max_examples=LIVES // part,
            stateful_step_count=STEPS_PER_LIFE,
            derandomize=True,
            database=None,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
    # The invariant is checked when a life begins, and after each step.
    assert Life.checks - 2 * Life.lives >= STEPS // part
    # Nothing is proved about what never happened.
    statuses = (200, 400, 401, 402, 403, 503, 504)
    expected = {(status, "") for status in statuses} | {(429, name) for name in SECONDS}
    if part > 1:
        # In fewer lives not every limit is the first one that is met.
        expected -= {(429, name) for name in ("RPH", "TPH", "RPD", "TPD")} - Life.answers
    assert Life.answers == expected
