"""One mock and one gateway for all tests of a module; each test begins with a gateway anew."""

import itertools
import time
from collections.abc import Callable, Iterator

import pytest

from contract_tests.contract import AnyJson, load_contract
from contract_tests.exchanges import Answer, Request
from contract_tests.gateway.findings import CHECKS, Report
from contract_tests.gateway.plan import run
from contract_tests.gateway.session import Patience, Session
from contract_tests.gateway.upstream import Upstream
from contract_tests.targets import HttpTarget, UnreachableError
from contract_tests.transport import Route

from .small_gateway import CALLER_KEY, SmallGateway

#: Secrets that stand in headers, by the names of their variables.
SECRETS = {"TENANT": "secret-of-the-tenant"}
MODELS = (
    "BAAI/bge-reranker-v2-m3",
    "Qwen/Qwen3-Reranker-0.6B",
    "Qwen/Qwen3-VL-Reranker-8B",
)


class HurryingUpstream(Upstream):
    """Has the gateway give up soon where nothing will be answered, and only there."""

    gateway: SmallGateway

    def arm(self, *steps: AnyJson) -> None:
        is_hanging = any(step.get("delay", 0) > 60 for step in steps)
        self.gateway.timeout = 0.05 if is_hanging else 10.0
        super().arm(*steps)


@pytest.fixture(scope="module")
def upstream() -> Iterator[HurryingUpstream]:
    upstream = HurryingUpstream(key="sk-upstream-of-the-gateway")
    with upstream:
        yield upstream


@pytest.fixture(scope="module")
def gateway(upstream: HurryingUpstream) -> Iterator[SmallGateway]:
    with SmallGateway(upstream.base_url, upstream.key) as gateway:
        upstream.gateway = gateway
        yield gateway


class Leaving(HttpTarget):
    """A front that listens no more after some answers."""

    def __init__(self, front: HttpTarget, answers: int) -> None:
        self._front, self._answers = front, answers
        self.base_url = front.base_url

    def send(self, request: Request) -> Answer:
        self._answers -= 1
        if self._answers < 0:
            raise UnreachableError("ConnectError: refused")
        return self._front.send(request)


Sandwich = Callable[..., Report]


@pytest.fixture(scope="module")
def sandwich(upstream: Upstream, gateway: SmallGateway) -> Iterator[Sandwich]:
    """Drive the gateway with these ways, and find out what is wanted."""
    numbers = itertools.count(1)
    with (
        Route(timeout=10).open(gateway.base_url) as client,
        Route(timeout=0.2).open(gateway.base_url) as waiting,
        Route(timeout=0.1).open(gateway.base_url) as leaving,
    ):

        def drive(
            *ways: str,
            wanted: tuple[str, ...] = tuple(CHECKS),
            proxy: str | None = None,
            caller_key: str | None = None,
            answers: int | None = None,
            is_bounded: bool = True,
            first_case: int | None = None,
        ) -> Report:
            gateway.begin(*ways)
            base_url = proxy or gateway.base_url
            # A proxy passes the caller's key on.
            caller_key = caller_key or (None if proxy else CALLER_KEY)
            key = caller_key or upstream.key
            front = HttpTarget(client, base_url, key, secrets=SECRETS)
            session = Session(
                front=front if answers is None else Leaving(front, answers),
                # A gateway that ends the wait is not measured by a clock.
                patience=Patience(
                    HttpTarget(
                        waiting if "waits for ever" in ways or proxy else client, base_url, key
                    ),
                    0.2,
                    is_named=is_bounded,
                ),
                upstream=upstream,
                contract=load_contract(),
                models={name: name for name in MODELS},
                caller_key=caller_key,
                headers=(("X-Tenant", "$TENANT"),),
                secrets=SECRETS,
                sleep=lambda _: time.sleep(0.01),
                clock=itertools.count().__next__,
                first_case=1000 * next(numbers) if first_case is None else first_case,
            )
            return run(
                session,
                upstream.base_url,
                HttpTarget(client, upstream.base_url, upstream.key),
                HttpTarget(leaving, base_url, key, secrets=SECRETS),
                wanted,
            )

        yield drive
