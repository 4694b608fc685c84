"""Errors: what refusals look like. That bad requests are refused is tested field by field."""

import pytest

from .contract import Model
from .judging.judge import Judge
from .judging.properties import examine_fault


@pytest.mark.states("error")
@pytest.mark.requirement(
    "error.status.listed",
    "error.status.bad_request",
    "error.header.trace_id",
    "error.key_hidden",
)
@pytest.mark.models("first")
@pytest.mark.effort("standard")
@pytest.mark.brief
@pytest.mark.sends(tokens=0)
def test_a_refusal_has_a_message(judge: Judge, model: Model) -> None:
    missing = next(fault for fault in judge.draw.faults(model) if fault.wrong is None)
    examine_fault(judge, model, missing)
