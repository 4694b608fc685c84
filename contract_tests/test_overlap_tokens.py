"""Body: overlap_tokens."""

import pytest
from hypothesis import strategies as st

from .contract import Model, keywords
from .judging.judge import Judge
from .strategies import Fault, valid

FIELD = "overlap_tokens"
SCHEMA = keywords(f"request.classic#/properties/{FIELD}")


@pytest.mark.faults(FIELD)
def test_a_wrong_overlap_tokens_is_refused(judge: Judge, model: Model, fault: Fault) -> None:
    judge.examine_fault(model, fault)


@pytest.mark.requirement("request.overlap_tokens.supported")
@pytest.mark.models(supports=FIELD)
def test_an_overlap_tokens_is_accepted(judge: Judge, model: Model) -> None:
    inside = st.integers(SCHEMA["minimum"][1] + 1, SCHEMA["maximum"][1] - 1)
    judge.examine(
        inside.flatmap(lambda number: valid(model, overlap_tokens=number)),
        lambda body: judge.accepts("request.overlap_tokens.supported", body),
    )


@pytest.mark.parametrize(
    "bound",
    [
        pytest.param(bound, marks=pytest.mark.requirement(f"request.{FIELD}.{bound}"))
        for bound in ("minimum", "maximum")
    ],
)
@pytest.mark.models(supports=FIELD)
def test_a_bound_of_overlap_tokens_is_accepted(judge: Judge, model: Model, bound: str) -> None:
    judge.examine(
        valid(model, overlap_tokens=SCHEMA[bound][1]),
        lambda body: judge.accepts(f"request.overlap_tokens.{bound}", body),
    )


@pytest.mark.requirement("request.overlap_tokens.gated")
@pytest.mark.models(lacks=FIELD)
def test_a_model_without_overlap_tokens_refuses_or_ignores_it(judge: Judge, model: Model) -> None:
    judge.examine_gate(model, FIELD)
