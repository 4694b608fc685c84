import gc
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.redaction import SECRET_HEADERS
from mockserver.scenarios.scenario import Scenario
from mockserver.state import entry as entry_module
from mockserver.state import exchanges
from mockserver.state.clock import Clock
from mockserver.state.entry import Entry, exchange_of, outcome
from mockserver.state.exchanges import Exchange, Exchanges
from mockserver.state.snapshots import StateError
from mockserver.state.store import DEFAULT_KEY, State
from mockserver.wire import Request
from tests.mockserver.asking import (
    BGE,
    CONTRACT,
    ERRORS,
    HEADERS,
    MULTIMODAL,
    OFFLINE,
    QWEN,
    ask,
    fields,
)
from tests.mockserver.bounded import work_of

KEY = "sk-very-secret"


def frozen(*keys: str) -> State:
    return State(keys=keys or (DEFAULT_KEY,), clock=Clock(1_000_000.0))


def with_key(key: str) -> dict[str, str]:
    return {**HEADERS, "authorization": f"Bearer {key}"}


def visible(entry: Entry) -> str:
    """Return everything that a reader of an entry can see."""
    return repr(entry) + json.dumps(entry.to_json())


def test_each_exchange_is_an_entry_in_order() -> None:
    state = frozen()
    for body in (fields(), b"{", fields(model="unknown")):
        ask(state, body)
    ask(state, method="GET", path="/v1/models")
    assert [entry.number for entry in state.journal] == [1, 2, 3, 4]
    assert [entry.response.status for entry in state.journal] == [200, 400, 400, 200]
    assert [entry.model for entry in state.journal] == [BGE, None, "unknown", None]
    assert [entry.documents for entry in state.journal] == [3, None, 3, None]
    assert [entry.at for entry in state.journal] == [1_000_000.0] * 4


def test_the_repr_of_an_entry_is_one_short_line() -> None:
    state = frozen()
    ask(state, fields())
    ask(state, fields(top_n=0))
    assert [repr(entry) for entry in state.journal] == [
        "<Entry 1: POST /v1/rerank -> 200 answered>",
        "<Entry 2: POST /v1/rerank -> 400 parameter_rule>",
    ]


def test_an_entry_has_the_usage_of_the_request() -> None:
    state = frozen()
    picture = {"image": "https://example.org/a.png"}
    answered = json.loads(ask(state, fields(model=MULTIMODAL, documents=[picture])).body)
    ask(state, fields(model=OFFLINE))
    ranked, refused = state.journal
    tokens = answered["meta"]["tokens"]
    assert ranked.usage.input_tokens == tokens["input_tokens"] > 0
    assert ranked.usage.image_tokens == tokens["image_tokens"] > 0
    price = state.models[MULTIMODAL].price
    cost = price.text * ranked.usage.input_tokens + price.image * ranked.usage.image_tokens
    assert ranked.usage.charge == cost / 1_000_000 > 0
    assert (refused.usage.input_tokens, refused.usage.charge) == (0, Decimal(0))


def test_milliseconds_are_those_of_the_clock() -> None:
    readings = iter([10.0, *[10.25] * 100])
    state = State(clock=Clock(source=lambda: next(readings)))
    ask(state, fields())
    assert state.journal[0].milliseconds == 250


def test_milliseconds_count_what_delays_an_answer() -> None:
    state = frozen()
    step = {"delay": 1.5, "drip": {"pieces": 3, "pause": 0.25}}
    state.arm("account-1", Scenario.from_json({"name": "slow", "steps": [step]}))
    ask(state, fields())
    assert state.journal[0].milliseconds == 2000


def test_the_account_of_a_valid_key_is_known_whatever_the_path() -> None:
    state = frozen()
    ask(state, fields(), path="/v1/v1/rerank")
    ask(state, fields(), path="/v1/v1/rerank", headers=with_key("sk-wrong"))
    assert [entry.account for entry in state.journal] == ["account-1", None]


def test_a_clock_that_is_set_back_makes_no_time_negative() -> None:
    readings = iter([10.0, *[9.0] * 100])
    state = State(clock=Clock(source=lambda: next(readings)))
    ask(state, fields())
    assert state.journal[0].milliseconds == 0


@pytest.mark.parametrize("name", ERRORS)
def test_the_outcome_of_an_error_is_its_id(name: str) -> None:
    response = ERRORS[name].response(limit="RPM", field="top_n", rule="Must be small")
    # What is an object by one switch and a string by another is the same error.
    assert outcome(CONTRACT, response) == name.removesuffix("_object")


def test_other_outcomes_have_a_word_too() -> None:
    state = frozen()
    ask(state, fields())
    ask(state, path="/v1/rerank/")
    ask(state, path="/nowhere")
    assert [e.outcome for e in state.journal] == ["answered", "redirected", "not_found"]
    assert outcome(CONTRACT, ERRORS["busy"].response()) == "busy"


def test_entries_are_found_by_account_model_outcome_and_number() -> None:
    state = frozen("sk-a", "sk-b")
    for key in ("sk-a", "sk-b", "sk-a", "sk-nobody"):
        for model in (BGE, QWEN, "unknown"):
            ask(state, fields(model=model), headers=with_key(key))
    found = state.journal.query
    assert len(found()) == 12
    assert [entry.number for entry in found(account="account-2")] == [4, 5, 6]
    assert [entry.number for entry in found(model=QWEN)] == [2, 5, 8, 11]
    assert [entry.number for entry in found(outcome="key_invalid")] == [10, 11, 12]
    assert [e.number for e in found(account="account-1", outcome="model_not_found")] == [3, 9]
    assert [entry.number for entry in found(model=BGE, after=4)] == [7, 10]
    assert found(account="nobody") == []


@pytest.mark.parametrize("account", [None, "account-1"])
def test_what_was_seen_before_costs_a_query_no_work(account: str | None) -> None:
    state = frozen()
    for number in range(10):
        ask(state, fields(query=f"{number}"))
    newest = partial(state.journal.query, account=account)
    before = work_of(partial(newest, after=9))
    for number in range(200):
        ask(state, fields(query=f"later {number}"))
    assert [entry.number for entry in newest(after=208)] == [209, 210]
    assert work_of(partial(newest, after=209)) <= before


def test_clearing_one_account_leaves_the_others() -> None:
    state = frozen("sk-a", "sk-b")
    for key in ("sk-a", "sk-b", "sk-a"):
        ask(state, fields(), headers=with_key(key))
    state.journal.clear(account="account-1")
    assert [entry.account for entry in state.journal] == ["account-2"]
    state.journal.clear()
    assert not state.journal
    ask(state, fields(), headers=with_key("sk-a"))
    assert state.journal[0].number == 4


def test_an_account_forgets_its_own_oldest_and_no_other_s(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchanges, "ENTRIES_PER_ACCOUNT", 3)
    state = frozen("sk-a", "sk-b")
    for key in ("sk-b", *["sk-a"] * 5):
        ask(state, fields(), headers=with_key(key))
    assert [entry.number for entry in state.journal] == [1, 4, 5, 6]
    assert state.journal.seen == 6


def test_the_oldest_of_all_is_forgotten_when_all_are_too_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(exchanges, "ENTRIES", 3)
    state = frozen("sk-a", "sk-b", "sk-c")
    for key in ("sk-a", "sk-b", "sk-b", "sk-c"):
        ask(state, fields(), headers=with_key(key))
    assert [entry.number for entry in state.journal] == [2, 3, 4]


@pytest.mark.parametrize("bound", ["BYTES_PER_ACCOUNT", "BYTES"])
def test_large_entries_are_forgotten_sooner(monkeypatch: pytest.MonkeyPatch, bound: str) -> None:
    monkeypatch.setattr(exchanges, bound, 20_000)
    state = frozen()
    for _ in range(6):
        ask(state, b"x" * 5_000)
    assert [entry.number for entry in state.journal] == [4, 5, 6]
    ask(state, b"x" * 50_000)
    assert [entry.number for entry in state.journal] == [7]


@pytest.mark.memory
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b", None]), st.integers(0, 400), st.booleans(), st.booleans()
        ),
        max_size=40,
    )
)
def test_the_bounds_hold_and_the_newest_are_kept(
    turns: list[tuple[str | None, int, bool, bool]],
) -> None:
    # An independent model: lists, and the rules in the words of the guide.
    entries = {"a": 4, "all": 7}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exchanges, "ENTRIES_PER_ACCOUNT", entries["a"])
        patch.setattr(exchanges, "ENTRIES", entries["all"])
        patch.setattr(exchanges, "FRESH", 3)
        kept: list[tuple[int, str | None]] = []
        book = Exchanges()
        for number, (account, size, clear, look) in enumerate(turns, 1):
            book.add(exchange_with(account, size))
            kept.append((number, account))
            own = [one for one in kept if one[1] == account]
            kept = [one for one in kept if one not in own[:-4]][-7:]
            if clear:
                book.forget("a")
                kept = [one for one in kept if one[1] != "a"]
            if look:
                assert [(entry.number, entry.account) for entry in book.of()] == kept
        assert [(entry.number, entry.account) for entry in book.of()] == kept


@pytest.mark.memory
def test_long_bodies_are_dropped_before_anybody_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchanges, "BYTES", 100_000)
    state = frozen()
    body = json.dumps(fields(documents=["x" * 40_000])).encode()
    for _ in range(6):
        ask(state, body)
    kept = [one for one in gc.get_objects() if isinstance(one, Request) and one.body == body]
    assert len(kept) == 2


def exchange_with(account: str | None, size: int) -> Exchange:
    state = frozen()
    ask(state, b"x" * size)
    (row,) = (entry.to_json() for entry in state.journal)
    return exchange_of({**row, "account": account})


def test_a_large_body_is_cut_and_its_length_kept() -> None:
    state = frozen()
    ask(state, fields(documents=["x" * 100_000], return_documents=True))
    entry = state.journal[0]
    assert len(entry.request.body) == len(entry.response.body) == exchanges.BODY_BYTES
    assert entry.request_bytes > 100_000
    assert entry.response_bytes > 100_000
    assert entry.to_json()["body_bytes"] == entry.request_bytes
    assert entry.documents == 1


def test_a_body_is_not_cut_within_a_character() -> None:
    state = frozen()
    for start in range(3):
        ask(state, b"x" * start + "苹".encode() * 30_000)
    for entry in state.journal:
        entry.request.body.decode()
        assert len(entry.request.body) > exchanges.BODY_BYTES - 3


def test_heads_are_cut() -> None:
    state = frozen()
    long = "x" * 100_000
    ask(state, fields(model=long), path=f"/{long}", query=long, headers={**HEADERS, "x-any": long})
    entry = state.journal[0]
    assert entry.model == long[: entry_module.TEXT_LENGTH]
    for text in (entry.request.path, entry.request.query, entry.request.headers["x-any"]):
        assert len(text) == entry_module.TEXT_LENGTH


SENT: dict[str, dict[str, Any]] = {
    "as it should be": {"headers": with_key(KEY)},
    "header of its own": {"headers": {"x-api-key": KEY}},
    "cookie": {"headers": {"cookie": f"key={KEY}"}},
    "without Bearer": {"headers": {"authorization": KEY}},
    "in quotes": {"headers": {"authorization": f'Bearer "{KEY}"'}},
    "another header": {"headers": {**with_key(KEY), "x-any": f"key is {KEY}."}},
    "query": {"query": f"api_key={KEY}&x=1"},
    "query, any name": {"query": f"x={KEY}"},
    "query, no name": {"query": KEY},
    "query, encoded": {"query": "x=sk%2Dvery%2Dsecret&y=%E8%8B%B9"},
    "path": {"path": f"/v1/{KEY}/rerank"},
    "method": {"method": KEY},
    "body": {"body": fields(query=f"a {KEY}: b", return_documents=True)},
    "body, echoed": {
        "body": fields(documents=[f"the key is {KEY}"], return_documents=True),
        "headers": with_key(KEY),
    },
    "body, model": {"body": fields(model=KEY), "headers": with_key(KEY)},
    "body, field": {"body": fields(**{KEY: 1}), "headers": with_key(KEY)},
    "body, after Chinese": {"body": fields(query=f"苹{KEY}果")},
}


@pytest.mark.parametrize("name", SENT)
def test_a_key_is_nowhere_in_the_journal(name: str) -> None:
    state = frozen(KEY)
    ask(state, **SENT[name])
    assert state.journal[0].response.status in {200, 400, 401, 404}
    assert KEY not in visible(state.journal[0])
    assert "sk%2Dvery" not in visible(state.journal[0])


@pytest.mark.parametrize("header", sorted(SECRET_HEADERS))
def test_a_secret_that_no_mock_knows_is_nowhere_either(header: str) -> None:
    state = frozen()
    headers = {header: "Bearer of-another-house"}
    ask(state, fields(query="of-another-house"), headers=headers, query="x=of-another-house")
    assert "of-another-house" not in visible(state.journal[0])


LONG_WORD = "desk-top-publishing-software"


def test_what_looks_like_a_key_is_taken_for_one() -> None:
    state = frozen()
    ask(state, fields(query="sk-abcdefghijklmnop1234", documents=["sk-learn", LONG_WORD]))
    body = state.journal[0].request.body
    assert b"abcdefgh" not in body
    assert b"sk-learn" in body
    assert LONG_WORD.encode() in body


def test_a_key_that_json_and_urls_write_otherwise_is_found() -> None:
    key = 'sk-"very/secret"'
    state = frozen(key)
    body = fields(query=f"a {key} b", return_documents=True)
    ask(state, body, headers=with_key(key), query="x=sk-%22very/secret%22")
    ask(state, b"key=sk-%22very/secret%22", headers=with_key(key))
    for entry in state.journal:
        assert "secret" not in visible(entry)


def test_a_key_that_was_sent_in_quotes_is_found_without_them() -> None:
    state = frozen()
    ask(state, fields(query="an of-another-house"), headers=with_key('"of-another-house"'))
    assert "of-another-house" not in visible(state.journal[0])


@pytest.mark.parametrize("overlap", range(0, 15, 3))
def test_no_part_of_a_key_is_left_where_a_body_is_cut(overlap: int) -> None:
    state = frozen(KEY)
    ask(state, b"x" * (exchanges.BODY_BYTES - overlap) + KEY.encode(), headers=with_key(KEY))
    assert b"sk" not in state.journal[0].request.body


def test_of_many_secrets_the_longest_are_taken_out() -> None:
    state = frozen()
    words = ["x" * length + "y" for length in range(3, 40)]
    sent = {"authorization": f"Bearer {' '.join(words)}"}
    ask(state, fields(documents=words), headers=sent)
    kept = json.loads(state.journal[0].request.body)["documents"]
    assert kept == [*words[:5], *["[redacted]"] * 32]
    assert state.journal[0].request.headers["authorization"] == "[redacted]"


def test_what_is_harmless_is_not_redacted() -> None:
    state = frozen()
    body = json.dumps(fields()).encode()
    ask(state, body, query="type=text&x=%E8%8B%B9", headers={**HEADERS, "x-any": "a, b"})
    request = state.journal[0].request
    assert (request.body, request.query) == (body, "type=text&x=%E8%8B%B9")
    assert request.headers["x-any"] == "a, b"


def test_the_journal_comes_back_from_its_json() -> None:
    state = frozen()
    ask(state, fields(model=QWEN, top_k=1))
    ask(state, "苹果")
    snapshot = json.loads(json.dumps(state.snapshot()))
    before = [entry.to_json() for entry in state.journal]
    ask(state, fields())
    state.rollback(snapshot)
    assert [entry.to_json() for entry in state.journal] == before
    ask(state, fields())
    assert state.journal[-1].number == 3


@pytest.mark.parametrize(("seen", "numbers"), [(1, [1, 2]), (2, [2, 1]), (2, [1, 1])])
def test_a_journal_that_is_out_of_order_is_refused(seen: int, numbers: list[int]) -> None:
    state = frozen()
    ask(state, fields())
    snapshot = state.snapshot()
    (row,) = snapshot["journal"]["entries"]
    entries = [{**row, "number": number} for number in numbers]
    with pytest.raises(StateError, match=r"^\$\.journal\.entries\[1\]\.number: must increase"):
        state.rollback({**snapshot, "journal": {"seen": seen, "entries": entries}})
    assert state.snapshot() == snapshot


def test_bytes_that_are_no_text_are_shown_in_digits() -> None:
    state = frozen()
    ask(state, b"a\xff")
    assert state.journal[0].to_json()["body"] == r"a\xff"


def test_a_listener_gets_each_entry() -> None:
    state = frozen()
    heard: list[int] = []
    state.journal.listener = lambda entry: heard.append(entry.number)
    ask(state, fields())
    ask(state, b"")
    assert heard == [1, 2]


def test_threads_lose_no_entry_and_no_charge() -> None:
    state = frozen("sk-a", "sk-b")

    def hammer(key: str) -> None:
        for _ in range(50):
            ask(state, fields(model=QWEN), headers=with_key(key))

    def look() -> Iterator[int]:
        while True:
            yield len(list(state.journal))

    with ThreadPoolExecutor(9) as executor:
        running = [executor.submit(hammer, key) for key in ["sk-a", "sk-b"] * 4]
        looks = look()
        while not all(one.done() for one in running):
            next(looks)
        for one in running:
            one.result()
    assert [entry.number for entry in state.journal] == list(range(1, 401))
    for name in ("account-1", "account-2"):
        entries = state.journal.query(account=name)
        paid = sum(entry.usage.charge for entry in entries)
        assert len(entries) == 200
        assert state.accounts[name].total_balance == 100 - paid
