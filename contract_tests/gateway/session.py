"""Sends requests through a gateway, and puts together what was seen on both sides."""

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from ..contract import AnyJson, Contract
from ..exchanges import PLAIN, Answer, Credential, Exchange, Layout, Request
from ..redaction import blot_headers
from ..targets import HttpTarget, UnreachableError
from ..wording import counted
from .parts import blot_parts, text_without_parts
from .passages import Aspect, Fault, Passage, Tag, is_for, ranking_faults
from .places import place_of
from .upstream import Upstream

#: How often a request is sent again that the gateway has refused as too much, unasked upstream.
PATIENCE = 5
_BUSY = (429, 503)
#: How the reason begins where no connection was made.
_REFUSED = ("ConnectError", "ConnectTimeout")
#: Most seconds that are waited in one run for a gateway to take requests again.
MOST_WAITED = 300.0
#: Words that make scores differ.
_WORDS = ("apple", "pear", "red", "round", "fruit", "green", "plum", "sweet", "tree", "stone")


class GoneError(Exception):
    """Nothing listens at the front any more."""


def _nothing(*_: object) -> None:
    pass


@dataclass(frozen=True)
class Patience:
    """How long a gateway may take for a request that upstream never answers."""

    #: The front, with that for a deadline.
    front: HttpTarget
    seconds: float
    #: Whether it is the gateway's own bound, named by who knows it.
    is_named: bool


@dataclass
class Session:
    """A gateway between a caller and a mock."""

    front: HttpTarget
    patience: Patience
    upstream: Upstream
    contract: Contract
    #: Name of each model at the front -> its name on the page.
    models: Mapping[str, str]
    #: The key of the caller; None where it is upstream's.
    caller_key: str | None
    #: More headers for the gateway; a value such as `$NAME` is one of its secrets.
    headers: tuple[tuple[str, str], ...]
    secrets: Mapping[str, str]
    sleep: Callable[[float], None]
    clock: Callable[[], float]
    #: Raises where the gateway has ended.
    check: Callable[[], None] = _nothing
    #: Shows how far it has come.
    progress: Callable[[str], None] = _nothing
    #: All passages, and all calls of upstream.
    passages: list[Passage] = field(default_factory=list[Passage])
    calls: list[Exchange] = field(default_factory=list[Exchange])
    #: Documents whose answer was lost on purpose: to ask for them again is no fault.
    lost: set[Tag] = field(default_factory=set[Tag])
    #: What was wrong with the scores of the first ranking, so that it is no news of the others.
    usual: set[Aspect] = field(default_factory=set[Aspect])
    #: The number of the request before the first one.
    first_case: int = 0
    _case: int = 0
    _waited: float = 0.0

    def case(self) -> int:
        """A new number for a request."""
        self._case += 1
        return self.first_case + self._case

    def model(self, supports: str = "", form: str = "classic") -> str | None:
        """The name at the front of a model of this form that supports a field."""
        for name, page_name in self.models.items():
            model = self.contract.models[page_name]
            if model.form == form and (not supports or supports in (model.supports or ())):
                return name
        return None

    def body(self, documents: int = 4, case: int | None = None, **fields: AnyJson) -> AnyJson:
        """A request whose texts have tags; other fields replace or follow the usual ones."""
        number = case or self.case()
        texts = [
            f"case{number}doc{each} a {_WORDS[each % len(_WORDS)]}" for each in range(documents)
        ]
        return {
            "model": self.model() or next(iter(self.models)),
            "query": f"case{number} which fruit is red and round",
            "documents": texts,
            **fields,
        }

    def send(
        self,
        body: AnyJson,
        *,
        credential: Credential = Credential.KEY,
        layout: Layout = PLAIN,
        front: HttpTarget | None = None,
    ) -> Passage:
        """Send one request; one that the gateway itself refuses as too much is sent again."""
        request = Request(body=body, credential=credential, layout=layout, headers=self.headers)
        left = PATIENCE
        while True:
            self.check()
            self.progress(f"{counted(len(self.passages), 'request')} sent")
            (passage,) = self._passages([self._exchange(request, front or self.front)])
            is_busy = passage.status in _BUSY and not passage.calls
            # At first, it says why nothing can be found out.
            is_gone = bool(self.passages) and passage.front.answer.cut.startswith(_REFUSED)
            after = passage.front.answer.headers.get("retry-after", "")
            seconds = min(int(after), 60) if after.isdecimal() else 1.0
            if not (left and (is_busy or is_gone) and self.pause(seconds)):
                break
            left -= 1
        self.check()
        if is_gone:
            raise GoneError(passage.front.answer.cut)
        self.passages.append(passage)
        return passage

    def faults(
        self, passage: Passage, known: Mapping[Tag, Sequence[float]] | None = None
    ) -> list[Fault]:
        """What is wrong with a ranking, without what is wrong with the scores of every one.

        How scores are rounded shows in some of them only: the others look alike by chance.
        """
        ignored = {"coarse", "digits", *self.usual}
        return [each for each in ranking_faults(passage, known) if each.aspect not in ignored]

    def pause(self, seconds: float) -> bool:
        """Wait, unless that is more than one run may take; whether it was waited."""
        if self._waited + seconds > MOST_WAITED:
            return False
        self._waited += seconds
        self.sleep(seconds)
        return True

    def is_up(self) -> bool:
        """Whether the gateway answers, and does not say that it is still starting."""
        status = self.send(self.body(1)).status
        # What was answered while it started counts for nothing.
        self.passages.clear()
        self.calls.clear()
        self._waited = 0.0
        return status not in (0, 502, 503, 504)

    def together(self, bodies: Sequence[AnyJson]) -> list[Passage]:
        """Send requests at the same time."""
        self.check()
        start = threading.Barrier(len(bodies))

        def exchange(body: AnyJson) -> Exchange:
            start.wait()
            return self._exchange(Request(body=body, headers=self.headers), self.front)

        with ThreadPoolExecutor(len(bodies)) as pool:
            passages = self._passages(list(pool.map(exchange, bodies)))
        self.passages += passages
        return passages

    def late_calls(self) -> list[Exchange]:
        """What upstream was asked since the last request."""
        self.upstream.relay.received()
        return self._calls()

    def _calls(self) -> list[Exchange]:
        keys = filter(None, [self.upstream.key, self.caller_key])
        return self.upstream.calls(*keys, *self.secrets.values())

    def _exchange(self, request: Request, front: HttpTarget) -> Exchange:
        try:
            answer = front.send(request)
        except UnreachableError as error:
            answer = Answer(0, {}, b"", cut=str(error))
        return Exchange(request, answer)

    def _passages(self, exchanges: Sequence[Exchange]) -> list[Passage]:
        """Find what upstream was asked for each of the exchanges."""
        calls = self._calls()
        self.calls += calls
        received = self.upstream.relay.received()
        caller = self.caller_key
        seen = place_of(received, caller, self.upstream.key) if caller else ""
        passages: list[Passage] = []
        for exchange in exchanges:
            own = tuple(call for call in calls if is_for(call, exchange))
            passages.append(self._without_keys(Passage(exchange, own, seen)))
        return passages

    def _without_keys(self, passage: Passage) -> Passage:
        """Blot out upstream's key, which the target does not know of."""
        if self.caller_key is None:
            return passage
        answer, keys = passage.front.answer, (self.upstream.key, self.caller_key)
        headers = blot_headers(answer.headers, lambda text: text_without_parts(text, *keys))
        body = blot_parts(answer.body, *keys)
        front = replace(passage.front, answer=replace(answer, body=body, headers=headers))
        head = "".join(f"{name}: {value}\r\n" for name, value in answer.headers.items())
        seen = place_of(f"{head}\r\n".encode() + answer.body, *keys)
        return replace(passage, front=front, upstream_key_at=seen)
