"""A run: what its tests share."""

import json
from dataclasses import dataclass, field
from functools import cached_property

from ..contract import Contract
from ..exchanges import Credential, Exchange
from ..strategies import Body, Strategies
from .abilities import Abilities
from .connection import Connection
from .coverage import Coverage
from .ledger import Ledger
from .limits import Effort
from .probes import Probes
from .served import ServedModels


@dataclass
class Run:
    """What all tests of one run share."""

    contract: Contract
    effort: Effort
    seed: int
    ledger: Ledger
    connection: Connection
    #: Who asks, where a test lets callers take turns.
    callers: tuple[Credential, ...] = (Credential.KEY,)
    #: What is judged: `mock`, `server` or a base URL.
    target: str = "mock"
    #: Models that did not rank the plainest request when it was first sent.
    unranked: set[str] = field(default_factory=set[str])
    #: Requirement and id -> the exchange that the id came with.
    ids: dict[tuple[str, str], Exchange] = field(default_factory=dict[tuple[str, str], Exchange])
    #: Body as JSON -> an exchange that had it, to compare others with.
    references: dict[str, Exchange] = field(default_factory=dict[str, Exchange])

    def __post_init__(self) -> None:
        self.connection.watch = self.probes.watch

    @cached_property
    def strategies(self) -> Strategies:
        """What can be drawn, whatever the target takes."""
        return Strategies(self.contract)

    @cached_property
    def abilities(self) -> Abilities:
        """What the target takes."""
        return Abilities(self.contract, self.connection, self.strategies, self.ledger)

    @cached_property
    def coverage(self) -> Coverage:
        """What has been tried."""
        return Coverage(self.strategies)

    @cached_property
    def served(self) -> ServedModels:
        """What is known of the models."""
        return ServedModels(self.connection, self.strategies)

    @cached_property
    def probes(self) -> Probes:
        """The switches of the contract, and what has been seen of them."""
        return Probes(self.contract)


def key(body: Body) -> str:
    """What two equal bodies have in common."""
    return json.dumps(body, sort_keys=True)
