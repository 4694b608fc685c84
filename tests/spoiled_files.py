"""A good file of JSON with one thing wrong in it, for each thing and each way to be wrong."""

from collections.abc import Iterator

from contract_tests.contract import AnyJson
from contract_tests.exchanges import is_array, is_object

#: One value of each type, and some that are hard to print or to convert.
WRONG: tuple[AnyJson, ...] = (
    *(None, True, -1, 1.5, 10**400, "", "x", "\ud800", "\0\x1b[31m\n", [], [None], {}),
    {"": None},
)


def spoiled(good: AnyJson) -> Iterator[AnyJson]:
    """Each value replaced by each wrong one of another kind, and each member left out."""
    for wrong in WRONG:
        if wrong != good:
            yield wrong
    if is_object(good):
        for name, value in good.items():
            yield {other: good[other] for other in good if other != name}
            for inner in spoiled(value):
                yield {**good, name: inner}
    if is_array(good) and good:
        for inner in spoiled(good[0]):
            yield [inner, *good[1:]]
