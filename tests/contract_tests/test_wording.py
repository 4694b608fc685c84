"""How things are said: numbers with their nouns, suggestions, texts cut short."""

import pytest

from contract_tests.wording import brief, counted, hint, hint_or_all


@pytest.mark.parametrize(("number", "said"), [(0, "0 entries"), (1, "1 entry"), (2, "2 entries")])
def test_a_noun_agrees_with_its_number(number: int, said: str) -> None:
    assert counted(number, "entry", "entries") == said
    assert counted(number, "more request") == f"{number} more request{'s' * (number != 1)}"


def test_what_may_have_been_meant_is_suggested() -> None:
    assert hint("smok", ["smoke", "standard"]) == "; did you mean smoke?"
    assert hint("x", ["smoke", "standard"]) == hint("smoke" * 100, ["smoke" * 100]) == ""
    assert hint_or_all("x", ["smoke", "standard"]) == "; known are smoke, standard"


def test_a_long_text_is_cut() -> None:
    assert brief("x" * 100) == "x" * 100
    assert brief("x" * 101) == f"{'x' * 100}… (101 characters)"
