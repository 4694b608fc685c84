"""Draws generated mutants that count: those that break the page in answers to the pool.

pytest runs this module for its fixture, which provides the target.
"""

import json
from dataclasses import dataclass, field

import pytest

from ..contract import Contract, load_contract
from ..exchanges import Answer, Request
from ..targets import Target
from .generated import GeneratedMutant, Generator
from .operators import Body
from .pool import pool
from .predicate import Predicate

#: An operator is given up after that many draws of which none counts.
PATIENCE = 300


@dataclass(frozen=True)
class Counted:
    """A mutant that counts, and why."""

    name: str
    operator: str
    #: What the page forbids.
    breach: str
    #: The request whose answer shows it.
    body: Body


@dataclass(eq=False)
class Sample:
    """A plugin: says how many mutants are wanted, and keeps those that are drawn."""

    size: int
    seed: int
    counted: list[Counted] = field(default_factory=list[Counted])

    @pytest.fixture
    def sample(self) -> "Sample":
        """Hand itself to the test."""
        return self


@pytest.mark.rerank_mock(fail_on="nothing", assert_all_met=False)
def test_which_mutants_count(pytestconfig: pytest.Config, target: Target, sample: Sample) -> None:
    """Fill the sample."""
    contract = load_contract(pytestconfig.getoption("revision"))
    sample.counted += draw(Pool(contract, target), sample.size, sample.seed)


class Pool:
    """The requests of the pool that a target serves, with its own answers."""

    def __init__(self, contract: Contract, target: Target) -> None:
        self.contract = contract
        self._target = target
        asked = {json.dumps(body): (body, target.send(Request(body))) for body in pool(contract)}
        self._answers = {
            name: answer for name, (_, answer) in asked.items() if answer.status == 200
        }
        self._bodies = [body for name, (body, _) in asked.items() if name in self._answers]

    def breach(self, mutant: GeneratedMutant) -> Counted | None:
        """The first breach in the answers of a mutant of the target; None where there is none."""
        unused, answerer = dict(self._answers), mutant.answerer()
        predicate = Predicate(self.contract)

        def send(request: Request) -> Answer:
            # An id is good for one answer: asked again, the target answers itself.
            kept = unused.pop(json.dumps(request.body), None)
            return self._target.send(request) if kept is None else kept

        for body in self._bodies:
            found = predicate.breach(body, lambda asked: answerer(send, Request(asked)))
            if found:
                return Counted(mutant.name, mutant.alteration.operator, found, body)
        return None


def draw(pool: Pool, size: int, seed: int) -> list[Counted]:
    """Draw so many mutants that count, of each operator as many as of any other."""
    generator = Generator(pool.contract)
    left = {operator: generator.drawn(operator, seed) for operator in generator.operators}
    counted: dict[str, Counted] = {}
    known: set[str] = set()
    while left and len(counted) < size:
        for operator, drawn in list(left.items())[: size - len(counted)]:
            for _, mutant in zip(range(PATIENCE), drawn, strict=False):
                found = None if mutant.name in known else pool.breach(mutant)
                known.add(mutant.name)
                if found:
                    counted[found.name] = found
                    break
            else:
                del left[operator]
    return list(counted.values())
