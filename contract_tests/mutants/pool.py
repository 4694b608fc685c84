"""The pool: valid requests of many kinds, which say whether a generated mutant counts.

It is fixed and wide, and made for no check: every model, every option, sizes, lengths, scripts.
"""

from collections.abc import Iterator

from ..contract import AnyJson, Contract, Model
from .operators import Body

SIZES = (2, 3, 5, 9, 11, 17, 21, 33, 51, 65, 101, 129, 257, 501, 513, 1000)
LENGTHS = (60, 110, 270, 520, 1030, 2100, 4200, 8300, 16_500, 33_000, 66_000)
DELICATE = (
    "ends with a line break\n",
    "\r\nlines\r\nof Windows\r\n",
    "tab\tand  two spaces ",
    " \u00a0\u3000 ",
    "e\u0301 and \u00e9, \ufb01 and fi",
    "\u4e2d\u6587\u3001\u65e5\u672c\u8a9e\u3001\ud55c\uad6d\uc5b4",
    "\U0001f469\u200d\U0001f4bb \u2764\ufe0f \U00020bb7",
    "line\u2028and paragraph\u2029",
    "caf\u00e9 na\u00efve \u00bfqu\u00e9?",
    "<b>&amp; \"quoted\" 'text'</b> %20 \\n \\u0041",
    "\u201cquotes\u201d \u2018and\u2019 \u00abmore\u00bb",
    "CAPITALS and capitals",
    "capitals and CAPITALS",
    "\u200fright to left\u200e \u05e9\u05dc\u05d5\u05dd",
    "a\0b",
    "bell\x07 and delete\x7f",
)
_FRUIT = ("apple", "banana", "fruit", "vegetable")
_WORDS = ("apple", "pear", "plum", "cherry", "river", "stone", "bridge", "music", "paper", "glass")
_INSTRUCTION = "Please rerank the documents based on the query."


def pool(contract: Contract) -> Iterator[Body]:
    """Every request of the pool, the small ones first."""
    models = list(contract.models.values())
    for model in models:
        yield from _small(model)
    for model in models:
        yield from _delicate(model)
    one_of_each = {(model.form, model.supports): model for model in models}.values()
    for model in models:
        yield from _of_sizes(model, SIZES if model in one_of_each else (2, 21, 65, 257))
        yield from _of_lengths(model, LENGTHS if model in one_of_each else (1030, 8300))


def _request(model: Model, documents: AnyJson, query: str = "Apple", **options: AnyJson) -> Body:
    return {"model": model.id, "query": query, "documents": documents, **options}


def _small(model: Model) -> Iterator[Body]:
    fruit = list(_FRUIT)
    supports = model.supports or frozenset()
    yield _request(model, fruit, return_documents=True, top_n=4)
    yield _request(model, fruit)
    for top_n in (1, 2, 3, 4):
        yield _request(model, fruit, top_n=top_n)
    for returned in (True, False):
        yield _request(model, fruit, return_documents=returned)
        yield _request(model, fruit, return_documents=returned, top_n=2)
        yield _request(model, "apple", return_documents=returned)
        yield _request(model, ["apple"], return_documents=returned)
    yield _request(model, "apple", top_n=1)
    yield _request(model, fruit[::-1], return_documents=True)
    yield _request(model, [*fruit, "apple", "apple"], return_documents=True, top_n=5)
    yield _request(model, ["a"], query="a")
    yield _request(model, ["Apple", "apple", "Apple"], return_documents=True)
    yield _request(model, fruit, query="What grows on a tree, and is sweet?", return_documents=True)
    if "instruction" in supports:
        for text in (_INSTRUCTION, "a"):
            yield _request(model, fruit, instruction=text)
            yield _request(model, fruit, instruction=text, return_documents=True, top_n=3)
            yield _request(model, "apple", instruction=text, return_documents=True)
    if "max_chunks_per_doc" in supports:
        for count in (1, 2, 1024, 5000):
            yield _request(model, fruit, max_chunks_per_doc=count)
            yield _request(model, fruit, max_chunks_per_doc=count, return_documents=True, top_n=3)
    if "overlap_tokens" in supports:
        for count in (0, 1, 40, 80):
            yield _request(model, fruit, overlap_tokens=count)
            yield _request(model, fruit, overlap_tokens=count, return_documents=True, top_n=3)
        yield _request(
            model,
            fruit,
            max_chunks_per_doc=2,
            overlap_tokens=80,
            return_documents=True,
            top_n=2,
        )


def _delicate(model: Model) -> Iterator[Body]:
    for text in DELICATE:
        yield _request(model, ["apple", text, "banana"], return_documents=True)
        yield _request(model, text, return_documents=True)
        yield _request(model, ["apple", text], query=text, return_documents=True, top_n=1)
    yield _request(model, list(DELICATE), return_documents=True)
    yield _request(model, list(DELICATE), query=DELICATE[5], return_documents=True, top_n=7)


def _of_sizes(model: Model, sizes: tuple[int, ...]) -> Iterator[Body]:
    for size in sizes:
        documents = [_numbered(number) for number in range(size - 1)] + ["an apple, at last"]
        yield _request(model, documents)
        yield _request(model, documents, return_documents=True)
        yield _request(model, documents, return_documents=False, top_n=1)
        yield _request(model, documents, return_documents=True, top_n=size)
        yield _request(model, documents, return_documents=True, top_n=size // 2)
        yield _request(model, documents, top_n=size - 1)
        yield _request(model, documents[::-1], query="paper bridge", return_documents=True)


def _of_lengths(model: Model, lengths: tuple[int, ...]) -> Iterator[Body]:
    for length in lengths:
        ascii_text = ("A river runs under the bridge. " * (length // 31 + 1))[:length]
        chinese = ("\u5927\u6cb3\u4ece\u6865\u4e0b\u6d41\u8fc7\u3002" * (length // 8 + 1))[:length]
        yield _request(model, [ascii_text, "apple"], return_documents=True)
        yield _request(model, ["apple", chinese], return_documents=True, top_n=2)
        yield _request(model, ascii_text, return_documents=True)
        yield _request(model, list(_FRUIT), query=ascii_text, return_documents=True, top_n=2)


def _numbered(number: int) -> str:
    return f"{_WORDS[number % 10]} and {_WORDS[number // 10 % 10]}, number {number}"
