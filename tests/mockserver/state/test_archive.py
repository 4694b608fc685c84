"""The journal as an HTTP archive: valid, complete as far as the journal is, and without keys."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from mockserver.admin.dispatch import dispatch
from mockserver.recording import answer
from mockserver.state.archive import archive
from mockserver.state.clock import Clock
from mockserver.state.store import State
from mockserver.wire import Request
from tests.archives import complaints
from tests.mockserver.asking import HEADERS, ask, fields
from tests.mockserver.state.test_keys import KEYS, PLACES, SPELLINGS

Json = Any


def entries_of(state: State, query: str = "") -> Json:
    """Ask `/__admin` for the archive; return its entries."""
    request = Request("GET", "/__admin/journal.har", query, {}, b"")
    response = dispatch(state, request)
    assert response.status == 200
    whole = response.json()
    assert complaints(whole) == []
    return whole["log"]["entries"]


def test_an_exchange_is_archived_as_the_journal_has_it() -> None:
    state = State(clock=Clock(1_000_000.5))
    headers = {**HEADERS, "host": "127.0.0.1:8787"}
    response = ask(state, fields(top_k=1), headers=headers, query="a=1&b")
    (entry,) = entries_of(state)
    assert entry["startedDateTime"] == "1970-01-12T13:46:40.500+00:00"
    assert entry["request"]["url"] == "http://127.0.0.1:8787/v1/rerank?a=1&b"
    assert entry["request"]["queryString"] == [
        {"name": "a", "value": "1"},
        {"name": "b", "value": ""},
    ]
    assert json.loads(entry["request"]["postData"]["text"]) == fields(top_k=1)
    assert {"name": "authorization", "value": "[redacted]"} in entry["request"]["headers"]
    assert entry["response"]["content"]["text"].encode() == response.body
    ours = {name: value for name, value in entry.items() if name.startswith("_")}
    (advice,) = ours.pop("_advice")
    assert advice["id"] == "unknown_field"
    assert ours == {
        "_number": 1,
        "_account": "account-1",
        "_outcome": "answered",
        "_model": "BAAI/bge-reranker-v2-m3",
        "_documents": 3,
    }


@pytest.mark.parametrize(
    "sent",
    [
        Request("POST", "/v1/rerank", "", HEADERS, b""),
        Request("POST", "/v1/rerank", "", HEADERS, b"\xff\xfe"),
        Request("GET", "/", "", {}, b""),
        Request("POST", '/v1/\u82f9 <"[]>?#', 'a=%20&\u82f9="&a', HEADERS, b"{}"),
    ],
    ids=str,
)
def test_whatever_is_sent_can_be_archived(sent: Request) -> None:
    state = State()
    answer(state, sent)
    assert len(entries_of(state)) == 1


def test_what_the_journal_has_cut_is_marked() -> None:
    state = State()
    state.journal.body_bytes = 50
    ask(state, b"\xff" + b" " * 99)
    (entry,) = entries_of(state)
    post = entry["request"]["postData"]
    assert entry["request"]["bodySize"] == 100
    assert base64.b64decode(post["text"]) == b"\xff" + b" " * 49
    assert post["_cut"] == "the journal kept only 50 of 100 bytes"


def test_a_body_without_its_key_is_whole() -> None:
    state = State()
    ask(state, fields(documents=["my key sk-abcdefghijklmnopqrstuvwxyz123456", "b"]))
    (entry,) = entries_of(state)
    assert "[redacted]" in entry["request"]["postData"]["text"]
    assert "_cut" not in entry["request"]["postData"]


def test_the_archive_is_of_what_is_asked_for() -> None:
    state = State(keys=["sk-one", "sk-two"])
    for key in ("sk-one", "sk-two", "sk-one"):
        ask(state, fields(), headers={**HEADERS, "authorization": f"Bearer {key}"})
    assert [entry["_number"] for entry in entries_of(state)] == [1, 2, 3]
    assert [entry["_number"] for entry in entries_of(state, "after=1&account=account-1")] == [3]
    refused = dispatch(state, Request("GET", "/__admin/journal.har", "limit=1", {}, b""))
    assert refused.status == 400


@pytest.mark.parametrize("spell", SPELLINGS.values(), ids=SPELLINGS)
@pytest.mark.parametrize("key", KEYS)
def test_no_key_is_archived_in_any_spelling(key: str, spell: Callable[[str], str]) -> None:
    state = State()
    state.open_account(key)
    for place in PLACES.values():
        place(state, spell(key))
    shown = json.dumps(archive(state.journal, "1"), ensure_ascii=False).lower()
    assert spell(key).lower() not in shown
    assert key.lower() not in shown
