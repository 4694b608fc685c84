"""What the contract leaves open: a probe, or a search, for each switch of behaviours.json."""

import pytest

from .contract import Model
from .judging.judge import Judge
from .judging.numbers import search_limit
from .judging.properties import examine_overflow, examine_switch


@pytest.mark.effort("standard")
@pytest.mark.sends(tokens=20, examples=1)
def test_what_the_contract_leaves_open_is_observed(judge: Judge, model: Model, switch: str) -> None:
    examine_switch(judge, model, switch)


@pytest.mark.effort("thorough")
@pytest.mark.sends(requests=14, tokens=8_000, examples=1)
def test_limits_that_the_contract_leaves_open_are_searched(
    judge: Judge, model: Model, limit: str
) -> None:
    search_limit(judge, model, limit)


@pytest.mark.effort("thorough")
@pytest.mark.sends(tokens=41_000, examples=1)
def test_what_exceeds_the_context_of_a_model_is_observed(
    judge: Judge, model: Model, overflow: str
) -> None:
    examine_overflow(judge, model, overflow)
