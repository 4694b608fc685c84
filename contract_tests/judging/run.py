"""A run: what its tests share, and how a request gets its answer without being unfair."""

import json
from dataclasses import dataclass, field
from decimal import Decimal

from ..checks.violations import shorten
from ..contract import REQUIREMENTS, Model, model_named
from ..exchanges import Answer, Credential, Exchange, Request, is_array, member
from ..report.model import Report, RequirementResult
from ..strategies import Body, plainest
from ..targets import Target, UnreachableError
from .coverage import Coverage
from .ledger import Ledger
from .limits import Budget, Effort, Pace, Patience

#: Statuses of a target that is busy: waited out, never a failure.
BUSY = (429, 502, 503, 504)
#: Error codes that say a model does not exist, or is off.
NO_SUCH_MODEL = (20012, 30003)
#: Error code of an account without money, with status 402 or 403.
BALANCE_INSUFFICIENT = 30001


#: What to try.
ADDRESS = "a base URL ends in /v1, without /rerank"
PAGE = "does a login or a proxy stand between?"
SILENCE = "does it run, and is that its address?"

#: What an image or a video is recognised by in a body, and how many tokens it is taken for.
MEDIA, TOKENS_OF_MEDIA = '"image": ', 1000


class InconclusiveError(Exception):
    """It could not be found out; the message says why."""


class PrerequisiteError(InconclusiveError):
    """It could not be tried here: something that it needs does not hold."""


class _BusyError(InconclusiveError):
    """The target stayed busy."""


class NotServedError(Exception):
    """The target has no such model; the message is what it said."""


@dataclass
class Run:
    """What all tests of one run share."""

    effort: Effort
    seed: int
    ledger: Ledger
    budget: Budget
    coverage: Coverage = field(default_factory=Coverage)
    pace: Pace = field(default_factory=Pace)
    patience: Patience = field(default_factory=Patience)
    #: Name of the environment variable that holds the key, for messages.
    api_key_env: str = "SILICONFLOW_API_KEY"
    #: Who asks, where a test lets callers take turns.
    callers: tuple[Credential, ...] = (Credential.KEY,)
    #: As ``api_key_env``, for the second caller.
    second_api_key_env: str = ""
    #: What is judged: `mock`, `server` or a base URL.
    target: str = "mock"
    #: Whether any answer has come.
    answered: bool = False
    #: Why nothing more can be judged in this run.
    halted: str | None = None
    #: Model -> why the target does not serve it; None where it does.
    models: dict[str, str | None] = field(default_factory=dict[str, "str | None"])
    #: Model -> why it could not be found out whether the target serves it.
    busy: dict[str, str] = field(default_factory=dict[str, str])
    #: Models that did not rank the plainest request when it was first sent.
    unranked: set[str] = field(default_factory=set[str])
    #: Requirement and id -> the exchange that the id came with.
    ids: dict[tuple[str, str], Exchange] = field(default_factory=dict[tuple[str, str], Exchange])
    #: Body as JSON -> an exchange that had it, to compare others with.
    references: dict[str, Exchange] = field(default_factory=dict[str, Exchange])

    def ask(self, target: Target, request: Request) -> Exchange:
        """Sender one request, and wait while the target is busy.

        Raises :class:`InconclusiveError` where no answer can be had, and where the key is refused:
        who refuses everything would seem to refuse what is wrong.
        """
        answer = self._patiently(target, request)
        poor = member(answer.json, "code") == BALANCE_INSUFFICIENT
        variable = {
            Credential.KEY: self.api_key_env,
            Credential.SECOND_KEY: self.second_api_key_env,
        }.get(request.credential)
        if variable and (answer.status in (401, 402) or poor):
            self.halt(f"the key in ${variable} was refused: {seen(answer)}; put a valid one there")
        return Exchange(request, answer, self.budget.spent)

    def needs(self, target: Target, model: Model) -> None:
        """Find out once whether the target serves the model.

        Raises :class:`NotServedError`, or :class:`InconclusiveError` where what answers is not the
        API at all, or stays busy.
        """
        if model.id in self.busy:
            raise InconclusiveError(self.busy[model.id])
        if model.id not in self.models:
            try:
                self.models[model.id] = self._greet(target, model)
            except _BusyError as error:
                self.busy[model.id] = str(error)
                raise
        reason = self.models[model.id]
        if reason is not None:
            raise NotServedError(f"{model.id} is not served: {reason}")

    def report(self, options: tuple[str, ...] = ()) -> Report:
        """What has been learnt so far; ``options`` of the command would judge so again."""
        ledger = self.ledger
        return Report(
            target=self.target,
            seed=self.seed,
            effort=self.effort.name,
            requests_sent=self.budget.spent,
            tokens=self.budget.tokens,
            cost=self.budget.cost,
            coverage=tuple(self.coverage.rows(map(model_named, self.models), ledger.tried)),
            models=dict(self.models),
            entries=tuple(
                RequirementResult(
                    requirement,
                    ledger.outcome(name),
                    ledger.reason(name),
                    tuple(sorted(ledger.observed.get(name, ()))),
                    () if name in ledger.broken else tuple(ledger.worst(name)),
                    ledger.first_broken.get(name),
                    tuple(test for test, named in ledger.tests.items() if name in named),
                )
                for name, requirement in REQUIREMENTS.items()
            ),
            options=options,
        )

    def halt(self, reason: str) -> None:
        """Give up the run: this and every later request is inconclusive."""
        self.halted = reason
        raise InconclusiveError(reason)

    def _greet(self, target: Target, model: Model) -> str | None:
        body = plainest(model)
        exchange = self.ask(target, Request(body))
        if exchange.ranking:
            self.references[key(body)] = exchange
        answer = exchange.answer
        url = target.base_url + "/rerank"
        if answer.text.lstrip().startswith("<"):
            self.halt(f"{url} answered with a page, not with the API: {seen(answer)}; {PAGE}")
        if 300 <= answer.status < 400:
            place = answer.headers.get("location", "another place")
            self.halt(f"{url} redirects to {place}: give the base URL that it leads to")
        about_model = member(answer.json, "code") in NO_SUCH_MODEL or "model" in answer.text.lower()
        if answer.status in (400, 403, 404, 422) and about_model:
            return seen(answer)
        if answer.status in (404, 405):
            self.halt(f"nothing ranks at {url}: {seen(answer)}; {ADDRESS}")
        if answer.status == 403:
            self.halt(f"the key in ${self.api_key_env} may not do this: {seen(answer)}")
        return None

    def _patiently(self, target: Target, request: Request) -> Answer:
        waits = 0
        failed_before = False
        while True:
            try:
                answer = self._once(target, request)
                trouble = seen(answer)
            except UnreachableError as error:
                answer, trouble = None, str(error)
            if answer and answer.status == 500 and not failed_before:
                failed_before = True
                self.budget.excuse()
                continue
            if answer and answer.status not in BUSY:
                return answer
            retry_after = answer.headers.get("retry-after") if answer else None
            self.budget.excuse()
            if answer is None and not self.answered:
                self.halt(f"no answer from {target.base_url}: {trouble}; {SILENCE}")
            if not self.patience.waits(waits, retry_after):
                if answer is None:
                    self.halt(f"no more answers from {target.base_url}: {trouble}")
                raise _BusyError(f"still busy after all waiting: {trouble}")
            waits += 1

    def _once(self, target: Target, request: Request) -> Answer:
        if self.halted:
            raise InconclusiveError(self.halted)
        tokens, price = estimated_tokens(request), _price(request)
        refusal = self.budget.take(tokens, price)
        if refusal is not None:
            # A request that costs less may still be allowed.
            raise InconclusiveError(refusal)
        self.pace.wait()
        answer = target.send(request)
        counted = counted_tokens(answer)
        if counted is not None:
            self.budget.settle(tokens, counted, price)
        self.answered = True
        return answer


def counted_tokens(answer: Answer) -> int | None:
    """How many tokens the target has counted, text and images together; None where it does not."""
    if answer.status != 200:
        return 0
    tokens = member(answer.json, "meta", "tokens")
    text, images = member(tokens, "input_tokens"), member(tokens, "image_tokens")
    return text + (images if type(images) is int else 0) if type(text) is int else None


def estimated_tokens(request: Request) -> int:
    """At most how many tokens the request is billed for: one for each character, query included."""
    documents = member(request.body, "documents")
    count = len(documents) if is_array(documents) else 1
    query = json.dumps(member(request.body, "query"), ensure_ascii=False)
    sent = json.dumps(documents, ensure_ascii=False)
    media = (count * query.count(MEDIA) + sent.count(MEDIA)) * TOKENS_OF_MEDIA
    return count * len(query) + len(sent) + media


def _price(request: Request) -> Decimal:
    return model_named(str(member(request.body, "model"))).price


def key(body: Body) -> str:
    """What two equal bodies have in common."""
    return json.dumps(body, sort_keys=True)


def seen(answer: Answer) -> str:
    """What was answered, in one line."""
    return f"status {answer.status}, {shorten(answer.text) or 'no body'}"
