"""Reads a ranking that a gateway has put in another shape.

The shape is one fault. What the ranking says can be judged all the same.
"""

from collections.abc import Iterator

from ..contract import AnyJson
from ..exchanges import is_array, is_object, member

#: Names that neighbouring APIs have for the list of results, and for the score of one.
_LISTS = ("results", "data", "rankings", "output")
_SCORES = ("relevance_score", "score", "relevance", "relevanceScore")


def meant(body: AnyJson) -> AnyJson:
    """An answer as the page has it, as far as it can be read; what cannot is left as it is."""
    for answer in _objects({"results": body} if is_array(body) else body):
        for name in _LISTS:
            results = member(answer, name)
            if is_array(results) and results and all(map(_is_result, results)):
                return {**answer, "results": [_result(each) for each in results]}
    return body


def _objects(body: AnyJson) -> Iterator[dict[str, AnyJson]]:
    """The object itself, and those that it wraps; the outermost first."""
    level = [body]
    while level := [each for each in level if is_object(each)]:
        yield from level
        level = [inner for outer in level for inner in outer.values()]


def _is_result(entry: AnyJson) -> bool:
    return is_object(entry) and _number(member(entry, "index")) is not None


def _result(entry: dict[str, AnyJson]) -> dict[str, AnyJson]:
    index = _number(entry["index"])
    scores = [_number(entry[name]) for name in _SCORES if name in entry]
    is_whole = index is not None and index.is_integer()
    return {
        **entry,
        "index": int(index or 0) if is_whole else entry["index"],
        "relevance_score": scores[0] if scores else None,
    }


def _number(value: AnyJson) -> float | None:
    """A number that may be printed as a text."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None
