from ast import literal_eval

from hypothesis import given
from hypothesis import strategies as st

from contract_tests.checks.violations import Violation, printable, shorten
from tests.contract_tests.exchanging import exchange


@given(st.text(st.characters(exclude_characters='"\\')))
def test_every_character_shows_and_none_is_lost(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    assert literal_eval(f'"{shown}"') == text


def test_line_breaks_stay_where_they_are_kept() -> None:
    assert printable("a\n\x1b[31m\u202eb\r", keep="\n") == "a\n\\x1b[31m\\u202eb\\r"


@given(st.text(), st.integers(1, 50))
def test_a_long_text_is_cut_and_its_length_is_told(text: str, limit: int) -> None:
    short, shown = shorten(text, limit), printable(text)
    if len(shown) <= limit:
        assert short == shown
    else:
        assert short == f"{shown[:limit]}… ({len(shown)} characters)"


def test_what_is_no_text_is_shown_as_python_writes_it() -> None:
    assert shorten({"a": None}) == "{'a': None}"


def test_the_size_of_a_violation_is_what_was_sent() -> None:
    one, other, none = exchange(b"12"), exchange(b"345"), exchange(None)
    assert Violation("response.id.type", "a", "b", (one, other, none)).size == 5
