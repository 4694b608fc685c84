"""Response: what holds for a single call holds in any order of calls, callers and models."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, rule

from .checks.relations import same_ranking, scores
from .contract import AnyJson, Model
from .exchanges import Credential, Request
from .judging.judge import Judge
from .strategies import Body, Strategies

#: Credentials that must be refused, and the requirement that is broken otherwise.
_STRANGERS = {
    Credential.INVALID: "authorization.invalid_key",
    Credential.NONE: "authorization.required",
}


@dataclass(frozen=True)
class PlannedCall:
    """One call of a sequence."""

    body: AnyJson
    credential: Credential
    #: The requirement that is broken where the call is accepted; None for a valid call.
    refused_by: str | None = None


def _of_a_model(
    draw: Callable[[Strategies, Model], st.SearchStrategy[Any]],
) -> st.SearchStrategy[Any]:
    """What `draw` makes of one of the models of the machine."""
    return st.runner().flatmap(
        lambda calls: st.sampled_from(calls.models).flatmap(
            lambda model: draw(calls.strategies, model)
        )
    )


def _body(strategies: Strategies, model: Model) -> st.SearchStrategy[Body]:
    """A valid body."""
    return st.one_of(st.just(strategies.plainest(model)), strategies.valid(model))


def _fault(strategies: Strategies, model: Model) -> st.SearchStrategy[tuple[str, AnyJson]]:
    """The requirement that a body breaks, and the body."""
    return st.sampled_from(strategies.faults(model)).flatmap(
        lambda fault: st.tuples(st.just(fault.requirement), strategies.faulty(model, fault))
    )


_BODIES = _of_a_model(_body)
_CALLERS = st.runner().flatmap(lambda calls: st.sampled_from(calls.callers[::-1]))


class CallSequence(RuleBasedStateMachine):
    """Writes down a sequence of calls; `hold` sends it, when it is complete."""

    #: Bodies that were ranked earlier in the sequence.
    asked = Bundle("asked")

    def __init__(
        self,
        strategies: Strategies,
        models: Sequence[Model],
        callers: Sequence[Credential],
        hold: Callable[[list[PlannedCall]], None],
    ) -> None:
        super().__init__()
        self.strategies = strategies
        self.models = models
        self.callers = callers
        self._hold = hold
        self._steps: list[PlannedCall] = []

    @initialize(target=asked, body=_BODIES)
    def begin(self, body: Body) -> Body:
        """Send a valid call."""
        self._steps.append(PlannedCall(body, Credential.KEY))
        return body

    @rule(target=asked, body=_BODIES, caller=_CALLERS)
    def ask(self, body: Body, caller: Credential) -> Body:
        """Send a valid call, as any caller."""
        self._steps.append(PlannedCall(body, caller))
        return body

    @rule(body=asked, caller=_CALLERS)
    def ask_again(self, body: Body, caller: Credential) -> None:
        """Repeat a call, or let another caller send the same."""
        self._steps.append(PlannedCall(body, caller))

    @rule(fault=_of_a_model(_fault), caller=_CALLERS)
    def ask_wrongly(self, fault: tuple[str, AnyJson], caller: Credential) -> None:
        """Send a body with one fault."""
        requirement, body = fault
        self._steps.append(PlannedCall(body, caller, requirement))

    @rule(body=asked, stranger=st.sampled_from(list(_STRANGERS)))
    def ask_as_a_stranger(self, body: Body, stranger: Credential) -> None:
        """Send what was answered before, without a valid key."""
        self._steps.append(PlannedCall(body, stranger, _STRANGERS[stranger]))

    def teardown(self) -> None:
        """Send the sequence, unless Hypothesis gave up drawing it."""
        if sys.exc_info()[0] is None:
            self._hold(self._steps)


@pytest.mark.requirement("response.results.own")
@pytest.mark.models("classic")
@pytest.mark.effort("standard")
@pytest.mark.sends(requests=11, tokens=520)
def test_an_answer_does_not_depend_on_the_calls_before_it(judge: Judge, model: Model) -> None:
    def prove(sequence: list[PlannedCall]) -> None:
        # The first call once more, so that what the last one spoilt shows in its own sequence.
        for step in (*sequence, sequence[0]):
            request = Request(step.body, credential=step.credential)
            if step.refused_by:
                judge.refuses(step.refused_by, request)
            else:
                again = judge.ranks("endpoint.rerank", step.body, step.credential)
                first = judge.reference(step.body)
                difference = same_ranking(scores(first), scores(again))
                judge.compare("response.results.own", difference, first, again)

    judge.examine_machine(
        lambda hold: CallSequence(judge.draw, judge.served(model), judge.run.callers, hold),
        prove,
    )
