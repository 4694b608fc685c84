"""Numbers with their nouns."""


def counted(number: int, noun: str, plural: str = "") -> str:
    """`1 request`, `2 requests`; `plural` is for nouns that take another ending."""
    return f"{number} {noun if number == 1 else plural or f'{noun}s'}"
