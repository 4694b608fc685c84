"""The requests that everything is measured with, and the mock that answers all of them."""

from itertools import count
from random import Random

import orjson

from mockserver.state.store import State

MODEL = "BAAI/bge-reranker-v2-m3"
#: A model that costs money, so that each decision changes its account.
PAID_MODEL = "Qwen/Qwen3-Reranker-0.6B"

WORDS = (
    *("apple", "banana", "fruit", "vegetable", "orchard", "market", "river", "library"),
    *("苹果", "香蕉", "水果", "蔬菜", "学习"),
)


def _large() -> list[str]:
    random = Random(0)
    return [" ".join(random.choices(WORDS, k=40)) for _ in range(1000)]


def texts(documents: int = 100, length: int = 200) -> list[str]:
    """Return so many documents of so many words, as diverse as those of a language."""
    random = Random(0)
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = ["".join(random.choices(letters, k=random.randint(3, 9))) for _ in range(3000)]
    return [" ".join(random.choices(words, k=length)) for _ in range(documents)]


SHORT = "4 documents of a word"

#: Request bodies by the name that the table of figures gives them.
REQUESTS = {
    name: orjson.dumps({"model": MODEL, "query": "Apple", "documents": documents})
    for name, documents in {
        SHORT: ["apple", "banana", "fruit", "vegetable"],
        "1000 documents of 40 words": _large(),
    }.items()
}


_NUMBERS = count(1)


def unlike(body: bytes) -> bytes:
    """Return a request that is like this one, with a query that no other has."""
    return body.replace(b'"query":"', b'"query":"%08d ' % next(_NUMBERS), 1)


def unlimited() -> State:
    """Return a mock without limits: refusals are not what is measured."""
    state = State()
    for account in [*state.accounts]:
        state.change_account(account, limits={})
    return state
