"""The requests that everything is measured with, and the mock that answers all of them."""

from random import Random

import orjson

from mockserver.state.store import State

MODEL = "BAAI/bge-reranker-v2-m3"

WORDS = (
    *("apple", "banana", "fruit", "vegetable", "orchard", "market", "river", "library"),
    *("苹果", "香蕉", "水果", "蔬菜", "学习"),
)


def _large() -> list[str]:
    random = Random(0)
    return [" ".join(random.choices(WORDS, k=40)) for _ in range(1000)]


#: Request bodies by the name that the table of figures gives them.
REQUESTS = {
    name: orjson.dumps({"model": MODEL, "query": "Apple", "documents": documents})
    for name, documents in {
        "4 documents of a word": ["apple", "banana", "fruit", "vegetable"],
        "1000 documents of 40 words": _large(),
    }.items()
}


def unlimited() -> State:
    """Return a mock without limits: refusals are not what is measured."""
    state = State()
    for account in [*state.accounts]:
        state.change_account(account, limits={})
    return state
