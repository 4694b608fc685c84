"""Holds recorded exchanges against the contract, each by itself and against those before it."""

import json
from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256

from ..checks import catalogue
from ..checks.acceptance import wrongly_accepted, wrongs
from ..checks.check import asked
from ..checks.relations import cut, same_ranking, scores
from ..checks.violations import Violation, shorten
from ..contract import AnyJson
from ..exchanges import Exchange, is_object, member
from ..judging.abilities import ENDPOINT
from ..judging.causes import traits
from ..judging.connection import BUSY
from ..judging.ledger import KEPT
from ..judging.run import Run
from ..wording import counted
from .recordings import Recorded

#: Most exchanges, and most bytes of them, that later ones are compared with.
REMEMBERED, REMEMBERED_BYTES = 1000, 32 * 1024 * 1024
#: Most ids that are remembered.
IDS = 100_000
#: Most different names that are counted of what a file may have any number of.
NAMES = 1000
#: Where exchanges are counted whose base URL is one too many.
OTHERS = "others"


@dataclass(frozen=True)
class _Named:
    """An exchange that had an id."""

    #: A hash of request and answer.
    content: int
    span: tuple[float, float] | None
    place: str

    def is_again(self, other: "_Named") -> bool:
        """Whether the other may be the same exchange, recorded twice."""
        if self.content != other.content or self.span is None or other.span is None:
            return self.content == other.content
        return self.span[0] <= other.span[1] and other.span[0] <= self.span[1]


@dataclass
class _Memory:
    """What later exchanges of the same file are compared with: services change between two."""

    #: Whom is asked what -> an exchange that ranked all its documents, and one that ranked some.
    whole: OrderedDict[str, Exchange] = field(default_factory=OrderedDict[str, Exchange])
    partial: OrderedDict[str, Exchange] = field(default_factory=OrderedDict[str, Exchange])
    #: Base URL, requirement and id -> the exchange that had it.
    ids: OrderedDict[tuple[str, str, str], _Named] = field(
        default_factory=OrderedDict[tuple[str, str, str], _Named]
    )
    size: int = 0

    def keep(self, kept: OrderedDict[str, Exchange], question: str, exchange: Exchange) -> None:
        """Remember an exchange, and forget the oldest if there are too many."""
        if question in kept:
            return
        kept[question] = exchange
        self.size += _size(exchange)
        while self.size > REMEMBERED_BYTES or len(kept) > REMEMBERED:
            oldest = max((self.whole, self.partial), key=len)
            self.size -= _size(oldest.popitem(last=False)[1])


@dataclass
class Auditor:
    """Takes exchanges one by one, and keeps what they show in the ledger of a run."""

    run: Run
    #: How many exchanges were held against the contract.
    judged: int = 0
    #: Base URL -> how many were recorded there.
    base_urls: Counter[str] = field(default_factory=Counter[str])
    #: Requirement -> how many exchanges break it.
    breaches: Counter[str] = field(default_factory=Counter[str])
    #: Why an answer was not judged -> how many were not.
    unjudged: Counter[str] = field(default_factory=Counter[str])
    _memory: _Memory = field(default_factory=_Memory)

    def begin(self) -> None:
        """A file begins."""
        self._memory = _Memory()

    def take(self, recorded: Recorded) -> None:
        """Judge one exchange."""
        is_counted = recorded.base_url in self.base_urls or len(self.base_urls) < NAMES
        self.base_urls[recorded.base_url if is_counted else OTHERS] += 1
        answer, ledger = recorded.answer, self.run.ledger
        if recorded.unjudged:
            self.unjudged[recorded.unjudged] += 1
            return
        self.run.probes.watch(Exchange(recorded.request, answer))
        if answer.status in BUSY:
            self.unjudged["the service was busy"] += 1
            return
        self.judged += 1
        exchange = Exchange(recorded.request, answer, self.judged)
        tried, found = catalogue.examine(self.run.contract, exchange)
        ledger.tried |= tried
        violations = list(found)
        if asked(exchange):
            violations += wrongly_accepted(self.run.contract, exchange)
            self._note_refusal(exchange)
        if answer.status == 200 and asked(exchange):
            ledger.tried.add(ENDPOINT)
            if len(ledger.accepted) < NAMES:
                ledger.accepted.update(traits(exchange.request))
            violations += self._same_ids(exchange, recorded)
            violations += self._differences(exchange, recorded.base_url)
            model, models = member(exchange.request.body, "model"), self.run.served.models
            if isinstance(model, str) and len(models) < NAMES:
                models.setdefault(shorten(model), None)
        self._record(violations, recorded.place)

    def conclude(self) -> None:
        """Say of each requirement how many exchanges break it, or that none speaks of it."""
        ledger = self.run.ledger
        for name, count in self.breaches.items():
            smallest = min(ledger.violations[name].values(), key=lambda found: found.size)
            exchanges = counted(count, "exchange")
            ledger.unsteady[name] = f"broken by {exchanges}, such as {smallest.test}"
        untried = self.run.contract.requirements.keys() - ledger.tried - ledger.violations.keys()
        ledger.skipped.update(dict.fromkeys(untried, "no recorded exchange shows it"))

    def _record(self, violations: Iterable[Violation], place: str) -> None:
        """Keep the smallest violations of each requirement."""
        ledger = self.run.ledger
        broken = {
            violation.requirement: violation
            for violation in violations
            if violation.requirement in self.run.contract.requirements
        }
        self.breaches.update(broken.keys())
        for name, violation in broken.items():
            kept = ledger.violations[name]
            ledger.first_broken.setdefault(name, violation.exchanges[-1].number)
            kept[place] = replace(violation, test=place)
            if len(kept) > KEPT:
                del kept[max(kept, key=lambda where: kept[where].size)]

    def _note_refusal(self, exchange: Exchange) -> None:
        """A request with one fault that is refused shows that the fault is."""
        if exchange.answer.status in (400, 413, 422):
            broken = {name for name, _ in wrongs(self.run.contract, exchange.request.body)}
            if len(broken) == 1:
                self.run.ledger.tried |= broken

    def _same_ids(self, exchange: Exchange, recorded: Recorded) -> Iterable[Violation]:
        """Hold id and trace id against those of other answers of the same service."""
        content = hash((exchange.request.content, exchange.answer.body))
        named = _Named(content, recorded.span, recorded.place)
        ids = self._memory.ids
        for requirement, name in (
            ("response.id.unique", member(exchange.answer.json, "id")),
            (
                "response.header.trace_id.unique",
                exchange.answer.headers.get("x-siliconcloud-trace-id"),
            ),
        ):
            if not isinstance(name, str) or not name:
                continue
            self.run.ledger.tried.add(requirement)
            earlier = ids.setdefault((recorded.base_url, requirement, name), named)
            if not earlier.is_again(named):
                received = f"{shorten(name)} again, which {earlier.place} has"
                yield Violation(requirement, "a new id", received, (exchange,))
            if len(ids) > IDS:
                ids.popitem(last=False)

    def _differences(self, exchange: Exchange, base_url: str) -> Iterable[Violation]:
        """Hold a ranking against another one of the same documents by the same service."""
        indices = {result.index for result in exchange.ranking or ()}
        body = exchange.request.body
        if not is_object(body) or not indices or not indices <= set(range(len(exchange.documents))):
            return
        question, memory = _question(base_url, body, exchange.documents), self._memory
        is_whole = len(indices) == len(exchange.documents)
        others = (memory.whole, memory.partial) if is_whole else (memory.whole,)
        for other in others:
            if question in other:
                pair = (exchange, other[question])
                # What is held against the other is named last.
                full, last = pair if other is memory.partial else pair[::-1]
                yield from self._compared(full, last)
        memory.keep(memory.whole if is_whole else memory.partial, question, exchange)

    def _compared(self, full: Exchange, other: Exchange) -> Iterable[Violation]:
        order = None
        if full.documents != other.documents:
            order = [full.documents.index(document) for document in other.documents]
        if len(other.ranking or ()) < len(other.documents):
            name = "request.top_n.most_relevant"
            findings = cut(scores(full), scores(other, order))
        else:
            findings = same_ranking(scores(full), scores(other, order))
            if order is not None:
                name = "response.results.index.permutation"
            elif _returns(full) != _returns(other):
                name = "request.return_documents.ranking"
            else:
                # Whether the same request gets the same scores is left open.
                return
        self.run.ledger.tried.add(name)
        for expected, received in findings:
            yield Violation(name, expected, received, (full, other))


def _question(base_url: str, body: Mapping[str, AnyJson], documents: list[AnyJson]) -> str:
    """What requests have in common that must rank alike: all but the order of different texts."""
    texts = [json.dumps(document, sort_keys=True) for document in documents]
    ordered = sorted(texts) if len(set(texts)) == len(texts) else texts
    left_out = ("documents", "top_n", "return_documents")
    rest = {name: value for name, value in body.items() if name not in left_out}
    # Only its digest is kept: a request may have megabytes.
    return sha256(json.dumps([base_url, rest, ordered], sort_keys=True).encode()).hexdigest()


def _returns(exchange: Exchange) -> bool:
    return bool(member(exchange.request.body, "return_documents"))


def _size(exchange: Exchange) -> int:
    return 2 * (len(exchange.request.content or b"") + len(exchange.answer.body))
