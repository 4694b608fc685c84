"""Relations: checks over two exchanges.

Services are not repeatable bit for bit: scores are compared with a tolerance, and the order of
near ties is never judged.
"""

from collections.abc import Iterator, Mapping, Sequence

from ..exchanges import Exchange
from .check import Finding

#: Scores closer than this, relative to the larger of them and 1, count as the same.
TOLERANCE = 0.02


def scores(exchange: Exchange, order: Sequence[int] | None = None) -> dict[int, float]:
    """Index -> score. `order[i]` is the index that the document at `i` is to be known by."""
    return {
        order[result.index] if order else result.index: result.score
        for result in exchange.ranking or ()
        if order is None or result.index < len(order)
    }


def close(one: float, other: float) -> bool:
    """Whether two scores are too near to tell which is higher."""
    return abs(one - other) <= TOLERANCE * max(1.0, abs(one), abs(other))


def same_ranking(one: Mapping[int, float], other: Mapping[int, float]) -> Iterator[Finding]:
    """Findings where two rankings give a document different scores, or only one has it.

    A document that only one ranking has is no difference where it ties with the last of the
    other: either may have been cut off.
    """
    for index in sorted(one.keys() | other.keys()):
        first, second = one.get(index), other.get(index)
        if first is None or second is None:
            present, cut = (one, other) if second is None else (other, one)
            if not cut or not close(present[index], min(cut.values())):
                yield f"document {index} in both rankings", "it is in one of them"
        elif not close(first, second):
            yield f"score {first} for document {index}", f"score {second}"


def most_relevant(full: Mapping[int, float], part: Mapping[int, float]) -> Iterator[Finding]:
    """Findings where `part` has a document although `full` has enough better ones."""
    bar = sorted(full.values(), reverse=True)[: max(len(part), 1)][-1]
    for index in part:
        score = full.get(index)
        if score is None or (score < bar and not close(score, bar)):
            best = sorted(full, key=full.__getitem__, reverse=True)[: len(part)]
            yield f"the documents {sorted(best)}", f"the documents {sorted(part)}"
            return
