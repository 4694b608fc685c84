"""Phrases that messages share."""


def count_of(number: int, noun: str) -> str:
    """Return a number and its noun, which agree: `1 request`, `3 requests`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
