"""The connection to the target: one request, its answer, and patience while the target is busy."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal

from ..capabilities import Capabilities
from ..checks.violations import shorten
from ..exchanges import Answer, Credential, Exchange, Request, member
from ..targets import Target, UnreachableError
from .limits import Budget, Pace, Patience, Startup
from .reliability import LOST, Reliability
from .tokens import billed_tokens, most_tokens

#: Statuses of a target that is busy: waited out, never a failure.
BUSY = (429, 502, 503, 504)
#: Those with which a gateway says that what it stands before did not answer.
UPSTREAM = (502, 503, 504)
#: Waits for a gateway that has never answered otherwise, before the run is given up.
UPSTREAM_WAITS = 3
#: Waits before a request that always fails is tried in turns with one that passes.
WAITS_BEFORE_TURNS = 2
#: How often: a target that fails now and then does not fail as often as that.
TURNS = 3
#: Error code of an account without money, and what other refusals of it speak of.
BALANCE_INSUFFICIENT, BALANCE = 30001, re.compile(r"\bbalance\b|余额", re.IGNORECASE)
#: What to try.
SILENCE = "does it run, and is that its address? --wait SECONDS waits until it is up"
BEHIND = "is the server behind it up? --wait SECONDS waits until it is"
LATER = "try again later"
SLOWER = "try again later, or stay below its rate limit with --max-rpm"


class InconclusiveError(Exception):
    """Something could not be found out; the message says why."""


class BusyError(InconclusiveError):
    """The target stayed busy."""


class UnshownError(InconclusiveError):
    """The target shows nothing that the requirement could be judged by."""


class UndeclaredError(InconclusiveError):
    """The request is larger than what the target declares."""


@dataclass
class Connection:
    """Sends the requests of a run within its limits."""

    budget: Budget
    #: Name of a model -> CNY per million tokens.
    price: Callable[[str], Decimal]
    pace: Pace = field(default_factory=Pace)
    patience: Patience = field(default_factory=Patience)
    startup: Startup = field(default_factory=Startup)
    #: What the target declares; larger requests are not sent.
    capabilities: Capabilities = field(default_factory=Capabilities)
    #: Headers of every request; see `Request.headers`.
    headers: tuple[tuple[str, str], ...] = ()
    #: Name of the environment variable that holds the key, for messages.
    api_key_env: str = "SILICONFLOW_API_KEY"
    #: The same for the key of the second caller.
    second_api_key_env: str = ""
    #: Takes every answer, those of a busy target too.
    watch: Callable[[Exchange], None] = field(default=lambda _: None)
    reliability: Reliability = field(default_factory=Reliability)
    clock: Callable[[], float] = field(default=time.perf_counter)
    #: Whether any answer has come that is not a gateway's word about the server behind it.
    answered: bool = False
    #: Model -> a request that it has ranked, which shows whether it is busy.
    controls: dict[str, Request] = field(default_factory=dict[str, Request])
    #: What requests were found to fail with always, while others passed.
    faults: set[str] = field(default_factory=set[str])
    #: Why nothing more can be judged in this run.
    halted: str | None = None

    def ask(self, target: Target, request: Request, *, patiently: bool = True) -> Exchange:
        """Send one request, and wait while the target is busy.

        Raises `InconclusiveError` if no answer can be had, and if the key is refused: a target
        that refuses everything would seem to refuse what is wrong.
        """
        request = self._complete(request)
        answer = self._answer(target, request, patiently=patiently)
        variable = {
            Credential.KEY: self.api_key_env,
            Credential.SECOND_KEY: self.second_api_key_env,
        }.get(request.credential)
        if variable and answer.status == 401:
            self.halt(f"the key in ${variable} was refused: {seen(answer)}; put a valid one there")
        if variable and _lacks_money(answer):
            whose = f"the account of the key in ${variable}"
            self.halt(f"{whose} has no money left: {seen(answer)}; top it up, or use another key")
        return Exchange(request, answer, self.budget.spent)

    def once(self, target: Target, request: Request) -> Answer:
        """Send one request once, whatever comes.

        Raises `UnreachableError`, and `InconclusiveError` if nothing may be sent.
        """
        return self._once(target, self._complete(request))

    def halt(self, reason: str) -> None:
        """Give up the run: this and every later request is inconclusive."""
        self.halted = reason
        raise InconclusiveError(reason)

    def _answer(self, target: Target, request: Request, *, patiently: bool) -> Answer:
        waits = 0
        #: What came at first, where it was asked again, and whether a 500 has come.
        first: str | None = None
        has_failed = False
        while True:
            try:
                answer = self._once(target, request)
                trouble, to_try = seen(answer), BEHIND
            except UnreachableError as error:
                answer, trouble, to_try = None, str(error), error.to_try or SILENCE
            failed_first = answer and answer.status == 500 and not has_failed
            if answer and not failed_first and (answer.status not in BUSY or not patiently):
                self.reliability.answer(first)
                return answer
            first = first or (f"status {answer.status}" if answer else LOST)
            if failed_first:
                has_failed = True
                self.budget.excuse()
                continue
            kind = f"status {answer.status}" if answer else LOST
            if waits == (0 if kind in self.faults else WAITS_BEFORE_TURNS):
                final = self._in_turns(target, request, answer, trouble)
                if final is not None:
                    self.reliability.answer(None if kind in self.faults else first)
                    return final
            retry_after = answer.headers.get("retry-after") if answer else None
            self.budget.excuse()
            if not self.answered:
                if self.startup.waits():
                    continue
                if answer is None:
                    self.halt(f"no answer from {target.base_url}: {trouble}; {to_try}")
                if waits == UPSTREAM_WAITS:
                    self.halt(f"only a gateway answers at {target.base_url}: {trouble}; {to_try}")
            if not self.patience.waits(waits, retry_after):
                if answer is None:
                    self.halt(f"no more answers from {target.base_url}: {trouble}; {to_try}")
                to_try = LATER if answer is None or answer.status != 429 else SLOWER
                raise BusyError(
                    f"still busy after {self._waited(retry_after)}: {trouble}; {to_try}"
                )
            waits += 1

    def _waited(self, retry_after: str | None) -> str:
        if retry_after and retry_after.isdecimal() and float(retry_after) > self.patience.longest:
            return f"some waiting, and asks to wait for {retry_after} seconds, which is too long"
        return "all waiting"

    def _in_turns(
        self, target: Target, request: Request, answer: Answer | None, trouble: str
    ) -> Answer | None:
        """The answer to a request that is tried in turns with one that passes.

        None where that one does not pass either: then the target is busy, as it also is where it
        says that there were too many requests.
        """
        control = self.controls.get(str(member(request.body, "model")))
        if control is None or control.content == request.content or not self._fails(answer):
            return None
        for _ in range(TURNS):
            passed = self._tried(target, control)
            if passed is None or passed.status != 200:
                return None
            answer = self._tried(target, request)
            if not self._fails(answer):
                return None if answer and answer.status in BUSY else answer
        self.faults.add(f"status {answer.status}" if answer else LOST)
        return answer or Answer(0, {}, b"", cut=trouble)

    def _fails(self, answer: Answer | None) -> bool:
        return answer is None or (answer.status in BUSY and answer.status != 429)

    def _tried(self, target: Target, request: Request) -> Answer | None:
        """The answer to one request; None where none comes."""
        self.budget.excuse()
        try:
            return self._once(target, request)
        except UnreachableError:
            return None

    def _complete(self, request: Request) -> Request:
        return replace(request, headers=(*self.headers, *request.headers))

    def _once(self, target: Target, request: Request) -> Answer:
        if self.halted:
            raise InconclusiveError(self.halted)
        if too_large := self.capabilities.too_large(request):
            raise UndeclaredError(too_large)
        tokens, price = most_tokens(request), self.price(str(member(request.body, "model")))
        refusal = self.budget.take(tokens, price)
        if refusal is not None:
            # A request that costs less may still be allowed.
            raise InconclusiveError(refusal)
        self.pace.wait()
        began = self.clock()
        try:
            answer = target.send(request)
        except UnreachableError:
            # A target that lets every request time out must not take hours.
            self.patience.left -= self.clock() - began
            raise
        self.reliability.latencies.append(self.clock() - began)
        self.budget.settle(tokens, billed_tokens(request, answer), price)
        self.answered = self.answered or not _speaks_of_upstream(answer)
        self.watch(Exchange(request, answer))
        return answer


def _lacks_money(answer: Answer) -> bool:
    """Whether an answer says that the account has no money."""
    is_page = answer.text.lstrip().startswith("<")
    says_so = answer.status == 403 and not is_page and BALANCE.search(answer.text)
    return bool(
        answer.status == 402 or says_so or member(answer.json, "code") == BALANCE_INSUFFICIENT
    )


def _speaks_of_upstream(answer: Answer) -> bool:
    """Whether a gateway answers that the server behind it did not; the service has a message."""
    return answer.status in UPSTREAM and not isinstance(member(answer.json, "message"), str)


def seen(answer: Answer, limit: int = 200) -> str:
    """What was answered, in one line; `limit` is the longest text, in characters."""
    text = shorten(answer.text, limit)
    return f"status {answer.status}, {text or 'no body'}" if answer.status else f"no answer: {text}"
