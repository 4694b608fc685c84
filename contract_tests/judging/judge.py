"""The judge: sends what a test draws, and holds what comes back against the contract."""

import contextlib
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
from threading import Barrier, BrokenBarrierError

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine

from ..checks import catalogue
from ..checks.check import Finding, asked
from ..checks.violations import Violation, shorten
from ..contract import AnyJson, Contract, Model
from ..exchanges import Credential, Exchange, Request, member
from ..strategies import Body, Strategies
from ..targets import Target
from .abilities import ENDPOINT
from .causes import traits
from .connection import InconclusiveError, seen
from .property_runner import Example, PropertyRunner
from .run import Run, key

#: Without these an answer has no ranking to look at.
PREREQUISITES = (
    ENDPOINT,
    "request.documents.array",
    "request.multimodal.text",
    "response.body.json",
    "response.body.type",
    "response.results.required",
    "response.results.type",
    "response.results.index.required",
    "response.results.index.type",
    "response.results.relevance_score.required",
    "response.results.relevance_score.type",
    "response.results.complete",
)

#: How long requests that are sent at the same time wait for each other, in seconds.
TOGETHER_SECONDS = 5.0


class PrerequisiteError(InconclusiveError):
    """It could not be tried here: something that it needs does not hold."""


class ViolatedError(AssertionError):
    """The target broke a requirement."""

    def __init__(self, violations: list[Violation]) -> None:
        super().__init__(", ".join(sorted({violation.requirement for violation in violations})))
        self.violations = violations


class _StopError(Exception):
    """The answer leaves nothing more to judge in this example."""


class Judge:
    """One test's view of the run."""

    def __init__(
        self,
        run: Run,
        target: Target,
        test: str,
        requirements: frozenset[str],
        examples: int | None = None,
    ) -> None:
        self.run = run
        self.target = target
        #: Name of the test, for the ledger.
        self.test = test
        #: Ids of the requirements that the test names.
        self.requirements = requirements
        #: Examples that the test draws.
        self.examples = examples or run.effort.examples
        self._found: list[Violation] = []
        #: The first valid request that was refused.
        self._refused: Exchange | None = None
        #: Whether any answer had a ranking.
        self._ranked = False

    @property
    def contract(self) -> Contract:
        """The contract that the target is held to."""
        return self.run.contract

    @cached_property
    def draw(self) -> Strategies:
        """What can be drawn: the same for the whole test, whatever is found out meanwhile."""
        return self.run.abilities.drawn

    def examine(
        self,
        examples: st.SearchStrategy[Example],
        prove: Callable[[Example], object],
        *,
        once: st.SearchStrategy[Example] | None = None,
    ) -> None:
        """Draw examples and prove each; make smaller what breaks a requirement.

        One example is drawn from `once`: the last, and the only one of what is tried briefly.

        Raises `ViolatedError` if a requirement fails that the test names, or that no test has
        found broken before, and `InconclusiveError` if nothing was found out.
        """
        runner = self._runner(prove)
        if once is None or self.run.effort.examples == 1:
            runner.draw(examples, self.examples)
        else:
            runner.draw(examples, self.examples - 1)
            runner.draw(once, 1)
        self._conclude(runner, prove)

    def examine_machine(
        self,
        machine: Callable[[Callable[[Example], None]], RuleBasedStateMachine],
        prove: Callable[[Example], object],
    ) -> None:
        """The same as `examine`; state machines write the examples down and hand them over."""
        runner = self._runner(prove)
        runner.play(machine, self.examples)
        self._conclude(runner, prove)

    def _runner(self, prove: Callable[[Example], object]) -> PropertyRunner[Example]:
        return PropertyRunner(
            self.run, self.test, lambda example: self._prove(lambda: prove(example))
        )

    def _conclude(
        self, runner: PropertyRunner[Example], prove: Callable[[Example], object]
    ) -> None:
        if runner.sought is not None:
            self._judge_again(runner.sought, partial(prove, *runner.smallest))
            failures = self._failures()
            self._hinder(failures[0].exchanges[-1])
            raise ViolatedError(failures)
        if runner.stopped:
            raise runner.stopped
        if untried := self.requirements - self.run.ledger.tried:
            if self._refused is not None:
                self._hinder(self._refused)
            raise runner.undeclared or self._unmet(self._missing(untried))

    def served(self, model: Model) -> list[Model]:
        """The models that the target was found to serve, and which rank; else `model`."""
        names = self.run.served.ranking
        return [self.contract.model_named(name) for name in names] or [model]

    def needs(self, model: Model) -> None:
        """Make sure, once for each model, that the target serves it and ranks what is plainest.

        Otherwise nothing else can be found out, and nothing more is spent. Raises `NotServedError`,
        `PrerequisiteError`, and what `examine` raises.
        """
        plain = self.run.strategies.plainest(model)
        try:
            first = self.run.served.needs(self.target, model)
        except InconclusiveError as error:
            # Another model may show what is required of both.
            if model.id in self.run.served.busy and ENDPOINT not in self.requirements:
                raise PrerequisiteError(str(error)) from None
            raise
        if first.ranking:
            self.run.references[key(plain)] = first
        if key(plain) not in self.run.references and model.id not in self.run.unranked:
            self.run.unranked.add(model.id)
            with contextlib.suppress(PrerequisiteError):
                self.examine_once(lambda: self._rank_plainly(model, plain))
        if key(plain) not in self.run.references:
            self._hinder(first)
            raise self._unmet(f"{model.id} to rank a plain request")
        if self.run.effort.wide:
            self.run.abilities.explore(self.target, model)

    def _rank_plainly(self, model: Model, plain: Body) -> None:
        exchange = self.send(Request(plain))
        requirement = ENDPOINT
        if model.form == "multimodal":
            requirement = "request.multimodal.text"
        if 400 <= exchange.answer.status < 500:
            string = Request({**plain, "documents": plain["documents"][0]})
            if self.send(string).answer.status == 200:
                requirement = "request.documents.array"
        self.accepted(requirement, exchange)
        if member(exchange.answer.json, "results") == []:
            # The page promises more of its own example, which says how many results there are.
            self.send(Request(self.run.strategies.printed(model)))
        self.run.references[key(plain)] = self._comparable(exchange)

    def _unmet(self, needed: str) -> PrerequisiteError:
        broken = [name for name in PREREQUISITES if self.run.ledger.violations.get(name)]
        more = f", and the target breaks {', '.join(broken)}" if broken else ""
        return PrerequisiteError(f"it needs {needed}{more}")

    def _missing(self, untried: Iterable[str]) -> str:
        """What would have shown the requirements that were not tried."""
        if not self._ranked:
            return "an answer with a ranking"
        # An id must be there before it can be unique.
        fronts = tuple(f"{name.rpartition('.')[0]}." for name in untried)
        broken = [
            name
            for name, found in self.run.ledger.violations.items()
            if found and f"{name}.".startswith(fronts)
        ]
        return f"answers that keep {', '.join(broken)}" if broken else "answers that speak of it"

    def _hinder(self, exchange: Exchange) -> None:
        """Note what came between the test and the requirements that it was after."""
        for requirement in self.requirements:
            self.run.ledger.hindered.setdefault(requirement, exchange)

    def _judge_again(self, requirement: str, prove: Callable[[], object]) -> None:
        """Prove the smallest example once more, to report whether the breach shows again.

        Without a request to spare it is reported as it was found.
        """
        if not self.run.connection.budget.spare:
            return
        reported = self.run.ledger.violations[requirement]
        before = reported.pop(self.test)
        with contextlib.suppress(InconclusiveError):
            if requirement not in self._prove(prove):
                self.run.ledger.unsteady[requirement] = "the breach did not show again"
        reported.setdefault(self.test, before)

    def examine_once(self, prove: Callable[[], object]) -> None:
        """Examine the one request that `prove` sends."""
        self.examine(st.just("the only example"), lambda _: prove())

    def accepts(self, requirement: str, body: AnyJson) -> Exchange:
        """Send a body that must be accepted; what is refused ends the example."""
        return self.accepted(requirement, self.send(Request(body)))

    def refuses(self, requirement: str, request: Request) -> Exchange:
        """Send a request that must be refused; what is accepted ends the example."""
        exchange = self.send(request)
        # Without a status it was tried in turns with a request that was answered.
        is_dropped = not exchange.answer.status
        if is_dropped and not self.run.abilities.lacks_field_of(self.target, request.body):
            expected = "an answer with a status from 400 to 499"
            self._violated("error.status.listed", expected, seen(exchange.answer), exchange)
        self._answered(requirement, exchange)
        self.run.ledger.tried.add(requirement)
        if exchange.answer.status < 400:
            expected = "a status from 400 to 499"
            self._violated(requirement, expected, seen(exchange.answer), exchange)
            raise _StopError
        return exchange

    def answers(self, requirement: str, request: Request) -> Exchange:
        """Send a request that may be refused; a failure of the target ends the example.

        It says nothing about the requirement.
        """
        exchange = self.send(request)
        self._answered(requirement, exchange)
        return exchange

    def _answered(self, requirement: str, exchange: Exchange) -> None:
        """End the example if the target has failed to answer."""
        if exchange.answer.status >= 500 or not exchange.answer.status:
            needed = f"it needs an answer other than {seen(exchange.answer)}"
            self.run.ledger.unmet.setdefault(requirement, needed)
            self.run.ledger.hindered.setdefault(requirement, exchange)
            raise _StopError

    def ranks(
        self, requirement: str, body: Body, credential: Credential = Credential.KEY
    ) -> Exchange:
        """The same as `accepts`; a ranking that cannot be compared ends the example too."""
        exchange = self.send(Request(body, credential=credential))
        return self._comparable(self.accepted(requirement, exchange))

    def reference(self, body: Body, requirement: str = ENDPOINT) -> Exchange:
        """The same as `ranks`, but an earlier exchange that had the same body will do."""
        name = key(body)
        if name in self.run.references:
            self.run.ledger.tried.add(requirement)
            self._take(self.run.references[name])
        else:
            self.run.references[name] = self.ranks(requirement, body)
        return self._comparable(self.run.references[name])

    def expect_status(self, requirement: str, status: int, exchange: Exchange) -> None:
        """Hold the status of an answer against the requirement."""
        findings = [(f"status {status}", seen(exchange.answer))]
        self.compare(requirement, findings if exchange.answer.status != status else (), exchange)

    def compare(self, requirement: str, findings: Iterable[Finding], *exchanges: Exchange) -> None:
        """Hold what a relation found in `exchanges` against the requirement."""
        self.run.ledger.tried.add(requirement)
        for expected, received in findings:
            self._violated(requirement, expected, received, *exchanges)

    def observe(self, switch: str, exchange: Exchange, *requirements: str) -> None:
        """Note which value of a switch an answer shows, for the requirements that it answers."""
        if switch not in self.contract.switches:
            return
        shown = self.run.probes.answered(switch, exchange)
        other = "another answer: " if exchange.answer.status else ""
        finding = str(shown) if shown else f"{other}{seen(exchange.answer)}"
        for requirement in requirements or self.contract.switches[switch].requirements:
            self.note(requirement, finding)

    def note(self, requirement: str, finding: str) -> None:
        """Note what the target does where the contract leaves it open and no switch names it."""
        self.run.ledger.tried.add(requirement)
        self.run.ledger.observed[requirement].add(finding)

    def send(self, request: Request, *, patiently: bool = True) -> Exchange:
        """Send one request and run the checks on the answer."""
        return self._take(self.run.connection.ask(self.target, request, patiently=patiently))

    def probe(self, request: Request, *, patiently: bool = True) -> Exchange:
        """Send what serves a question of its own: a refusal is held against nothing else."""
        exchange = self.run.connection.ask(self.target, request, patiently=patiently)
        failed = asked(exchange) and exchange.answer.status >= 500
        refused = exchange.answer.status >= 400 and not failed
        return self._refusal(exchange) if refused else self._take(exchange)

    def tries(self, request: Request) -> Exchange:
        """Send a valid request that may be refused; the exchange has a ranking if it was not.

        A refusal is a freedom, unless the target declares that it takes so much.
        """
        exchange = self.run.connection.ask(self.target, request)
        if 400 <= exchange.answer.status < 500:
            if self.run.connection.capabilities.promises(request):
                expected = "status 200, as the target declares that it takes so much"
                self._violated(ENDPOINT, expected, seen(exchange.answer), exchange)
            return self._refusal(exchange)
        return self._comparable(self.accepted(ENDPOINT, self._take(exchange)))

    def asks(self, request: Request) -> Exchange:
        """Send what serves an open question; an answer other than 200 is held against nothing."""
        exchange = self.run.connection.ask(self.target, request)
        if exchange.answer.status != 200:
            return self._refusal(exchange)
        return self._comparable(self._take(exchange))

    def send_together(self, requests: Sequence[Request]) -> list[Exchange]:
        """Send requests at the same time and run the checks on the answers."""
        together = Barrier(len(requests))

        def ask(request: Request) -> Exchange:
            # Otherwise a fast target has answered the first before the last is sent. After Ctrl-C
            # not all may come.
            with contextlib.suppress(BrokenBarrierError):
                together.wait(TOGETHER_SECONDS)
            return self.run.connection.ask(self.target, request)

        with ThreadPoolExecutor(len(requests)) as pool:
            asked = list(pool.map(ask, requests))
        return [self._take(exchange) for exchange in asked]

    def accepted(self, requirement: str, exchange: Exchange) -> Exchange:
        """Hold an answer other than 200 against the requirement; it ends the example."""
        self.run.ledger.tried.add(requirement)
        if exchange.answer.status != 200:
            blamed = self.run.abilities.blame(self.target, requirement, exchange)
            if blamed is not None:
                broken, shown = blamed
                self._violated(broken, "status 200", seen(shown.answer), shown)
                self._refused = self._refused or shown
            raise _StopError
        self.run.coverage.accept(requirement, exchange.request.body)
        self.run.ledger.accepted.update(traits(exchange.request))
        return exchange

    def _comparable(self, exchange: Exchange) -> Exchange:
        indices = {result.index for result in exchange.ranking or ()}
        if not indices or not indices <= set(range(len(exchange.documents))):
            raise _StopError
        return exchange

    def _refusal(self, exchange: Exchange) -> Exchange:
        """Hold nothing against a refusal but that it repeats the key."""
        leaks = [("an answer without the key", "an answer that repeats the key")]
        self.compare("error.key_hidden", leaks if exchange.answer.repeats_key else (), exchange)
        return exchange

    def _take(self, exchange: Exchange) -> Exchange:
        tried, found = catalogue.examine(self.contract, exchange)
        self.run.ledger.tried |= tried
        self._found += found
        self._ranked = self._ranked or bool(exchange.ranking)
        self._identify(exchange)
        return exchange

    def _identify(self, exchange: Exchange) -> None:
        """Hold the id and the trace id of an answer against all that came before."""
        if exchange.answer.status != 200:
            return
        for requirement, name in (
            ("response.id.unique", member(exchange.answer.json, "id")),
            (
                "response.header.trace_id.unique",
                exchange.answer.headers.get("x-siliconcloud-trace-id"),
            ),
        ):
            if isinstance(name, str) and name:
                self.run.ledger.tried.add(requirement)
                earlier = self.run.ids.setdefault((requirement, name), exchange)
                if earlier is not exchange:
                    received = f"{shorten(name)} again"
                    self._violated(requirement, "a new id", received, earlier, exchange)

    def _prove(self, prove: Callable[[], object]) -> frozenset[str]:
        """Prove one example; return the requirements that fail here."""
        self._found = []
        try:
            prove()
        except _StopError:
            pass
        finally:
            for violation in self._found:
                self.run.ledger.record(self.test, violation)
        return frozenset(
            violation.requirement for violation in self._found if self._fails(violation.requirement)
        )

    def _fails(self, requirement: str) -> bool:
        """Whether a breach of the requirement fails this test; one test reports each breach."""
        ledger = self.run.ledger
        reported = requirement not in self.requirements and set(ledger.violations[requirement]) - {
            self.test
        }
        return ledger.fails(requirement) and not reported

    def _failures(self) -> list[Violation]:
        violations = self.run.ledger.violations
        return [
            seen_by[self.test]
            for requirement, seen_by in violations.items()
            if self.test in seen_by and self._fails(requirement)
        ]

    def _violated(
        self, requirement: str, expected: str, received: str, *exchanges: Exchange
    ) -> None:
        if requirement in self.contract.requirements:
            self._found.append(Violation(requirement, expected, received, exchanges))
