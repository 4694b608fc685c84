"""What a rule is that gives advice on what a client sent.

Nothing here changes an answer.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, ParamSpec

from ..state.exchanges import Advice, Severity

Looked = ParamSpec("Looked")


@dataclass(frozen=True, slots=True)
class Rule(Generic[Looked]):
    """One kind of advice."""

    #: Published; never changes its meaning.
    id: str
    severity: Severity
    #: What the client did.
    sentence: str
    #: Yields a hint for each thing that it finds.
    find: Callable[Looked, Iterator[str]]
    #: Whether there is anything to look for. It is asked of every request: it must be quick.
    when: Callable[Looked, object]

    def advise(self, *args: Looked.args, **kwargs: Looked.kwargs) -> Iterator[Advice]:
        """Yield the advice on each thing that it finds."""
        for hint in self.find(*args, **kwargs):
            yield Advice(self.id, self.severity, self.sentence, hint)


def rule(
    identifier: str, severity: Severity, *, when: Callable[Looked, object]
) -> Callable[[Callable[Looked, Iterator[str]]], Rule[Looked]]:
    """Make a rule of a function that yields hints; its docstring is the sentence."""

    def decorate(find: Callable[Looked, Iterator[str]]) -> Rule[Looked]:
        # The id in words, where Python runs without docstrings.
        sentence = find.__doc__ or f"{identifier.replace('_', ' ').capitalize()}."
        return Rule(identifier, severity, sentence, find, when)

    return decorate
