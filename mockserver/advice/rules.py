"""A rule, which gives advice about what a client sent. No rule changes an answer."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, ParamSpec

from ..state.exchanges import Advice, Severity

Looked = ParamSpec("Looked")


@dataclass(frozen=True, slots=True)
class Rule(Generic[Looked]):
    """One kind of advice."""

    #: Public; its meaning never changes.
    id: str
    severity: Severity
    #: What the client did.
    sentence: str
    #: Yields a hint for each thing that it finds.
    find: Callable[Looked, Iterator[str]]

    def advise(self, *args: Looked.args, **kwargs: Looked.kwargs) -> Iterator[Advice]:
        """Yield the advice on each thing that it finds."""
        for hint in self.find(*args, **kwargs):
            yield Advice(self.id, self.severity, self.sentence, hint)


def rule(
    identifier: str, severity: Severity
) -> Callable[[Callable[Looked, Iterator[str]]], Rule[Looked]]:
    """Turn a function that yields hints into a rule; its docstring is the sentence."""

    def decorate(find: Callable[Looked, Iterator[str]]) -> Rule[Looked]:
        # Without docstrings (python -OO) the id has to do.
        sentence = find.__doc__ or f"{identifier.replace('_', ' ').capitalize()}."
        return Rule(identifier, severity, sentence, find)

    return decorate
