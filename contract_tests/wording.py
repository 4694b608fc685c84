"""How things are said in messages: numbers with their nouns, suggestions, and texts cut short."""

from collections.abc import Iterable
from difflib import get_close_matches

#: Longest name that anything can have been meant by, and that is repeated in full.
LONGEST = 100


def counted(number: float, noun: str, plural: str = "") -> str:
    """`1 request`, `0.5 seconds`; `plural` is for nouns that take another ending."""
    shown = f"{number:g}" if isinstance(number, float) else number
    return f"{shown} {noun if number == 1 else plural or f'{noun}s'}"


def hint(wrong: str, right: Iterable[str]) -> str:
    """What may have been meant."""
    close = get_close_matches(wrong, list(right), n=1) if len(wrong) <= LONGEST else []
    return f"; did you mean {close[0]}?" if close else ""


def hint_or_all(wrong: str, right: Iterable[str]) -> str:
    """What may have been meant, or all that there is."""
    right = list(right)
    return hint(wrong, right) or f"; known are {', '.join(right)}"


def brief(text: str, limit: int = LONGEST) -> str:
    """A text as a message can repeat it."""
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text)} characters)"
