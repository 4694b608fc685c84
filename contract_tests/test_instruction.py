"""Body: instruction."""

import pytest
from hypothesis import strategies as st

from .contract import Model
from .judging.judge import Judge
from .strategies import Fault, valid, values

FIELD = "instruction"


@pytest.mark.faults(FIELD)
def test_a_wrong_instruction_is_refused(judge: Judge, model: Model, fault: Fault) -> None:
    judge.examine_fault(model, fault)


@pytest.mark.requirement("request.instruction.supported")
@pytest.mark.models(supports=FIELD)
def test_an_instruction_is_accepted(judge: Judge, model: Model) -> None:
    judge.examine(
        values(FIELD).flatmap(lambda instruction: valid(model, instruction=instruction)),
        lambda body: judge.accepts("request.instruction.supported", body),
    )


@pytest.mark.requirement("request.instruction.minLength")
@pytest.mark.models(supports=FIELD)
def test_an_instruction_of_one_character_is_accepted(judge: Judge, model: Model) -> None:
    judge.examine(
        st.sampled_from("a苹é1").flatmap(lambda text: valid(model, instruction=text)),
        lambda body: judge.accepts("request.instruction.minLength", body),
    )


@pytest.mark.requirement("request.instruction.gated")
@pytest.mark.models(lacks=FIELD)
def test_a_model_without_instruction_refuses_or_ignores_it(judge: Judge, model: Model) -> None:
    judge.examine_gate(model, FIELD)
