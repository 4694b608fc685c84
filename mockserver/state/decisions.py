"""The values that go into and come out of the store with each request."""

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from random import Random
from typing import Literal, NamedTuple

from ..behaviour import Behaviour
from ..contract import Model
from ..scenarios.armed import Taken
from ..scenarios.hostile import Hostile, inconvenient
from ..scenarios.scenario import Step, Subject
from .accounts import Account
from .latency import seconds
from .pins import Pin, ScoreFunction
from .quotas import LimitName, Meter


class UnavailableError(Exception):
    """A shared state cannot be reached; the message says where it is, without its password."""


class ClosedError(UnavailableError):
    """An account was closed at another mock, between two steps of a call."""

    def __init__(self) -> None:
        super().__init__("the account has just been closed")


class View(NamedTuple):
    """The state as a request finds it."""

    #: Seconds since the epoch.
    now: float
    behaviour: Behaviour
    #: By name.
    models: Mapping[str, Model]
    #: The account of its key.
    account: Account | None
    #: Two numbers unique to the request, from which ids are made.
    numbers: tuple[int, int]
    #: What inconvenient answers are drawn with; None if they are as usual.
    draw: Random | None = None
    #: Whether a fault may precede the answer.
    faults: bool = False
    #: How long the answer takes, in seconds.
    latency: float = 0.0


def unusual(view: View, hostile: Collection[Hostile]) -> View:
    """Return a view with the latency of its account and what is hostile."""
    account, numbers = view.account, view.numbers
    latency = seconds(account.latency, numbers[0]) if account else 0.0
    draw = Random(numbers[1]) if "shapes" in hostile else None  # noqa: S311 - for tests
    return view._replace(
        behaviour=inconvenient(view.behaviour, draw) if draw else view.behaviour,
        draw=draw,
        faults="faults" in hostile,
        latency=latency,
    )


class Demand(NamedTuple):
    """What a rerank request needs from the store."""

    account: str
    #: The step of a magic query, used if no scenario applies.
    magic: Step | None
    #: The model that it uses; None for a request that is refused.
    model: Model | None
    #: What steps of scenarios are armed for.
    subject: Subject
    text_tokens: int = 0
    image_tokens: int = 0
    #: A number that depends on the body alone; 0 if nobody asks.
    asked: int = 0


class Admission(NamedTuple):
    """Whether a request is admitted, and the meters of its account afterwards."""

    #: Why it is refused, if it is.
    refused: Literal["standing", "balance", "limit"] | None
    #: The limit that it would exceed.
    limit: LimitName | None = None
    #: The amount taken from the balance, in CNY, and how much of it was granted.
    charge: Decimal = Decimal(0)
    granted: Decimal = Decimal(0)
    #: Empty if the limits were not checked.
    meters: Mapping[LimitName, Meter] = {}


class Decision(NamedTuple):
    """What the store decided about a rerank request."""

    #: The step of a scenario or of a magic query that applies to it.
    step: Step | None
    #: None for a request that is refused, or if the step replaces the answer.
    admission: Admission | None
    pins: Sequence[Pin]
    function: ScoreFunction | None
    #: The scenario that has counted the request.
    taken: Taken | None = None
