"""Abilities: which valid requests a target cannot take.

What it refuses is found out first, and then left out of what is drawn for tests that are after
something else: so one refused field is held against the requirement that it breaks, and no other.
"""

from dataclasses import dataclass, field, replace

from ..contract import AnyJson, Contract, Model
from ..exchanges import Exchange, Request, is_array, is_object, member
from ..strategies import Body, Strategies
from ..targets import Target
from ..wording import counted
from .connection import BusyError, Connection, seen
from .ledger import Ledger

#: A request that is longer, in bytes, may be refused for its length alone.
LONG = 1_000
#: A request with more documents may be refused for their number alone.
MANY = 16
#: Longest text that is drawn for a target that refuses long ones, in characters.
SHORT = 100
#: What is accepted where a field is supported, the most general first.
SUPPORT = ("supported", "minimum", "true")
ENDPOINT = "endpoint.rerank"
LENGTH, COUNT = "request.documents.length", "request.documents.count"


@dataclass
class Abilities:
    """What a run has found out about the requests that its target takes."""

    contract: Contract
    connection: Connection
    #: What can be drawn from the contract, whatever the target takes.
    strategies: Strategies
    #: Takes the limits of the target that are met, which the contract leaves open.
    ledger: Ledger
    #: Models and optional fields that they refuse, though the contract says that they take them.
    refused: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    #: The limits that were met: requirements that leave them open.
    limits: set[str] = field(default_factory=set[str])
    _asked: dict[str, Exchange] = field(default_factory=dict[str, Exchange])
    _explored: set[str] = field(default_factory=set[str])

    def __post_init__(self) -> None:
        self._drawn = self.strategies

    @property
    def drawn(self) -> Strategies:
        """What is to be drawn now: tests that name what is refused put it in themselves."""
        refused, longest = frozenset(self.refused), SHORT if LENGTH in self.limits else None
        if (self._drawn.refused, self._drawn.longest) != (refused, longest):
            self._drawn = replace(self.strategies, refused=refused, longest=longest)
        return self._drawn

    def lacks_field_of(self, target: Target, body: AnyJson) -> bool:
        """Whether a body has an optional field that its model refuses even where it is right."""
        if not is_object(body):
            return False
        model = self.contract.model_named(str(member(body, "model")))
        sent = [name for name in self.strategies.optional(model) if name in body]
        for name in sent:
            if not self._takes(target, model, {name: self.strategies.usual(name)}):
                self.refused.add((model.id, name))
        return any((model.id, name) in self.refused for name in sent)

    def explore(self, target: Target, model: Model) -> None:
        """Find out once what the model takes: with one request, where that is everything."""
        if model.id in self._explored:
            return
        self._explored.add(model.id)
        usual = {name: self.strategies.usual(name) for name in self.strategies.optional(model)}
        long = [*self.strategies.corpus, _text(2 * LONG)]
        if self._takes(target, model, {**usual, "documents": long}):
            return
        for name, value in usual.items():
            if not self._takes(target, model, {name: value}):
                self.refused.add((model.id, name))
        self._meets_limit(target, model, {"documents": long})

    def blame(
        self, target: Target, requirement: str, exchange: Exchange
    ) -> tuple[str, Exchange] | None:
        """The requirement that the refusal of a valid request breaks, and what shows it best.

        None where the request was merely too much for the target, which is noted as a limit.
        """
        body = exchange.request.body
        if not is_object(body):
            return requirement, exchange
        model = self.contract.model_named(str(member(body, "model")))
        plain = self.strategies.plainest(model)
        apart = {name: value for name, value in body.items() if plain.get(name) != value}
        optional = self.strategies.optional(model)
        for name in optional:
            own = requirement.startswith(f"request.{name}.")
            if apart.get(name) is None or own:
                continue
            if not self._takes(target, model, {name: apart[name]}):
                self.refused.add((model.id, name))
                return self._of(name), self._ask(target, model, {name: apart[name]})
        if self._meets_limit(target, model, body):
            return None
        about = requirement.split(".")[1]
        is_one_of_many = about in optional and about in apart and len(apart) > 1
        if is_one_of_many and self._takes(target, model, {about: apart[about]}):
            return ENDPOINT, exchange
        return requirement, exchange

    def _of(self, name: str) -> str:
        """The requirement that says a field is accepted."""
        known = (f"request.{name}.{word}" for word in SUPPORT)
        return next((one for one in known if one in self.contract.requirements), ENDPOINT)

    def _meets_limit(self, target: Target, model: Model, body: Body) -> bool:
        """Whether the plainest request is refused, too, once it is as long, or has as many."""
        documents = member(body, "documents")
        count = len(documents) if is_array(documents) else 1
        size = len(Request(body).content or b"")
        met = False
        if size > LONG:
            long = {"documents": [*self.strategies.corpus, _text(size)]}
            met = self._notes(LENGTH, f"{size:,} bytes", target, model, long)
        if not met and count > MANY:
            many = {"documents": [f"apple {number}" for number in range(count)]}
            met = self._notes(COUNT, counted(count, "document"), target, model, many)
        return met

    def _notes(
        self, requirement: str, size: str, target: Target, model: Model, changed: Body
    ) -> bool:
        answer = self._ask(target, model, changed).answer
        met = 400 <= answer.status < 500
        if met and requirement not in self.limits:
            self.limits.add(requirement)
            self.ledger.tried.add(requirement)
            self.ledger.observed[requirement].add(f"{size} are refused: {seen(answer)}")
        return met

    def _takes(self, target: Target, model: Model, changed: Body) -> bool:
        try:
            return self._ask(target, model, changed).answer.status == 200
        except BusyError:
            # It has not refused, and whoever needs it will find that out.
            return True

    def _ask(self, target: Target, model: Model, changed: Body) -> Exchange:
        """Ask what is plainest but for `changed`, once."""
        body = {**self.strategies.plainest(model), **changed}
        request = Request(body)
        name = repr(request.content)
        if name not in self._asked:
            self._asked[name] = self.connection.ask(target, request)
        return self._asked[name]


def _text(length: int) -> str:
    """A text of plain words."""
    return ("apple " * length)[:length].rstrip()
