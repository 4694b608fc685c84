"""A violation is a record: what was expected, what was received, and in which exchange."""

from dataclasses import dataclass

from ..exchanges import Exchange


@dataclass(frozen=True)
class Violation:
    """One breach of one requirement. Text, curl and reports are made of it at the edge."""

    #: Id of the requirement that is broken.
    requirement: str
    expected: str
    received: str
    #: The exchanges that show it; the last one is the one to look at first.
    exchanges: tuple[Exchange, ...]
    #: Name of the test that found it; the ledger puts it in.
    test: str = ""

    @property
    def size(self) -> int:
        """How much there is to read: bytes sent."""
        return sum(len(exchange.request.content or b"") for exchange in self.exchanges)


def shorten(value: object, limit: int = 200) -> str:
    """`value` as one line of at most `limit` characters."""
    text = printable(value) if isinstance(value, str) else repr(value)
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text)} characters)"


def printable(text: str, *, keep: str = "") -> str:
    """`text` in which every character shows, and none commands a terminal or turns the direction.

    It is on one line, unless line breaks are among the characters to `keep`.
    """
    if text.isprintable():
        return text
    return "".join(
        letter if letter.isprintable() or letter in keep else repr(letter)[1:-1] for letter in text
    )
