"""What the cost of a request depends on: what is measured for each plot.

Each panel has two lines, the mock and the bare work on the same requests. All their points are
multiples of one small piece of bare work, so that the height of a line is what a request costs, and
the gap between the lines what the mock adds.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from itertools import cycle
from typing import Any, NamedTuple

import orjson

from mockserver.state.accounts import UNLIMITED
from mockserver.state.store import State
from mockserver.wire import Json, Request

from .in_process import ENGINE, HEADERS, parse_and_print, rerank
from .measuring import Comparison, Side
from .plots import Labels
from .requests import MODEL, PAID_MODEL, REQUESTS, SHORT, WORDS, texts, unlimited
from .served import BURST, CONSTANT, MOCK, Crowd, mock_served, served

ROUNDS = 21

#: A model of the smallest context, which a text is soon longer than.
SMALL_MODEL = "netease-youdao/bce-reranker-base_v1"

#: Limits that no account meets, and that are counted all the same.
WIDE: Json = {"RPM": 10**12, "TPM": 10**12}

BARE = "`orjson`: the request parsed, the answer printed"
QUERY = "apple market river"

COST = "CPU per request; 1 = parse and print 4 words"
COST_SERVED = "CPU per request; 1 = a constant answer"


class Step(NamedTuple):
    """A value of what is varied, and the mock and the bare work at that value."""

    value: int
    mock: Comparison
    bare: Comparison


def post(body: dict[str, Any], key: str | None = None) -> Request:
    """Return a request for a ranking."""
    headers = HEADERS if key is None else {**HEADERS, "authorization": f"Bearer {key}"}
    return Request("POST", "/v1/rerank", "", headers, orjson.dumps(body))


def step(value: int, name: str, mock: Side, bare: Side) -> Step:
    """Compare the engine, and the bare work on its requests, with the bare work on a small one."""
    unit = parse_and_print(unlimited(), post(orjson.loads(REQUESTS[SHORT])))
    baseline = f"{BARE}, for {SHORT}"
    return Step(
        value,
        Comparison(ENGINE, baseline, name, mock, unit, rounds=ROUNDS),
        Comparison(BARE, baseline, name, bare, unit, rounds=ROUNDS),
    )


def asked(state: State, value: int, name: str, body: dict[str, Any]) -> Step:
    """Return what is measured of one request."""
    request = post(body)
    return step(value, name, Side(partial(rerank, state, request)), parse_and_print(state, request))


def documents() -> Iterator[Step]:
    """Rank ever more documents of a word."""
    for count in (1, 3, 10, 30, 100, 300, 1000):
        words = [WORDS[place % len(WORDS)] for place in range(count)]
        body = {"model": MODEL, "query": "Apple", "documents": words}
        yield asked(unlimited(), count, f"documents of a word: {count:,}", body)


def length() -> Iterator[Step]:
    """Rank one document that is ever longer."""
    for words in (10, 30, 100, 300, 1000, 3000, 10_000):
        body = {"model": MODEL, "query": QUERY, "documents": texts(1, words)}
        yield asked(unlimited(), words, f"a document of words: {words:,}", body)


def overlap() -> Iterator[Step]:
    """Rank a document of many chunks that overlap ever more."""
    state = unlimited()
    state.change_model(SMALL_MODEL, state="online")
    body = {"model": SMALL_MODEL, "query": QUERY, "documents": texts(1, 10_000)}
    for tokens in (0, 20, 40, 60, 80):
        options = {"max_chunks_per_doc": 1024, "overlap_tokens": tokens}
        yield asked(state, tokens, f"20 chunks, overlap of tokens: {tokens}", body | options)


def accounts() -> Iterator[Step]:
    """Ask for one account after the other, where there are ever more of them."""
    for count in (1, 10, 100, 1000, 10_000, 100_000):
        keys = [f"sk-{number}" for number in range(count)]
        state = State(keys=keys, terms={**UNLIMITED, "limits": WIDE})
        # One that costs money, so that each request changes its account.
        body = orjson.loads(REQUESTS[SHORT]) | {"model": PAID_MODEL}
        requests = cycle([post(body, key) for key in keys])

        def call(state: State = state, requests: Iterator[Request] = requests) -> None:
            rerank(state, next(requests))

        name = f"{SHORT}, accounts: {count:,}"
        yield step(count, name, Side(call), parse_and_print(state, post(body, keys[0])))


def connections() -> Iterator[Step]:
    """Ask on ever more connections at once."""
    body = REQUESTS[SHORT]
    with mock_served() as mock, served("benchmarks.bare") as bare, ExitStack() as whole:
        constant = f"/{len(mock.post('/v1/rerank', body))}"
        alone = Crowd(bare, 1, whole)
        unit = Side(partial(alone.post, constant, body), bare.clock, BURST)
        for size in (1, 2, 4, 8, 16, 32, 64):
            with ExitStack() as stack:
                ours, theirs = Crowd(mock, size, stack), Crowd(bare, size, stack)
                answering = Side(partial(ours.post, "/v1/rerank", body), mock.clock, BURST)
                least = Side(partial(theirs.post, constant, body), bare.clock, BURST)
                name, baseline = f"{SHORT}, connections: {size}", f"{CONSTANT}, 1 connection"
                yield Step(
                    size,
                    Comparison(MOCK, baseline, name, answering, unit, rounds=ROUNDS),
                    Comparison(CONSTANT, baseline, name, least, unit, rounds=ROUNDS),
                )


#: What is varied in each plot.
SERIES: Mapping[Labels, Callable[[], Iterator[Step]]] = {
    Labels("Number of documents", "documents of a word", COST): documents,
    Labels("Length of a document", "words of one document", COST): length,
    Labels("Overlap of chunks", "overlap_tokens, in chunks of 509", COST, is_linear=True): overlap,
    Labels("Accounts", "open accounts", COST): accounts,
    Labels("Connections", "connections at once", COST_SERVED): connections,
}
