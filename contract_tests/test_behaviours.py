"""What the contract leaves open: one probe for each switch of behaviours.json."""

import pytest

from .contract import Model
from .judging.judge import Judge
from .judging.properties import examine_switch


@pytest.mark.effort("standard")
@pytest.mark.sends(tokens=20, examples=1)
def test_what_the_contract_leaves_open_is_observed(judge: Judge, model: Model, switch: str) -> None:
    examine_switch(judge, model, switch)
