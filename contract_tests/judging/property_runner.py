"""The property runner: draws examples, proves each once, and keeps the smallest bad one."""

import contextlib
import math
import zlib
from collections.abc import Callable
from typing import Generic, TypeVar, cast

import hypothesis
from hypothesis import HealthCheck, Phase, Verbosity
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from .connection import InconclusiveError, UndeclaredError
from .run import Run

Example = TypeVar("Example")
#: Calls of a sequence that a state machine writes down.
STEPS = 8
#: How long an answer takes is not ours to judge.
SUPPRESSED = (
    HealthCheck.data_too_large,
    HealthCheck.filter_too_much,
    HealthCheck.large_base_example,
    HealthCheck.too_slow,
)


class _FoundError(Exception):
    """The example breaks the requirement that is sought."""


class PropertyRunner(Generic[Example]):
    """The examples of one test."""

    def __init__(self, run: Run, test: str, prove: Callable[[Example], frozenset[str]]) -> None:
        self._run = run
        self._test = test
        #: Proves an example; returns the requirements that fail there.
        self._prove = prove
        #: The requirement that failed first; None where none did.
        self.sought: str | None = None
        #: The smallest example that breaks it.
        self.smallest: list[Example] = []
        #: What ended the examination before its time.
        self.stopped: InconclusiveError | None = None
        #: Why an example was not sent.
        self.undeclared: UndeclaredError | None = None
        self._judged: dict[str, frozenset[str]] = {}
        self._enough = math.inf

    def draw(self, examples: st.SearchStrategy[Example], count: int) -> None:
        """Draw so many examples until one breaks a requirement; make that one smaller."""
        if not count or self.sought is not None:
            return

        @hypothesis.seed(self._seed)
        @_settings(count)
        @hypothesis.given(examples)
        def holds(example: Example) -> None:
            self._hold(example)

        with contextlib.suppress(_FoundError):
            holds()

    def play(
        self, machine: Callable[[Callable[[Example], None]], RuleBasedStateMachine], count: int
    ) -> None:
        """The same as `draw`, with examples that state machines write down and hand over."""

        @hypothesis.seed(self._seed)
        def playing() -> RuleBasedStateMachine:
            return machine(self._hold)

        with contextlib.suppress(_FoundError):
            # Typed for classes alone, though any function will do that makes a machine.
            run_state_machine_as_test(
                cast("type[RuleBasedStateMachine]", playing), settings=_settings(count)
            )

    @property
    def _seed(self) -> int:
        return zlib.crc32(f"{self._run.seed}:{self._test}".encode())

    def _hold(self, example: Example) -> None:
        """Raise `_FoundError` where the example breaks what is sought."""
        # Hypothesis asks again for what it has asked before: the target is not asked twice.
        drawn = repr(example)
        if drawn not in self._judged:
            if self.stopped or self._run.connection.budget.sent >= self._enough:
                return
            try:
                failed = self._judged[drawn] = self._prove(example)
            except UndeclaredError as error:
                # Other examples may be smaller.
                self.undeclared = error
                return
            except InconclusiveError as error:
                self.stopped = error
                return
            if failed and self.sought is None:
                self.sought = min(failed)
                # The tests to come can still send what they are planned to.
                budget = self._run.connection.budget
                self._enough = budget.sent + min(self._run.effort.shrinking, budget.spare)
        if self.sought in self._judged[drawn]:
            self.smallest[:] = [example]
            raise _FoundError


def _settings(examples: int) -> hypothesis.settings:
    return hypothesis.settings(
        max_examples=examples,
        stateful_step_count=STEPS,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        report_multiple_bugs=False,
        suppress_health_check=SUPPRESSED,
        verbosity=Verbosity.quiet,
    )
