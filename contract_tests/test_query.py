"""Body: query."""

import pytest
from hypothesis import strategies as st

from .contract import Model
from .judging.judge import Judge
from .strategies import Fault, valid


@pytest.mark.faults("query")
def test_a_wrong_query_is_refused(judge: Judge, model: Model, fault: Fault) -> None:
    judge.examine_fault(model, fault)


@pytest.mark.requirement("request.query.minLength")
def test_a_query_of_one_character_is_accepted(judge: Judge, model: Model) -> None:
    judge.examine(
        st.sampled_from("a苹é1").flatmap(lambda query: valid(model, query=query)),
        lambda body: judge.accepts("request.query.minLength", body),
    )
