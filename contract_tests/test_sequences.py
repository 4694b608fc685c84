"""Response: what holds for a single call holds in any order of calls, keys and models."""

from dataclasses import dataclass

import pytest
from hypothesis import strategies as st

from .contract import Json, Model, model_named
from .exchanges import Credential, Request
from .judge import Judge
from .relations import same_ranking, scores
from .strategies import faults, faulty, plainest, valid


@dataclass(frozen=True)
class Step:
    """One call of a sequence."""

    body: Json
    #: The requirement that is broken where the call is accepted; None for a valid call.
    refused_by: str | None = None
    credential: Credential = Credential.KEY


@st.composite
def steps(draw: st.DrawFn, models: list[Model]) -> Step:
    """Draw a valid call, or one with a fault in the body or with an invalid key."""
    model = draw(st.sampled_from(models))
    kind = draw(st.sampled_from(["valid", "valid", "fault", "stranger"]))
    if kind == "valid":
        return Step(draw(st.one_of(st.just(plainest(model)), valid(model))))
    if kind == "stranger":
        return Step(plainest(model), "authorization.invalid_key", Credential.INVALID)
    fault = draw(st.sampled_from(faults(model)))
    return Step(draw(faulty(model, fault)), fault.requirement)


@pytest.mark.requirement("response.results.own")
@pytest.mark.models("classic")
@pytest.mark.effort("standard")
def test_an_answer_does_not_depend_on_the_calls_before_it(judge: Judge, model: Model) -> None:
    served = [model_named(name) for name, reason in judge.run.models.items() if reason is None]

    def prove(sequence: list[Step]) -> None:
        for step in sequence:
            if step.refused_by:
                judge.refuses(step.refused_by, Request(step.body, credential=step.credential))
            else:
                again = judge.ranks("endpoint.rerank", step.body)
                first = judge.reference(step.body)
                difference = same_ranking(scores(first), scores(again))
                judge.compare("response.results.own", difference, first, again)

    judge.examine(st.lists(steps(served or [model]), min_size=4, max_size=10), prove)
