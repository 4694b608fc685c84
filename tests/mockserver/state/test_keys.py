"""A key stands nowhere that anybody reads: not in journal, snapshot or log, in no spelling."""

import base64
import json
from collections.abc import Callable
from urllib.parse import quote

import pytest

from mockserver.redaction import MOST_KEYS, REDACTED, KnownKeys, Redactor
from mockserver.serving.log import json_line, line
from mockserver.state.store import State
from mockserver.wire import Request
from tests.mockserver.asking import ask, fields
from tests.mockserver.bounded import work_of

#: Keys of accounts: one like those of the service, and others.
KEYS = ["sk-abcdefghijklmnop", "plainkey", "Zz9/+key=with&signs%20"]

SPELLINGS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "upper case": str.upper,
    "lower case": str.lower,
    "URL": lambda key: quote(key, safe=""),
    "each character as in a URL": lambda key: "".join(f"%{ord(sign):02X}" for sign in key),
    "base64": lambda key: base64.b64encode(key.encode()).decode(),
    "base64 with a user": lambda key: base64.b64encode(f"me:{key}".encode()).decode(),
    "base64 before a colon": lambda key: base64.b64encode(f"{key}:".encode()).decode(),
    "base64 for URLs": lambda key: base64.urlsafe_b64encode(f"??>{key}".encode()).decode(),
    "hexadecimal digits": lambda key: key.encode().hex(),
    "upper hexadecimal digits": lambda key: key.encode().hex().upper(),
    "escapes of JSON": lambda key: "".join(f"\\u{ord(sign):04x}" for sign in key),
    "some escapes of JSON": lambda key: key.replace("/", "\\/").replace("k", "\\u006B"),
    "in a word": "prefix{}suffix".format,
}

PLACES: dict[str, Callable[[State, str], object]] = {
    "a header": lambda state, key: ask(state, fields(), headers={"x-any": key}),
    "the referer": lambda state, key: ask(state, headers={"referer": f"http://a/?b={key}"}),
    "another scheme": lambda state, key: ask(state, headers={"authorization": f"Token {key}"}),
    "a path": lambda state, key: ask(state, path=f"/v1/{key}/rerank"),
    "a query": lambda state, key: ask(state, query=f"a={key}"),
    "a document": lambda state, key: ask(state, fields(documents=[f"a {key} b"])),
    "the model": lambda state, key: ask(state, fields(model=key)),
    "a field": lambda state, key: ask(state, {**fields(), key: 1}),
    "what is no JSON": lambda state, key: ask(state, f"key={key}".encode()),
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize("spell", SPELLINGS.values(), ids=SPELLINGS)
@pytest.mark.parametrize("key", KEYS)
def test_a_key_of_an_account_is_shown_nowhere(
    key: str, spell: Callable[[str], str], place: Callable[[State, str], object]
) -> None:
    state = State()
    state.open_account(key)
    lines: list[str] = []
    state.journal.listener = lambda entry: lines.extend((line(entry), json_line(entry)))
    place(state, spell(key))
    shown = "\n".join([json.dumps(state.snapshot(), ensure_ascii=False), *lines]).lower()
    assert spell(key).lower() not in shown
    assert key.lower() not in shown


@pytest.mark.parametrize(
    "header",
    ["x-auth", "token", "x-secret-key", "ocp-apim-subscription-key", "x-api-token", "set-cookie"],
)
def test_a_header_that_is_named_like_a_secret_is_not_shown(header: str) -> None:
    state = State()
    ask(state, fields(documents=["hush, unheard-of"]), headers={header: "unheard-of"})
    assert "unheard-of" not in json.dumps(state.snapshot())


@pytest.mark.parametrize("header", ["idempotency-key", "x-author", "keyword", "x-monkey"])
def test_a_header_that_only_looks_like_one_is_shown(header: str) -> None:
    state = State()
    ask(state, fields(), headers={header: "value"})
    assert state.journal[0].request.headers[header] == "value"


def test_a_short_key_does_not_blot_out_words_of_a_body() -> None:
    state = State(keys=["test"])
    headers = {"authorization": "Bearer test", "x-any": "test"}
    ask(state, fields(documents=["a test"]), headers=headers)
    entry = state.journal[0]
    assert entry.sent.documents == ["a test"]
    assert "test" not in entry.request.headers.values()


def test_a_key_that_came_by_its_fingerprint_is_known_once_it_was_sent() -> None:
    state, other = State(keys=["plain-key-one"]), State()
    other.rollback(state.snapshot())
    ask(other, fields(), headers={"authorization": "Bearer plain-key-one"})
    ask(other, fields(documents=["PLAIN-KEY-ONE"]), headers={})
    assert "plain-key-one" not in json.dumps(other.snapshot()).lower()


def test_a_key_is_remembered_after_its_account_is_closed() -> None:
    state = State()
    state.open_account("plain-key-one", name="one")
    state.close_account("one")
    ask(state, fields(documents=["plain-key-one"]))
    assert "plain-key-one" not in json.dumps(state.snapshot())


def test_so_many_keys_are_remembered_and_no_more() -> None:
    state = State(keys=[])
    for number in range(MOST_KEYS + 5):
        state.open_account(f"plain-key-{number:06}")
    known = state.known_keys.spellings
    assert b"plain-key-000004" not in known
    assert b"plain-key-000005" in known


def test_a_text_without_keys_takes_no_longer_if_there_are_many_keys() -> None:
    def work(number: int) -> int:
        known = KnownKeys()
        for key in range(number):
            known.add(f"sk-of-account-{key:04d}")
        redactor = Redactor(Request("", "", "", {}, b""), lambda _: False, known.spellings)
        assert redactor.text("my key is SK-of-account-0001!") == f"my key is {REDACTED}!"
        return work_of(lambda: redactor.body(b"apple" * 100))

    assert work(200) == work(2)
