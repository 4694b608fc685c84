"""What Redis loses, and what several mocks replace at once, leaves no mock with half a state."""

import threading
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from mockserver.admin.dispatch import dispatch
from mockserver.contract import load_contract
from mockserver.redaction import REDACTED
from mockserver.scenarios.scenario import Subject
from mockserver.sharing.connection import SECRET, Connection, ForeignStateError
from mockserver.sharing.redis_state import RedisState
from mockserver.state import exchanges
from mockserver.state.decisions import Demand, UnavailableError
from mockserver.state.store import State
from mockserver.wire import Request
from tests.mockserver.asking import BGE, HEADERS, QWEN, ask
from tests.mockserver.sharing.test_redis_state import LOST, Join, bearer, fields, statuses
from tests.redis_server import RedisServer

pytestmark = pytest.mark.memory


@pytest.mark.parametrize("lost", ["configuration", "version"])
def test_a_state_of_which_a_part_is_lost_that_all_depends_on_begins_anew(
    join: Join, redis_here: RedisServer, name: str, lost: str
) -> None:
    one, other = join(), join()
    one.open_account("sk-two", name="two")
    statuses(one, other)
    with redis_here.client() as client:
        client.delete(f"{{{name}}}:{lost}")
    assert statuses(one, other, join()) == [200, 200, 200]
    assert [*other.snapshot()["accounts"]] == [*one.snapshot()["accounts"]]
    assert [*other.accounts] == ["account-1"]
    assert [entry.number for entry in one.journal] == [3, 4, 5]


def test_a_state_that_is_lost_during_a_request_is_not_half_begun(
    join: Join, redis_here: RedisServer, name: str
) -> None:
    one = join()
    statuses(one)
    with redis_here.client() as client:
        client.delete(*client.scan_iter(match=f"{{{name}*"))
        demand = Demand("account-1", None, one.models[QWEN], Subject(QWEN, "a", 1), 10)
        for _ in range(2):
            with pytest.raises(UnavailableError, match="is gone"):
                one.decide(demand)
        assert [*client.scan_iter(match=f"{{{name}*")] == []
    assert statuses(one) == [200]


def test_who_joins_a_state_that_began_anew_knows_its_keys(
    join: Join, redis_here: RedisServer, name: str
) -> None:
    one = join()
    with redis_here.client() as client:
        secret = client.get(SECRET)
        client.delete(SECRET, *client.scan_iter(match=f"{{{name}*"))
        try:
            assert statuses(one, join()) == [200, 200]
            # A server touches its state from time to time.
            client.delete(SECRET)
            one.touch()
            assert statuses(join()) == [200]
            client.set(SECRET, b"another")
            with pytest.raises(ForeignStateError, match="hashed with a secret that Redis has lost"):
                join()
            client.delete(*client.scan_iter(match=f"{{{name}*"))
            with pytest.raises(ForeignStateError, match="another secret is there now"):
                one.refresh()
            # Once a mock has begun that has the new secret, so do those that had the old one.
            assert statuses(join(), one) == [200, 200]
        finally:
            client.set(SECRET, secret)


def test_a_mock_whose_name_another_revision_has_taken_does_not_serve_that_state(
    join: Join, redis_here: RedisServer, name: str
) -> None:
    one = join()
    with redis_here.client() as client:
        client.delete(*client.scan_iter(match=f"{{{name}*"))
        join(contract=load_contract("2024-11"))
        for _ in range(2):
            with pytest.raises(UnavailableError, match="of the contract 2024-11"):
                one.view("sk-mock")


@pytest.mark.parametrize(
    ("document", "field", "value"),
    [
        ("}:configuration", "contract", "no JSON"),
        ("}:configuration", "behaviour", '{"base": "of next year"}'),
        ("}:configuration", "clock", "[]"),
        ("/account-1}:account", "account", '{"name": "account-1", "keys": [], "colour": "red"}'),
        ("/account-1}:account", "windows", "{"),
    ],
)
def test_a_state_that_another_version_has_written_is_refused(
    redis_here: RedisServer, name: str, document: str, field: str, value: str
) -> None:
    def join() -> RedisState:
        return RedisState(Connection(redis_here.url(name)))

    one = join()
    with redis_here.client() as client:
        key, version = f"{{{name}{document}", client.incr(f"{{{name}}}:version")
        client.hset(key, mapping={field: value, "version": version})
        client.zadd(f"{{{name}}}:changed", {key: version})
    with pytest.raises(ForeignStateError, match="perhaps another version of rerank-mock"):
        join()
    for _ in range(2):
        answer = dispatch(one, Request("GET", "/v1/models", "", HEADERS, b""))
        assert answer.headers["x-rerank-mock-fault"] == "state"


@pytest.mark.parametrize("change", LOST)
def test_a_mock_forgets_what_redis_has_lost_even_if_others_have_gone_on(
    join: Join, redis_here: RedisServer, name: str, change: Callable[[State], object]
) -> None:
    one, other = join(), join()
    statuses(one, other)
    with redis_here.client() as client:
        restore = kept_in(client, name)
        change(one)
        restore()
        statuses(*[other] * 8)
        # A Redis that ends, ends all connections.
        client.client_kill_filter(_type="normal", skipme=True)
    assert statuses(one) == [200]
    for state in (one, other):
        state.refresh()
        assert [*state.accounts] == ["account-1"]
        assert state.accounts["account-1"].total_balance > 99
        assert state.behaviour.max_body_bytes > 1000


def test_a_change_does_not_take_another_one_for_its_own_that_redis_has_lost(
    join: Join, redis_here: RedisServer, name: str
) -> None:
    one, other = join(), join()
    statuses(one, other)
    with redis_here.client() as client:
        restore = kept_in(client, name)
        statuses(*[one] * 3)
        restore()
        # As many changes as those that were lost.
        for _ in range(3):
            ask(other, fields(documents=["a longer document"] * 9))
    statuses(one)
    one.refresh()
    paid = sum((entry.usage.charge for entry in one.journal), Decimal(0))
    assert one.accounts["account-1"].total_balance == 100 - paid


def kept_in(client: Any, name: str) -> Callable[[], None]:  # noqa: ANN401 - see `RedisServer.client`
    """Return what brings a state back to what it is now."""
    before = {key: client.dump(key) for key in client.scan_iter(match=f"{{{name}*")}

    def restore() -> None:
        client.delete(*client.scan_iter(match=f"{{{name}*"))
        for key, kept in before.items():
            client.restore(key, 0, kept)

    return restore


def test_a_key_that_went_from_one_account_to_another_stays_there(join: Join) -> None:
    one, other = join(keys=["sk-a", "sk-b"]), join()
    statuses(other, key="sk-a")
    one.change_account("account-1", keys=["sk-c"])
    one.change_account("account-2", keys=["sk-a", "sk-b"], limits={})
    # Each request reads the account that it belongs to, and so the two come one after the other.
    for key in ("sk-b", "sk-c", "sk-a"):
        assert free(other, key) == 200
    one.close_account("account-1")
    other.refresh()
    assert free(other, "sk-a") == 200


def free(state: State, key: str) -> int:
    """Send a request that changes nothing of its account; return the status."""
    return ask(state, {**fields(), "model": BGE}, headers=bearer(key)).status


def test_a_rollback_leaves_what_a_rollback_in_memory_leaves(
    join: Join, redis_here: RedisServer, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchanges, "ENTRIES_PER_ACCOUNT", 5)
    one, other, alone = join(), join(), State()
    for state in (one, alone):
        statuses(*[state] * 9)
        state.open_account("sk-short", name="short")
        state.reset()
        statuses(state, state)
        ask(state, fields(query="sk-short"))
    for state in (one, other, alone):
        # A repeated request is a retry again, and a key is a key that was one.
        assert [entry.advice_ids for entry in state.journal] == ["", "paid_twice", ""]
        assert f'"{REDACTED}"'.encode() in state.journal[-1].request.body
    statuses(other)
    snapshot = one.snapshot()
    row = snapshot["journal"]["entries"][0]
    entries = [{**row, "number": number} for number in range(1, 10)]
    for state in (one, alone):
        keys = {**snapshot["accounts"][0], "keys": ["sk-mock"]}
        state.rollback({**snapshot, "accounts": [keys], "journal": {"seen": 9, "entries": entries}})
        assert [entry.number for entry in state.journal] == [5, 6, 7, 8, 9]
    with redis_here.client() as client:
        assert all(client.ttl(key) > 0 for key in client.scan_iter(match=f"{{{name}*"))


def test_a_rollback_is_shared_at_once_or_not_at_all(
    join: Join, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = join(), join()
    statuses(one, other)

    def away(*_: object, **__: object) -> None:
        raise UnavailableError

    with monkeypatch.context() as patch:
        patch.setattr(Connection, "replace", away)
        with pytest.raises(UnavailableError):
            one.reset()
    assert [entry.number for entry in other.journal] == [1, 2]
    assert other.snapshot() == one.snapshot()


def test_what_is_corrected_too_late_stays_away(join: Join) -> None:
    one, other = join(), join()
    record, is_first = RedisState.record, [True]

    def late(state: RedisState, exchange: exchanges.Exchange) -> exchanges.Past:
        past = record(state, exchange)
        # The next thing that happens to it is that it gets advice: the same was sent before.
        if past.same and is_first and is_first.pop():
            other.reset()
            for query in ("first", "second"):
                ask(other, fields(query=query))
        return past

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RedisState, "record", late)
        statuses(one, one)
    queries: list[object] = [entry.sent.query for entry in other.journal]
    assert queries == ["first", "second"]


def test_a_text_of_many_words_costs_no_more_calls_than_one_of_few(
    join: Join, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = join(), join()
    other.open_account("sk-short", name="short")
    calls: list[object] = []

    def counted(asking: object) -> None:
        calls.append(asking)

    monkeypatch.setattr("mockserver.sharing.connection._Asking.__enter__", counted)
    words = " ".join(f"sk-{number}" for number in range(500))
    path = "/".join(["", "v1", *map(str, range(500))])
    ask(one, fields(query=f"{words} sk-short"), path="/v1/rerank")
    ask(one, fields(), path=path)
    assert len(calls) < 20
    assert b"sk-short" not in one.journal[0].request.body


def test_resets_under_load_leave_a_journal_without_gaps(
    join: Join, redis_here: RedisServer, name: str
) -> None:
    states = [join() for _ in range(3)]
    is_over = threading.Event()

    def client(state: State) -> None:
        while not is_over.is_set():
            statuses(state)

    threads = [threading.Thread(target=client, args=[state]) for state in states]
    for thread in threads:
        thread.start()
    try:
        for _ in range(20):
            states[0].reset()
            snapshot = states[1].snapshot()["journal"]
            numbers = [entry["number"] for entry in snapshot["entries"]]
            assert numbers == [*range(1, len(numbers) + 1)]
    finally:
        is_over.set()
        for thread in threads:
            thread.join()
    with redis_here.client() as client_of_redis:
        entries = client_of_redis.hlen(f"{{{name}/account-1}}:entries")
    assert entries == len(states[0].journal) == states[0].journal.seen
