"""A violation is a record: what was demanded, what came, and in which exchange."""

from dataclasses import dataclass

from .exchanges import Exchange


@dataclass(frozen=True)
class Violation:
    """One breach of one requirement. Text, curl and reports are made of it at the edge."""

    #: Id of the requirement that is broken.
    requirement: str
    expected: str
    received: str
    #: The exchanges that show it; the last one is the one to look at first.
    exchanges: tuple[Exchange, ...]

    @property
    def size(self) -> int:
        """How much there is to read: bytes sent."""
        return sum(len(exchange.request.content or b"") for exchange in self.exchanges)


def shorten(value: object, limit: int = 200) -> str:
    """``value`` as one line of at most ``limit`` characters."""
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text)} characters)"
