"""Mutants: wrappers that make a conforming target break one requirement. They prove the judge."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from .exchanges import Answer, Request
from .targets import Target

Send: TypeAlias = Callable[[Request], Answer]


@dataclass(frozen=True)
class Mutant:
    """One fault, and the requirement that it breaks."""

    name: str
    requirement: str
    #: Answers a request wrongly, with the help of the target that it wraps.
    answer: Callable[[Send, Request], Answer]


MUTANTS: dict[str, Mutant] = {}


@dataclass(frozen=True)
class MutatedTarget:
    """A target that a mutant stands before."""

    target: Target
    mutant: Mutant

    @property
    def base_url(self) -> str:
        """Where the target is."""
        return self.target.base_url

    def send(self, request: Request) -> Answer:
        """Send one request by way of the mutant."""
        return self.mutant.answer(self.target.send, request)
