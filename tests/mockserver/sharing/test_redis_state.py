"""What one mock changes, all see that share its state; what all do together, no one does alone."""

import base64
import json
import threading
import uuid
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mockserver.admin.dispatch import dispatch
from mockserver.contract import load_contract
from mockserver.scenarios.scenario import Scenario, Step, Subject
from mockserver.serving import server
from mockserver.sharing import connection as connections
from mockserver.sharing import redis_state
from mockserver.sharing.connection import AddressError, Connection, ForeignStateError
from mockserver.sharing.redis_state import RedisState
from mockserver.state import exchanges
from mockserver.state.accounts import AccountError
from mockserver.state.clock import Clock
from mockserver.state.decisions import ClosedError, Demand, UnavailableError
from mockserver.state.exchanges import Exchange
from mockserver.state.pins import Pin, PinError
from mockserver.state.store import State
from mockserver.wire import Request, Response
from tests.mockserver.asking import HEADERS, QWEN, ask, read
from tests.mockserver.asking import fields as valid
from tests.redis_server import RedisServer, redis_server

Join = Callable[..., RedisState]

pytestmark = pytest.mark.memory

NOON = 1_800_000_000.0


def fields(**changes: object) -> dict[str, Any]:
    """Return the body of a valid request that costs money."""
    return valid(model=QWEN, **changes)


def bearer(key: str) -> dict[str, str]:
    return {**HEADERS, "authorization": f"Bearer {key}"}


def score(state: State) -> float:
    """Return the score of the document `banana`."""
    results = read(ask(state, fields(documents=["banana"])))["results"]
    return float(results[0]["relevance_score"])


def statuses(*states: State, key: str = "sk-mock") -> list[int]:
    return [ask(state, fields(), headers=bearer(key)).status for state in states]


#: What one mock does -> what a request to the other is answered with then.
CHANGES: dict[str, tuple[Callable[[State], object], int]] = {
    "a switch": (lambda s: s.change_behaviour({"max_body_bytes": 1000, "max_documents": 1}), 400),
    "the behaviour": (lambda s: setattr(s, "behaviour", "strict"), 200),
    "a model goes offline": (lambda s: s.change_model(QWEN, state="offline"), 403),
    "a model is removed": (lambda s: s.remove_model(QWEN), 400),
    "an account is forbidden": (lambda s: s.change_account("account-1", standing="forbidden"), 403),
    "an account has no money": (lambda s: s.change_account("account-1", balance=0), 402),
    "an account is closed": (lambda s: s.close_account("account-1"), 401),
    "a key is replaced": (lambda s: s.change_account("account-1", keys=["sk-new"]), 401),
    "a scenario is armed": (
        lambda s: s.arm("account-1", Scenario("a", (Step(error="overloaded"),))),
        503,
    ),
}


@pytest.mark.parametrize("what", CHANGES)
def test_what_one_mock_changes_the_next_request_to_another_meets(join: Join, what: str) -> None:
    change, status = CHANGES[what]
    one, other = join(), join()
    assert statuses(other) == [200]
    change(one)
    assert statuses(other) == [status]
    if what == "the behaviour":
        assert other.behaviour == one.behaviour


def test_a_key_that_goes_from_one_account_to_another_takes_its_requests_along(join: Join) -> None:
    one, other = join(keys=["sk-a", "sk-b"]), join()
    assert statuses(other, key="sk-a") == [200]
    one.change_account("account-1", keys=["sk-c"])
    one.change_account("account-2", keys=["sk-a", "sk-b"])
    assert statuses(other, key="sk-a") == [200]
    assert [entry.account for entry in other.journal] == ["account-1", "account-2"]


def test_a_clock_that_is_stopped_here_is_stopped_there(join: Join) -> None:
    one, other = join(), join()
    one.clock.freeze(NOON)
    other.refresh()
    other.clock.advance(60)
    ask(one, fields())
    assert one.clock.now() == NOON + 60
    assert one.journal[0].at == NOON + 60
    one.clock.resume()
    other.refresh()
    assert not other.clock.frozen


def test_a_planned_change_takes_place_once_even_if_the_clock_is_set_back(join: Join) -> None:
    one, other = join(clock=Clock(NOON)), join()
    one.change_model(QWEN, state="offline", at=NOON + 10)
    one.clock.advance(10)
    other.refresh()
    other.clock.freeze(NOON)
    assert statuses(one, other) == [403, 403]


def test_pins_apply_in_all_mocks_and_go_in_all(join: Join) -> None:
    one, other = join(), join()
    own = score(other)
    one.pin("account-1", [Pin({"banana": 0.25})])
    assert score(other) == 0.25
    other.unpin("account-1")
    assert score(one) == own


def test_a_receipt_has_what_other_mocks_have_played(join: Join) -> None:
    one, other = join(), join()
    one.arm("account-1", Scenario("a", (Step(error="overloaded", times=3),)))
    assert statuses(other, one, other, one) == [503, 503, 503, 200]
    one.refresh()
    other.refresh()
    assert [r.to_json() for r in one.receipts()] == [r.to_json() for r in other.receipts()]
    assert one.receipts()[0].met
    other.disarm("account-1")
    assert [r.number for r in (one.arm("account-1", Scenario("b", (Step(),))),)] == [2]


def test_a_request_gets_one_fault_before_its_answer_whichever_mock_it_meets(join: Join) -> None:
    one, other = join(hostile="faults", seed=3), join()
    assert other.hostile == {"faults"}
    first, *rest = statuses(one, other, one, other)
    assert first >= 429
    assert rest == [200, 200, 200]


def test_advice_knows_what_a_caller_sent_to_another_mock(join: Join) -> None:
    one, other = join(), join()
    ask(one, fields())
    answer = ask(other, fields())
    assert answer.headers["x-rerank-mock-advice"] == "paid_twice"
    assert [entry.advice_ids for entry in one.journal] == ["", "paid_twice"]
    one.change_account("account-1", balance=5)
    assert "x-rerank-mock-advice" not in ask(other, fields()).headers


def test_both_mocks_show_one_journal(join: Join) -> None:
    one, other = join(), join()
    statuses(one, other, one)
    assert [entry.number for entry in other.journal] == [1, 2, 3]
    assert one.journal.query(after=2)[0].number == 3
    assert other.journal.clear("account-1") == 3
    assert (len(one.journal), one.journal.seen) == (0, 3)


@settings(
    max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(
    turns=st.lists(
        st.tuples(st.sampled_from(["a", "b", None]), st.integers(0, 400), st.booleans()),
        min_size=10,
        max_size=40,
    ),
    bound=st.sampled_from([("ENTRIES", 7), ("BYTES", 9000)]),
)
def test_the_bounds_of_the_journal_hold_and_the_newest_are_kept(
    redis_here: RedisServer, turns: list[tuple[str | None, int, bool]], bound: tuple[str, int]
) -> None:
    # An independent model: a list, and the rules in the words of the guide.
    kind, most = bound
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exchanges, f"{kind}_PER_ACCOUNT", most * 4 // 7)
        patch.setattr(exchanges, kind, most)
        connection = Connection(redis_here.url(uuid.uuid4().hex))
        state = RedisState(connection)
        kept: list[tuple[int, str | None, int]] = []
        for number, (name, size, clear) in enumerate(turns, 1):
            exchange = exchange_with(name, size)
            state.record(exchange)
            kept.append((number, name, exchange.size))
            own = [one for one in kept if one[1] == name]
            while too_many(own, kind, most * 4 // 7):
                kept.remove(own.pop(0))
            while too_many(kept, kind, most):
                kept.pop(0)
            if clear and number % 5 == 0:
                state.journal.clear("a")
                kept = [one for one in kept if one[1] != "a"]
        assert [entry.number for entry in state.journal] == [one[0] for one in kept]
        with redis_here.client() as client:
            for name in ("a", "b", None):
                own = [one for one in kept if one[1] == name]
                assert client.hlen(f"{connection.begins(name)}before") <= 2 * len(own)


def exchange_with(account: str | None, size: int) -> Exchange:
    """Return an exchange of an account, with a body of that size."""
    return Exchange(
        at=NOON,
        account=account,
        request=Request("POST", "/v1/rerank", "", {}, b"x" * size),
        request_bytes=size,
        response=Response(200, {}, b""),
        response_bytes=0,
        model=None,
        documents=None,
        milliseconds=0.0,
        advice=(),
        caller=size,
        asked=size,
    )


def too_many(kept: list[tuple[int, str | None, int]], kind: str, most: int) -> bool:
    """Return whether the oldest has to go; the newest never has."""
    found = len(kept) if kind == "ENTRIES" else sum(size for _, _, size in kept)
    return len(kept) > 1 and found > most


def test_an_account_that_both_open_at_once_is_opened_once(
    join: Join, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = join(), join()
    commit, is_first = Connection.commit, [True]

    def late(connection: Connection, *args: object, **options: object) -> object:
        if is_first.pop() if is_first else False:
            other.open_account("sk-new", name="new")
        return commit(connection, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Connection, "commit", late)
    with pytest.raises(AccountError, match="account 'new' already exists"):
        one.open_account("sk-other", name="new")
    assert statuses(one, other, key="sk-new") == [200, 200]
    assert statuses(one, other, key="sk-other") == [401, 401]


def test_a_key_that_both_give_away_at_once_has_one_owner(
    join: Join, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = join(), join()
    commit, is_first = Connection.commit, [True]

    def late(connection: Connection, *args: object, **options: object) -> object:
        if is_first.pop() if is_first else False:
            other.open_account("sk-new", name="other")
        return commit(connection, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Connection, "commit", late)
    with pytest.raises(AccountError, match="already belongs to 'other'"):
        one.open_account("sk-new", name="one")
    assert [*other.accounts] == ["account-1", "other"]


#: What one mock may do with the account "two".
OF_TWO: list[Callable[[State], object]] = [
    lambda s: s.change_account("two", balance=5),
    lambda s: s.close_account("two"),
    lambda s: s.arm("two", Scenario("a", (Step(error="overloaded"),))),
    lambda s: s.pin("two", [Pin({"banana": 0.25})]),
]


@pytest.mark.parametrize("before", ["changes", "commit"])
@pytest.mark.parametrize("change", OF_TWO)
def test_an_account_that_another_mock_closes_meanwhile_is_no_fault(
    join: Join,
    monkeypatch: pytest.MonkeyPatch,
    before: str,
    change: Callable[[State], object],
) -> None:
    one, other = join(), join()
    one.open_account("sk-two", name="two")
    other.refresh()
    call, is_first = getattr(Connection, before), [True]

    def late(connection: Connection, *args: object, **options: object) -> object:
        if is_first.pop() if is_first else False:
            one.close_account("two")
        return call(connection, *args, **options)

    monkeypatch.setattr(Connection, before, late)
    with pytest.raises(ClosedError, match="the account has just been closed"):
        change(other)
    assert other.snapshot() == one.snapshot()
    assert other.receipts() == []
    with pytest.raises(KeyError):
        other.change_account("two", balance=5)


def test_a_decision_that_came_too_late_is_made_anew(
    join: Join, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = join(), join()
    one.change_account("account-1", limits={"RPM": 2})
    statuses(one)
    commit, is_first = Connection.commit, [True]

    def late(connection: Connection, *args: object, **options: object) -> object:
        if is_first.pop() if is_first else False:
            assert statuses(other) == [200]
        return commit(connection, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Connection, "commit", late)
    assert statuses(one) == [429]


def test_a_decision_that_always_comes_too_late_is_given_up(
    join: Join, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = join(), join()
    monkeypatch.setattr(redis_state, "ROUNDS", 3)
    commit = Connection.commit

    def late(connection: Connection, *args: object, **options: object) -> object:
        if connection is one._connection:  # pyright: ignore[reportPrivateUsage]
            statuses(other)
        return commit(connection, *args, **options)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(Connection, "commit", late)
        with pytest.raises(UnavailableError, match="changes too fast"):
            one.decide(Demand("account-1", None, one.models[QWEN], Subject(QWEN, "a", 1), 10))
    assert statuses(one) == [200]


def test_of_many_requests_to_several_mocks_exactly_the_allowed_number_passes(join: Join) -> None:
    states = [join() for _ in range(3)]
    states[0].change_account("account-1", limits={"RPM": 20, "TPM": 1000}, balance="0.01")
    found: list[int] = []

    def client(state: State) -> None:
        found.extend(statuses(*[state] * 15))

    threads = [threading.Thread(target=client, args=[state]) for state in states * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [200] * 20 + [429] * 70
    states[0].refresh()
    paid = sum((entry.usage.charge for entry in states[0].journal), Decimal(0))
    assert states[0].accounts["account-1"].total_balance == Decimal("0.01") - paid
    assert states[0].journal.seen == 90


def test_a_withdrawn_decision_is_withdrawn_for_all(
    join: Join, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = join(), join()
    one.change_account("account-1", limits={"RPM": 1})

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr("mockserver.engine.shape", fail)
        with pytest.raises(ZeroDivisionError):
            ask(one, fields())
    assert statuses(other, one) == [200, 429]
    assert [entry.response.status for entry in other.journal] == [500, 200, 429]


def test_a_rollback_is_for_all(join: Join, tmp_path: Path) -> None:
    one, other = join(), join()
    ask(one, fields())
    snapshot = one.snapshot()
    other.open_account("sk-late", name="late")
    other.pin("account-1", [Pin({"banana": 0.25})])
    statuses(other, one)
    one.rollback(snapshot)
    assert statuses(other, key="sk-late") == [401]
    other.open_account("sk-late", name="again")
    other.close_account("again")
    other.journal.clear()
    other.rollback(snapshot)
    assert one.snapshot() == snapshot
    one.save(tmp_path / "state.json")
    other.reset()
    assert one.journal.seen == 0
    assert statuses(one, other) == [200, 200]
    other.load(tmp_path / "state.json")
    ask(other, fields())
    one.reset()
    assert other.snapshot() == snapshot


def test_who_joins_takes_over_what_there_is(join: Join) -> None:
    one = join(keys=["sk-one"], behaviour="strict", seed=5)
    other = join(keys=["sk-two"], behaviour="page", seed=6)
    assert (one.has_begun, other.has_begun) == (True, False)
    assert (other.behaviour, other.seed) == (one.behaviour, 5)
    assert statuses(other, key="sk-one") == [200]
    assert statuses(other, key="sk-two") == [401]


def test_the_journal_says_what_became_of_a_connection_that_another_mock_had(join: Join) -> None:
    one, other = join(), join()
    one.change_account("account-1", connection="refused")
    statuses(one)
    assert other.journal[0].response.delivery.close == "refused"
    assert one.journal[0].response.delivery.close == "refused"


def test_another_name_is_another_mock(join: Join, redis_here: RedisServer, name: str) -> None:
    one = join()
    other = RedisState(Connection(redis_here.url(f"{name}-2")), keys=["sk-two"])
    assert statuses(other) == [401]
    assert statuses(one, key="sk-two") == [401]
    other.reset()
    assert len(one.journal) == 1


def test_a_state_of_another_contract_is_not_joined(join: Join) -> None:
    join()
    with pytest.raises(ForeignStateError, match="contract 2026-07, and this mock has 2024-11"):
        join(contract=load_contract("2024-11"))


def test_a_seed_that_does_not_fit_is_refused(join: Join) -> None:
    with pytest.raises(AddressError, match="at most 64 bits"):
        join(seed=2**64)


def test_a_function_cannot_be_shared(join: Join) -> None:
    with pytest.raises(PinError, match="cannot be shared"):
        join().pin("account-1", lambda _query, documents: [0.5 for _ in documents])


def test_a_state_that_redis_has_lost_begins_anew(
    join: Join, redis_here: RedisServer, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    one, other = join(keys=["sk-one"]), join()
    statuses(one, other, key="sk-one")
    with redis_here.client() as client:
        client.delete(*client.scan_iter(match=f"{{{name}*"))
        assert statuses(one, other, key="sk-one") == [200, 200]
        assert [entry.number for entry in one.journal] == [1, 2]
        assert "is gone: it begins anew" in caplog.text
        client.delete(*client.scan_iter(match=f"{{{name}*"))
    other.refresh()
    assert other.accounts["account-1"].total_balance == 100


def test_a_mock_forgets_what_redis_has_lost_and_another_has_begun_anew(
    join: Join, redis_here: RedisServer, name: str
) -> None:
    one, other = join(), join()
    one.open_account("sk-two", name="two")
    one.change_behaviour({"max_body_bytes": 1000})
    one.change_account("account-1", balance=5)
    assert statuses(one, other, key="sk-two") == [200, 200]
    with redis_here.client() as client:
        client.delete(*client.scan_iter(match=f"{{{name}*"))
    # More changes than there were before.
    assert statuses(*[other] * 9) == [200] * 9
    assert statuses(one) == [200]
    for state in (one, other):
        assert [*state.accounts] == ["account-1"]
        assert state.accounts["account-1"].total_balance > 99
        assert state.behaviour.max_body_bytes > 1000


#: What a Redis may lose.
LOST: list[Callable[[State], object]] = [
    lambda s: s.change_behaviour({"max_body_bytes": 10}),
    lambda s: s.open_account("sk-two", name="two"),
    lambda s: s.change_account("account-1", balance=5),
    lambda s: s.change_account("account-1", connection="refused"),
]


@pytest.mark.parametrize("change", LOST)
def test_a_mock_forgets_the_last_changes_if_redis_has_lost_them(
    join: Join, redis_here: RedisServer, name: str, change: Callable[[State], object]
) -> None:
    one, other = join(), join()
    statuses(one, other)
    with redis_here.client() as client:
        keys = [*client.scan_iter(match=f"{{{name}*")]
        before = {key: client.dump(key) for key in keys}
        change(one)
        other.refresh()
        client.delete(*client.scan_iter(match=f"{{{name}*"))
        for key, kept in before.items():
            client.restore(key, 0, kept)
    other.refresh()
    assert statuses(one) == [200]
    for state in (one, other):
        assert [*state.accounts] == ["account-1"]
        assert state.accounts["account-1"].total_balance > 99
        assert state.behaviour.max_body_bytes > 1000


def test_what_was_read_before_a_change_does_not_undo_it(
    join: Join, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = join(), join()
    other.change_account("account-1", balance=7)
    view = Connection.view

    def late(connection: Connection, *args: object) -> object:
        found = view(connection, *args)  # type: ignore[arg-type]
        one.change_account("account-1", balance=5)
        return found

    monkeypatch.setattr(Connection, "view", late)
    account = one.view("sk-mock").account
    assert account is not None
    assert account.total_balance == 5


def test_a_mock_that_knows_nothing_of_long_ago_reads_everything(
    join: Join, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mockserver.state.accounts.FORMER_KEYS", 2)
    one, other = join(), join()
    one.open_account("sk-closed", name="closed")
    other.refresh()
    one.close_account("closed")
    for number in range(4):
        one.open_account(name=f"{number}")
        one.close_account(f"{number}")
    other.refresh()
    assert [*other.accounts] == ["account-1"]
    assert not join().is_key("sk-closed")
    assert join().is_key("sk-mock")


def everything(client: Any) -> str:  # noqa: ANN401 - see `RedisServer.client`
    """Return all that is in a Redis, as text."""
    read: dict[bytes, Callable[[bytes], object]] = {
        b"string": client.get,
        b"hash": client.hgetall,
        b"zset": lambda key: client.zrange(key, 0, -1),
    }
    return "\n".join(f"{key!r} {read[client.type(key)](key)!r}" for key in client.scan_iter())


def test_no_key_is_in_redis_in_any_spelling(
    join: Join, redis_here: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    key, unknown = "plain-Key/one+two", "sk-unknown-and-long-enough-0123456789"
    one = join(keys=[key])
    spelled = [key, base64.b64encode(key.encode()).decode(), key.encode().hex(), json.dumps(key)]
    for text in spelled:
        ask(one, fields(query=text, documents=[text, "b"]), headers=bearer(key))
        ask(one, {"model": text}, headers=bearer(key), path="/v1/rerank/" + text, query=f"k={text}")
    ask(one, fields(query=unknown), headers=bearer(unknown))
    other = join()
    ask(other, fields(query=key), headers=bearer(key))
    one.open_account("sk-short", name="short")
    ask(other, fields(query="sk-short"), headers=bearer(key))
    one.close_account("short")
    ask(other, fields(query="sk-short"), headers=bearer(key))
    with redis_here.client() as client:
        kept = (everything(client) + json.dumps(one.snapshot()) + caplog.text).lower()
    for text in (*spelled, unknown, "sk-short"):
        assert text.lower() not in kept
    assert "[redacted]" in kept


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_key_in_place_of_a_name_is_not_sent_to_redis(
    join: Join, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    one, sent = join(keys=["sk-one"]), list[object]()
    run = Connection.run

    def seen(connection: Connection, *args: object) -> object:
        sent.append(args)
        return run(connection, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(Connection, "run", seen)
    answer = dispatch(one, Request(method, "/__admin/journal", "account=sk-one", {}, b""))
    assert "got a key of 'account-1'" in read(answer)["reason"]
    assert sent
    assert "sk-one" not in repr(sent)


def test_a_snapshot_of_a_shared_state_has_keys_that_only_that_redis_knows(join: Join) -> None:
    snapshot = join().snapshot()
    alone = State()
    with pytest.raises(Exception, match="is hashed with the secret of a shared state") as refused:
        alone.rollback(snapshot)
    assert "accounts[0].keys[0]" in str(refused.value)
    snapshot["accounts"][0]["keys"] = ["sk-mock"]
    alone.rollback(snapshot)
    assert statuses(alone) == [200]


def test_what_nobody_touches_expires(join: Join, redis_here: RedisServer, name: str) -> None:
    one = join()
    one.open_account("sk-two", name="two")
    one.close_account("two")
    one.open_account("sk-three", name="three")
    statuses(one)
    with redis_here.client() as client:
        keys = [*client.scan_iter(match=f"{{{name}*")]
        assert len(keys) > 10
        assert all(0 < client.ttl(key) <= connections.LIVE for key in keys)
        for key in keys:
            client.expire(key, 100)
        one.touch()
        assert all(client.ttl(key) > 100 for key in keys)


def test_a_server_touches_what_it_serves(
    join: Join, redis_here: RedisServer, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "TOUCHING", 0.01)
    one, touched = join(), threading.Event()
    touch = RedisState.touch

    def failing_first(state: RedisState) -> None:
        if touched.is_set():
            touch(state)
            served.set()
            return
        touched.set()
        raise UnavailableError("gone for a moment")

    served = threading.Event()
    monkeypatch.setattr(RedisState, "touch", failing_first)
    with redis_here.client() as client:
        client.expire(f"{{{name}}}:configuration", 100)
        with server.ThreadedServer(one, server.listen()):
            assert served.wait(60)
        assert client.ttl(f"{{{name}}}:configuration") > 100


def test_the_keys_of_one_account_have_one_hash_tag(
    join: Join, redis_here: RedisServer, name: str
) -> None:
    one = join()
    statuses(one)
    with redis_here.client() as client:
        tags = {key.decode().partition("}")[0] for key in client.scan_iter(match=f"{{{name}*")}
    assert tags == {f"{{{name}", f"{{{name}/account-1"}


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("http://here", r"begins with one of redis://, rediss://, unix://"),
        ("redis://here?name=a%20b", r"may have letters, digits, dots and hyphens, not 'a b'"),
        ("redis://:hush@here:port/0", r"cannot be used: it looks like redis://HOST"),
        ("redis://:hush@here?ssl_frobnicate=1", r"cannot be used: it looks like redis://HOST"),
        ("redis://:hush@here?protocol=9", r"cannot be used: it looks like redis://HOST"),
        ("redis://:hu?sh@here", r"may have the parameters name, db, protocol"),
        ("redis://:hush@here?decode_responses=1", r"begin with ssl_, and no others"),
        ("redis://:hush@here/zero", r"cannot be used: it looks like redis://HOST"),
        ("redis://:hu/sh@here", r"cannot be used: it looks like redis://HOST"),
        ("unix://", r"or unix:///PATH\?name=NAME"),
        ("unix://here/", r"or unix:///PATH\?name=NAME"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused(address: str, message: str) -> None:
    with pytest.raises(AddressError, match=message) as refused:
        Connection(address)
    assert "hush" not in str(refused.value)
    assert "sh@" not in str(refused.value)


def test_what_redis_says_is_told_apart_from_silence(redis_here: RedisServer, name: str) -> None:
    with redis_here.client() as client:
        client.set(f"{{{name}}}:configuration", "of another program")
    with pytest.raises(UnavailableError, match=r"refuses what it is asked: WRONGTYPE$"):
        RedisState(Connection(redis_here.url(name)))
    with pytest.raises(UnavailableError, match=r"refuses what it is asked$"):
        Connection(f"{redis_here.url(name)}&db=99").call("ping")
    with (
        redis_server("--cluster-enabled", "yes") as server,
        pytest.raises(UnavailableError, match="is in a cluster, which cannot keep it"),
    ):
        RedisState(Connection(server.url(name)))


def test_a_certificate_that_is_not_trusted_is_named(
    join: Join, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = join()

    def refuse(*_: object, **__: object) -> None:
        # As redis-py passes it on.
        raise redis.ConnectionError("Error 1. [SSL: CERTIFICATE_VERIFY_FAILED] self-signed")

    monkeypatch.setattr(redis.Redis, "execute_command", refuse)
    with pytest.raises(UnavailableError, match="has a certificate that is not trusted"):
        one.account_of("sk-mock")


def test_a_state_that_cannot_be_reached_says_where_it_is_without_its_password() -> None:
    with pytest.raises(UnavailableError) as refused:
        RedisState(Connection("redis://user:hush@127.0.0.1:1/3?name=a"))
    assert str(refused.value) == ("the state at 127.0.0.1:1, database 3, name a cannot be reached")


def test_without_the_state_requests_and_calls_get_a_503_of_the_mock(
    join: Join, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = join()

    def away(*_: object, **__: object) -> None:
        raise redis.ConnectionError("plain secret")

    with monkeypatch.context() as patch:
        patch.setattr("redis.client.Pipeline.execute", away)
        patch.setattr(redis.Redis, "execute_command", away)
        asked = dispatch(one, Request("POST", "/v1/rerank", "", HEADERS, b"{}"))
        called = dispatch(one, Request("GET", "/__admin/accounts", "", {}, b""))
    assert (asked.status, called.status) == (503, 503)
    assert asked.headers["x-rerank-mock-fault"] == "state"
    assert asked.headers["retry-after"] == called.headers["retry-after"] == "1"
    assert "cannot reach the state" in read(asked)["message"]
    assert "cannot be reached" in read(called)["reason"]
    assert b"secret" not in asked.body + called.body
    assert statuses(one) == [200]


def test_a_change_of_which_nobody_knows_whether_it_was_kept_is_read_again(
    join: Join, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = join()
    commit = Connection.commit

    def lost(connection: Connection, *args: object, **options: object) -> None:
        commit(connection, *args, **options)  # type: ignore[arg-type]
        raise UnavailableError

    with monkeypatch.context() as patch:
        patch.setattr(Connection, "commit", lost)
        with pytest.raises(UnavailableError):
            one.change_account("account-1", balance=7)
    assert one.account_of("sk-mock") == replace(
        one.accounts["account-1"], charged_balance=Decimal(7)
    )
    assert statuses(one) == [200]
