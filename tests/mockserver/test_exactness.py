"""What is counted is counted exactly, however many ask at once."""

import asyncio
import random
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import httpx
import pytest

from mockserver.scenarios.scenario import Scenario, Step
from mockserver.serving.asgi import application
from mockserver.state.clock import Clock
from mockserver.state.store import State
from mockserver.testing.fixtures import RerankMock
from mockserver.wire import Json
from tests.mockserver.asking import BGE, MULTIMODAL, QWEN, ask, fields, read

THREADS = 16
AT_ONCE = 320
ALLOWED = 100

#: Of 3 tokens.
BODY = fields(model=QWEN, query="a", documents="b c")


@pytest.fixture(autouse=True)
def _hasty_switches() -> Iterator[None]:
    """Have threads take turns so often that two of them are within any decision at once."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


def in_threads(call: Callable[[], int], count: int = AT_ONCE) -> Counter[int]:
    """Call from many threads, which begin together; return how often each status came."""
    barrier = threading.Barrier(THREADS)

    def some() -> list[int]:
        barrier.wait()
        return [call() for _ in range(count // THREADS)]

    with ThreadPoolExecutor(THREADS) as executor:
        runs = [executor.submit(some) for _ in range(THREADS)]
        return Counter(status for run in runs for status in run.result())


def frozen(**terms: Json) -> State:
    state = State(clock=Clock(0))
    state.change_account("account-1", **terms)
    return state


@pytest.mark.parametrize(
    ("terms", "refusal"),
    [
        ({"limits": {"RPM": ALLOWED}}, 429),
        ({"limits": {"RPD": ALLOWED, "RPH": ALLOWED + 1}}, 429),
        ({"limits": {"TPM": 3 * ALLOWED + 2}}, 429),
        ({"limits": {}, "charged_balance": str(3 * ALLOWED * Decimal("0.28") / 10**6)}, 402),
    ],
)
def test_of_many_threads_exactly_the_allowed_number_passes(
    terms: dict[str, Any], refusal: int
) -> None:
    state = frozen(**terms)
    statuses = in_threads(lambda: ask(state, BODY).status)
    assert statuses == {200: ALLOWED, refusal: AT_ONCE - ALLOWED}


def test_of_many_threads_exactly_the_next_calls_meet_a_scenario() -> None:
    state = frozen()
    scenario = Scenario("crowded", (Step(error="overloaded", times=ALLOWED),))
    receipt = state.arm("account-1", scenario)
    statuses = in_threads(lambda: ask(state, BODY).status)
    assert statuses == {503: ALLOWED, 200: AT_ONCE - ALLOWED}
    assert receipt.taken == [ALLOWED]


async def together(client: httpx.AsyncClient, url: str) -> Counter[int]:
    async with client:
        headers = {"authorization": "Bearer sk-mock"}
        calls = [client.post(url, json=BODY, headers=headers) for _ in range(AT_ONCE)]
        return Counter(response.status_code for response in await asyncio.gather(*calls))


def test_of_many_tasks_exactly_the_allowed_number_passes_through_asgi() -> None:
    transport = httpx.ASGITransport(application(frozen(limits={"RPM": ALLOWED})))
    client = httpx.AsyncClient(transport=transport, base_url="http://mock")
    statuses = asyncio.run(together(client, "/v1/rerank"))
    assert statuses == {200: ALLOWED, 429: AT_ONCE - ALLOWED}


@pytest.mark.rerank_mock(fail_on="nothing")
def test_of_many_tasks_exactly_the_allowed_number_passes_through_respx(
    rerank_mock: RerankMock,
) -> None:
    rerank_mock.state.change_account("account-1", limits={"RPM": ALLOWED})
    statuses = asyncio.run(together(httpx.AsyncClient(), f"{rerank_mock.base_url}/rerank"))
    assert statuses == {200: ALLOWED, 429: AT_ONCE - ALLOWED}


def test_sums_of_charges_counts_and_journal_agree_after_hammering() -> None:
    state = State(keys=(), clock=Clock(0))
    keys = [state.open_account(f"sk-{n}", limits={"RPD": 20, "TPD": 10_000}) for n in range(3)]
    numbers = iter(range(AT_ONCE))

    def call() -> int:
        chance = random.Random(next(numbers))
        body = fields(
            model=chance.choice([BGE, QWEN, MULTIMODAL]),
            documents=["b " * chance.randrange(90)] * chance.randint(1, 9),
        )
        headers = {"authorization": f"Bearer {chance.choice([*keys, 'sk-wrong'])}"}
        return ask(state, body, headers=headers).status

    statuses = in_threads(call)
    entries = list(state.journal)
    assert [entry.number for entry in entries] == list(range(1, AT_ONCE + 1))
    assert Counter(entry.response.status for entry in entries) == statuses
    assert statuses.keys() == {200, 401, 429}
    windows = {
        (w["account"], w["model"], w["limit"]): w["used"] for w in state.snapshot()["windows"]
    }
    for name, account in state.accounts.items():
        own = [entry for entry in entries if entry.account == name]
        assert account.total_balance == 100 - sum(entry.usage.charge for entry in own)
        for model in (BGE, QWEN, MULTIMODAL):
            passed = [e for e in own if e.model == model and e.response.status == 200]
            assert windows[name, model, "RPD"] == len(passed)
            told = [read(e.response)["meta"]["tokens"]["input_tokens"] for e in passed]
            assert windows[name, model, "TPD"] == sum(told)
