"""Recordings of every kind are read as what they mean, as far as they go, and without keys."""

import base64
import copy
import gzip
import json
import sys
import tracemalloc
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

import brotli  # pyright: ignore[reportMissingTypeStubs] - it has none
import pytest
import yaml
import zstandard

from contract_tests.audit import bodies, cassettes
from contract_tests.audit.auditor import Auditor
from contract_tests.audit.recordings import Recorded, RecordingError, Tally, read
from contract_tests.checks.violations import printable
from contract_tests.contract import AnyJson
from mockserver.admin.dispatch import dispatch
from mockserver.contract import load_contract
from mockserver.state.recordings import load_recordings
from mockserver.state.store import State
from mockserver.wire import Request
from tests.contract_tests.audit.archiving import SENT, URL, archive, entry, written
from tests.contract_tests.exchanging import ANSWER, BODY, new_run
from tests.contract_tests.test_redaction import SPELLINGS
from tests.mockserver.asking import ask, fields
from tests.spoiled_files import spoiled

MOCKED = load_contract()
HERE = Path(__file__).parent / "recordings"
KEY = "sk-Of/These+Tests_1.2"


def recorded(path: Path) -> tuple[list[Recorded], Tally]:
    tally = Tally()
    return list(read(path, tally, lambda _: None)), tally


def one(folder: Path, row: AnyJson) -> Recorded:
    (found,), _ = recorded(written(folder, row))
    return found


def refused(path: Path) -> str:
    with pytest.raises(RecordingError) as told:
        recorded(path)
    assert "\n" not in str(told.value)
    return str(told.value)


def test_an_entry_of_a_browser_is_read(tmp_path: Path) -> None:
    found = one(tmp_path, entry())
    assert found.place == f"{tmp_path / 'run.har'}, entry 1"
    assert found.base_url == "https://api.example/v1"
    assert (found.request.method, found.request.path) == ("POST", "/rerank")
    assert (found.request.body, found.request.content_type) == (BODY, "application/json")
    assert (found.answer.status, found.answer.json, found.unjudged) == (200, ANSWER, "")
    assert found.answer.headers["x-siliconcloud-trace-id"] == "ti_1"
    sent = dict(found.sent)
    assert sent.pop("caller")
    assert sent == {
        "method": "POST",
        "path": "/v1/rerank",
        "query": "",
        "headers": {"content-type": "application/json", "authorization": "Bearer key"},
        "body": json.dumps(BODY),
        "at": 1793534400.0,
        "milliseconds": 12.5,
        "status": 200,
        "response_headers": {},
    }


@pytest.mark.parametrize("name", ["vcrpy.yaml", "vcrpy.json"])
def test_a_cassette_of_vcrpy_is_read(name: str) -> None:
    found, tally = recorded(HERE / name)
    assert [each.answer.status for each in found] == [200, 200, 200, 401, 400]
    assert found[1].request.body["top_n"] == 1
    assert found[0].base_url == "http://127.0.0.1:8911/v1"
    assert (tally.rows, tally.skipped) == (6, {"it is not for /rerank": 1})


def test_bodies_of_other_cassettes_are_read(tmp_path: Path) -> None:
    text = base64.b64encode(json.dumps(BODY).encode()).decode()
    body = {"encoding": "utf-8", "base64_string": text}
    row: AnyJson = {
        "request": {"uri": URL, "method": "POST", "body": body, "headers": {"a": ["b"]}},
        "response": {
            "status": {"code": "200", "message": "OK"},
            "headers": {"Content-Encoding": ["gzip"]},
            "body": {"string": gzip.compress(json.dumps(ANSWER).encode())},
        },
        "recorded_at": "2026-11-01T12:00:00+00:00",
    }
    path = tmp_path / "cassette.yaml"
    path.write_text(yaml.safe_dump({"http_interactions": [row, row]}), "utf-8")
    found, _ = recorded(path)
    assert [(each.request.body, each.answer.json) for each in found] == [(BODY, ANSWER)] * 2
    assert found[0].sent["at"] == 1793534400.0


@pytest.mark.parametrize("call", ["/journal", "/journal.har"])
def test_the_journal_of_the_mock_is_read_as_it_is_given(call: str, tmp_path: Path) -> None:
    state = State()
    for body in (fields(), b"\xff", fields(top_n=1)):
        ask(state, body)
    path = tmp_path / "journal"
    response = dispatch(state, Request("GET", f"/__admin{call}", "", {}, b""))
    path.write_bytes(response.body)
    found, _ = recorded(path)
    assert [each.answer.status for each in found] == [200, 400, 200]
    assert [each.answer.body for each in found] == [each.response.body for each in state.journal]
    assert found[2].request.body == fields(top_n=1)


def changed(*way: str, to: AnyJson) -> AnyJson:
    row = entry()
    place: AnyJson = row
    for name in way[:-1]:
        place = place[name]
    if to is None:
        del place[way[-1]]
    else:
        place[way[-1]] = to
    return row


BOMB = base64.b64encode(gzip.compress(b" " * (bodies.LONGEST + 1))).decode()
GZIP = [{"name": "Content-Encoding", "value": "gzip"}]


def packed(text: str, headers: AnyJson) -> AnyJson:
    row = entry()
    row["response"]["headers"] = headers
    row["response"]["content"] = {"size": 9, "mimeType": "", "text": text, "encoding": "base64"}
    return row


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (changed("response", "status", to=0), "no answer was recorded"),
        (changed("response", "content", "text", to=None), "the recorder left it out"),
        (changed("response", "content", "_cut", to="too long"), "the recorder has cut it"),
        (changed("response", "content", "text", to='{"id": '), "shorter than the recording says"),
        (changed("response", "content", "encoding", to="base64"), "it is not base64"),
        (packed(BOMB, GZIP), "it is longer than 16,777,216 bytes"),
        (
            packed(base64.b64encode(gzip.compress(b"{}", mtime=0)[:-9]).decode(), GZIP),
            "ends too early",
        ),
        (packed(base64.b64encode(b"\x1f\x8bno").decode(), GZIP), "it cannot be unpacked"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_answer_that_is_not_all_there_is_not_judged(
    row: AnyJson, why: str, tmp_path: Path
) -> None:
    assert why in one(tmp_path, row).unjudged


#: Content-Encoding -> what packs so.
PACK: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": partial(brotli.compress, quality=1),  # pyright: ignore[reportUnknownMemberType]
    "zstd": zstandard.ZstdCompressor().compress,
}


def encoded(content: bytes, name: str) -> AnyJson:
    """Return a row whose answer is these bytes, said to be packed so."""
    text = base64.b64encode(content).decode()
    return packed(text, [{"name": "content-encoding", "value": name}])


@pytest.mark.parametrize("name", PACK)
def test_an_answer_that_is_packed_is_unpacked(name: str, tmp_path: Path) -> None:
    found = one(tmp_path, encoded(PACK[name](json.dumps(ANSWER).encode()), name))
    assert (found.answer.json, found.unjudged) == (ANSWER, "")


@pytest.mark.parametrize("name", ["br", "zstd"])
def test_an_answer_that_the_recorder_has_unpacked_is_read(name: str, tmp_path: Path) -> None:
    found = one(tmp_path, encoded(json.dumps(ANSWER).encode(), name))
    assert (found.answer.json, found.unjudged) == (ANSWER, "")


@pytest.mark.parametrize("name", ["br", "zstd"])
@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"\xff" * 9, "it cannot be unpacked"),
        (b"[" + b"\xff\xfe" * 9, "it cannot be unpacked"),
        (None, "it is packed, and ends too early"),
    ],
)
def test_a_broken_one_is_not_judged(
    name: str, content: bytes | None, why: str, tmp_path: Path
) -> None:
    row = encoded(content or PACK[name](json.dumps(ANSWER).encode())[:-3], name)
    assert why in one(tmp_path, row).unjudged


@pytest.mark.parametrize("name", ["br", "zstd"])
def test_a_bomb_is_not_unpacked_to_its_end(name: str) -> None:
    bomb = PACK[name](bytes(8 * bodies.LONGEST))
    tracemalloc.start()
    try:
        with pytest.raises(bodies.BodyError, match="it is longer than 16,777,216 bytes"):
            bodies.decoded(bomb, is_base64=False, encoding=name)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 4 * bodies.LONGEST


@pytest.mark.parametrize(("name", "package"), [("br", "brotli"), ("zstd", "zstandard")])
def test_without_its_package_an_encoding_is_counted_and_named(
    name: str, package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    found = one(tmp_path, encoded(PACK[name](json.dumps(ANSWER).encode()), name))
    assert f"packed with {name}, which is read if {package} is installed" in (found.unjudged)


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (entry(url="https://api.example/v1/chat/completions"), "it is not for /rerank"),
        (entry(url="https://[/rerank"), "its URL is none"),
        (changed("request", "method", to=None), "it has no method"),
        (changed("request", to=[]), "it has no url"),
        ("an entry", "it has no method"),
        (entry(body='"\ud800"'), "the body of its request cannot be judged: it has half of a"),
        (changed("request", "postData", to=None), "its request cannot be judged: the recorder"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_row_that_cannot_be_judged_is_counted(row: AnyJson, why: str, tmp_path: Path) -> None:
    found, tally = recorded(written(tmp_path, row, entry()))
    assert [each.place for each in found] == [f"{tmp_path / 'run.har'}, entry 2"]
    ((reason, count),) = tally.skipped.items()
    assert (count, why in reason or reason in ("it has no method", "it has no url")) == (1, True)


@pytest.mark.parametrize(
    ("sent", "status", "authorization"),
    [
        ({}, 401, "Bearer key"),
        ({"authorization": "[redacted]"}, 401, "Bearer key"),
        ({"authorization": "sk-secret-secret"}, 200, "Bearer key"),
        ({"authorization": "sk-secret-secret"}, 401, "key"),
        ({"authorization": "Bearer Bearer sk-secret"}, 401, "Bearer Bearer key"),
        ({"authorization": 'Bearer "sk-secret"'}, 401, 'Bearer "key"'),
    ],
)
def test_an_authorization_is_advised_on_where_it_was_refused(
    sent: dict[str, str], status: int, authorization: str, tmp_path: Path
) -> None:
    found = one(tmp_path, entry(sent=sent, status=status))
    assert found.sent["headers"]["authorization"] == authorization


@pytest.mark.parametrize(
    ("path", "status", "advised"),
    [
        ("/gateway/v1/rerank", 200, "/v1/rerank"),
        ("/gateway/v1/rerank", 400, "/v1/rerank"),
        ("/v1/v1/rerank", 404, "/v1/v1/rerank"),
        ("//v1/rerank", 404, "//v1/rerank"),
        ("/rerank", 404, "/rerank"),
        ("/rerank", 200, "/v1/rerank"),
    ],
)
def test_a_path_is_advised_on_where_it_was_wrong(
    path: str, status: int, advised: str, tmp_path: Path
) -> None:
    found = one(tmp_path, entry(url=f"https://api.example{path}", status=status))
    assert found.sent["path"] == advised


@pytest.mark.parametrize("spell", SPELLINGS.values(), ids=SPELLINGS)
def test_no_key_leaves_a_recording(spell: Callable[[str], str], tmp_path: Path) -> None:
    said = spell(KEY)
    row = entry(
        {**BODY, "query": said},
        {"message": said},
        400,
        url=f"{URL}?key={KEY}",
        sent={**SENT, "authorization": f"Bearer {KEY}", "cookie": "id=crumbs-of-a-session"},
        received={"set-cookie": "id=crumbs-of-a-session", "x-echo": said},
    )
    found = one(tmp_path, row)
    shown = repr(found)
    assert found.answer.repeats_key
    for secret in (said, KEY, "crumbs-of-a-session"):
        assert secret.lower() not in shown.lower()


def test_what_looks_like_a_key_leaves_no_recording(tmp_path: Path) -> None:
    key = "sk-of-somebody-else-and-long"
    words = " ".join(f"word-{number:06}" for number in range(200))
    sent = {**SENT, "cookie": words, "x-token": "t" * 5000}
    found = one(tmp_path, entry({**BODY, "query": key}, {"echo": f"{key} {'t' * 5000}"}, sent=sent))
    assert key not in repr(found)
    assert "t" * 5000 not in repr(found)
    assert found.request.body["query"] == "[key]"


def test_a_key_of_somebody_else_is_no_leak(tmp_path: Path) -> None:
    found = one(tmp_path, entry(answer={"echo": "sk-of-somebody-else-and-long"}))
    assert not found.answer.repeats_key


TEXT = json.dumps({"query": "caf\u00e9"}, ensure_ascii=False)
WIDE = TEXT.encode("utf-16")


@pytest.mark.parametrize(
    ("charset", "size", "wire"),
    [
        ("utf-16", len(WIDE), WIDE),
        ("UTF-16", len(WIDE) - 2, TEXT.encode("utf-16-le")),
        ('"iso-8859-1"', len(TEXT), TEXT.encode("latin-1")),
        # The recorder has not looked at the charset, or it is none.
        ("iso-8859-1", len(TEXT.encode()), TEXT.encode()),
        ("utf-16", 7, TEXT.encode()),
        ("punycode", len(TEXT.encode("punycode")), TEXT.encode()),
    ],
)
def test_audit_and_replay_take_a_body_as_it_came_over_the_wire(
    charset: str, size: int, wire: bytes, tmp_path: Path
) -> None:
    headers = {"content-type": f"application/json; charset={charset}"}
    row = entry(TEXT, TEXT, sent={**SENT, **headers}, received=headers)
    row["request"]["bodySize"] = row["response"]["content"]["size"] = size
    found = one(tmp_path, row)
    assert found.request.content == wire or found.request.body == json.loads(TEXT)
    assert found.answer.body == wire
    (replayed,) = load_recordings(tmp_path / "run.har", MOCKED).rows
    assert replayed.response.body == wire
    is_utf_8 = wire == TEXT.encode()
    assert isinstance(replayed.question.body, dict) == is_utf_8 == found.answer.is_json
    assert (found.request.body == json.loads(TEXT)) == is_utf_8


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_audit_and_replay_read_a_file_by_its_byte_order_mark(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "run.har"
    content = archive([entry({**BODY, "query": "caf\u00e9"})])
    path.write_bytes(json.dumps(content, ensure_ascii=False).encode(encoding))
    ((found,), _), (replayed,) = recorded(path), load_recordings(path, MOCKED).rows
    asked: AnyJson = replayed.question.body
    assert found.request.body["query"] == asked["query"] == "caf\u00e9"


@pytest.mark.parametrize("row", [None, 1, "x", [], {}])
def test_an_array_of_anything_is_read(row: AnyJson, tmp_path: Path) -> None:
    (tmp_path / "rows.json").write_text(json.dumps([row]), "utf-8")
    _, tally = recorded(tmp_path / "rows.json")
    assert tally.rows == tally.skipped["it has no method"] == 1


def test_a_number_of_any_length_is_read(tmp_path: Path) -> None:
    path = written(tmp_path, entry(number=1), entry(number=2))
    path.write_text(path.read_text().replace('"time": 12.5', '"time": 1' + "0" * 5000), "utf-8")
    assert len(recorded(path)[0]) == 2


def test_a_file_in_utf_16_that_is_cut_in_a_character_ends_too_early(tmp_path: Path) -> None:
    path = tmp_path / "run.har"
    path.write_bytes(json.dumps(archive([entry()])).encode("utf-16")[:-5])
    assert refused(path) == f"{path} ends too early after entry 1"


def test_what_was_escaped_is_escaped_again(tmp_path: Path) -> None:
    found = one(tmp_path, entry('{"query": "\\ud800"}'))
    assert found.request.content == b'{"query": "\\ud800"}'


def test_a_preflight_that_is_answered_is_passed_over(tmp_path: Path) -> None:
    found, tally = recorded(written(tmp_path, entry(method="OPTIONS", status=204)))
    assert (found, tally.skipped) == ([], {"it is a preflight of a browser": 1})


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"\0\1\2", "is neither JSON nor YAML: unacceptable character"),
        (b"GET / HTTP/1.1", "is neither an archive nor a cassette"),
        (b"a: [1", "is neither JSON nor YAML: did not find expected ',' or ']', line"),
        (b"interactions:\n- !!python/object/apply:os.system [ls]", "has the tag tag:yaml.org"),
        (b"interactions: " + b"[" * 100_000, "is nested deeper than 50 levels, line 1"),
        (b"interactions: " + b"{a: " * 100_000, "is nested deeper than 50 levels, line 1"),
        (b'{"log": {"entries": [{"request": 1}, {"a', "ends too early after entry 1"),
        (b"{}", "has no array log.entries"),
        (b"[" * 100_000, "is nested too deeply"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_wrong_with_a_file_is_said_in_one_sentence(
    content: bytes, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    told = refused(path)
    assert told.startswith(f"{path} ")
    assert said in told


def test_whatever_is_wrong_in_a_file_it_is_judged_or_said_in_one_sentence(tmp_path: Path) -> None:
    path, good, said = tmp_path / "run.har", archive([entry()]), list[str]()
    del good["log"]["pages"], good["log"]["creator"]
    ask(state := State(), fields())
    journal = dispatch(state, Request("GET", "/__admin/journal", "", {}, b"")).json()
    cassette = json.loads((HERE / "vcrpy.json").read_bytes())
    cassette["interactions"] = cassette["interactions"][:1]
    for each in (good, journal, cassette):
        for content in [*spoiled(each)][::5]:
            path.write_text(json.dumps(content), "utf-8")
            auditor = Auditor(new_run()[0])
            auditor.begin()
            try:
                for found in read(path, Tally(), lambda _: None):
                    auditor.take(found)
                    json.dumps(found.sent).encode()
            except RecordingError as error:
                said.append(str(error))
    assert said == [printable(each) for each in said if each.startswith(f"{path} ")] != []


def test_a_value_with_a_tag_of_python_is_not_made(tmp_path: Path) -> None:
    made, path = tmp_path / "made", tmp_path / "file"
    path.write_text(f"interactions:\n- !!python/object/apply:os.mkdir ['{made}']\n", "utf-8")
    refused(path)
    assert not made.exists()


def test_aliases_take_no_memory(tmp_path: Path) -> None:
    nine = [", ".join([f"*a{n}"] * 9) for n in range(29)]
    levels = ["a0: &a0 [x]", *(f"a{n}: &a{n} [{nine[n - 1]}]" for n in range(1, 30))]
    merged = [f"- &m{n} {{<<: [{nine[n - 1]}]}}" for n in range(1, 30)]
    path = tmp_path / "file"
    text = "\n".join([*levels, "interactions:", *merged, "- request: *a29"])
    path.write_text(text, "utf-8")
    found, tally = recorded(path)
    assert (found, tally.rows) == ([], 30)


def test_a_cassette_that_is_too_long_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cassettes, "LONGEST", 10)
    path = tmp_path / "file"
    path.write_text("interactions: []", "utf-8")
    assert "longer than 10 bytes" in refused(path)


def test_a_file_that_cannot_be_opened_is_said_so(tmp_path: Path) -> None:
    assert refused(tmp_path / "none").endswith("cannot be read: No such file or directory")


def test_what_is_read_is_not_changed(tmp_path: Path) -> None:
    row = entry()
    before = copy.deepcopy(row)
    path = tmp_path / "a.har"
    path.write_text(json.dumps(archive([row])), "utf-8")
    text = path.read_text("utf-8")
    recorded(path)
    assert (path.read_text("utf-8"), row) == (text, before)
