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


def cut(full: Mapping[int, float], part: Mapping[int, float]) -> Iterator[Finding]:
    """Findings where `part` is not a cut of `full`: it has other documents, or other scores."""
    yield from most_relevant(full, part)
    yield from same_ranking({index: full[index] for index in part if index in full}, part)


def wrong_chunks(every: Mapping[int, float], first: Mapping[int, float]) -> Iterator[Finding]:
    """Findings where a document, ranked by its first chunk and by all, is not ranked by the best.

    Documents 1 and 2 end in the same telling passage; there is more filler before that of 2.
    """
    for index in (1, 2):
        if every[index] < first[index] and not close(every[index], first[index]):
            expected = f"at least {first[index]} for document {index}, as its first chunk has"
            yield expected, f"score {every[index]}"
    # Where the end of 1 lies beyond the first chunk, that of 2 does.
    if not close(every[1], first[1]) and close(every[2], first[2]):
        expected = f"a higher score for document 2 than {first[2]}, that of its first chunk"
        yield expected, f"score {every[2]}"


def unread_passages(
    moved: Mapping[int, float], every: Mapping[int, float], first: Mapping[int, float]
) -> Iterator[Finding]:
    """Findings where a document has the score of filler, though the passage is somewhere in it.

    `every` and `first` are as in `wrong_chunks`, where the first chunk of document 1 is filler.
    """
    if close(every[1], first[1]):
        return
    for index, score in moved.items():
        if score < every[1] and close(score, first[1]):
            yield f"about {every[1]} for document {index}", f"score {score}, that of filler"


def fall_with_filler(every: Mapping[int, float], first: Mapping[int, float]) -> Iterator[Finding]:
    """Findings where filler lowers the score of a passage: more and more, or to that of filler.

    Document 0 is the passage alone; for the others see `wrong_chunks`.
    """
    falls = [every[0] > every[long] and not close(every[0], every[long]) for long in (1, 2)]
    steadily = every[1] > every[2] and not close(every[1], every[2])
    unread = all(close(every[long], first[long]) for long in (1, 2))
    if all(falls) and (steadily or unread):
        yield f"about {every[0]}, as the passage alone has", f"scores {every[1]} and {every[2]}"
