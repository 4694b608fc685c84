"""Body: what the schemas and the table of models say of each field, whichever fields there are."""

import pytest

from .contract import Model
from .judging.judge import Judge
from .judging.properties import examine_bound, examine_default, examine_fault, examine_gate
from .strategies import Bound, Fault


@pytest.mark.sends(tokens=0)
def test_a_body_with_one_fault_is_refused(judge: Judge, model: Model, fault: Fault) -> None:
    examine_fault(judge, model, fault)


def test_a_value_at_a_bound_is_accepted(judge: Judge, model: Model, bound: Bound) -> None:
    examine_bound(judge, model, bound)


def test_a_supported_field_is_accepted(judge: Judge, model: Model, supported: str) -> None:
    judge.examine(
        judge.draw.values(supported).flatmap(
            lambda value: judge.draw.valid(model, **{supported: value})
        ),
        lambda body: judge.accepts(f"request.{supported}.supported", body),
    )


@pytest.mark.sends(requests=2, smoke=1)
def test_an_unsupported_field_is_refused_or_ignored(
    judge: Judge, model: Model, unsupported: str
) -> None:
    examine_gate(judge, model, unsupported)


@pytest.mark.sends(requests=2, smoke=1)
def test_a_default_ranks_as_leaving_it_out_does(judge: Judge, model: Model, defaulted: str) -> None:
    examine_default(judge, model, defaulted)
