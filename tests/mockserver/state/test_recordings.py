"""Recordings of other tools: what is replayed of them, and what is wrong with a file."""

import base64
import gzip
import json
import zlib
from pathlib import Path
from typing import Any

import pytest

from mockserver.state import recordings
from mockserver.state.recordings import RecordingError, load_recordings, question_of
from mockserver.state.tape import Tape
from mockserver.wire import Request
from tests.mockserver.asking import BGE, CONTRACT, fields
from tests.spoiled_files import spoiled

Json = Any

ANSWER = {"id": "0195", "results": [{"index": 1, "relevance_score": 0.9}]}


def entry(body: Json = None, answer: Json = ANSWER, **changes: Json) -> Json:
    """Return an entry of HAR; `changes` go to the response, or to `content` of it."""
    content: Json = {"size": 1, "mimeType": "application/json", "text": json.dumps(answer)}
    response: Json = {"status": 200, "headers": [], "content": content}
    for name, value in changes.items():
        (response if name in response else content)[name] = value
    text = body if isinstance(body, str) else json.dumps(fields() if body is None else body)
    return {
        "request": {
            "method": "POST",
            "url": "https://api.siliconflow.cn/v1/rerank",
            "headers": [{"name": "Content-Type", "value": "application/json"}],
            "postData": {"mimeType": "application/json", "text": text},
        },
        "response": response,
    }


def write(folder: Path, *entries: Json) -> Path:
    """Write an archive; return its path."""
    path = folder / "run.har"
    path.write_text(json.dumps({"log": {"version": "1.2", "entries": entries}}))
    return path


def headers_of(**headers: str) -> list[Json]:
    return [{"name": name.replace("_", "-"), "value": value} for name, value in headers.items()]


def key_of(body: str, **headers: str) -> bytes:
    request = Request("POST", "/v1/rerank", "", headers, body.encode())
    return question_of(CONTRACT, request).key


PLAIN = '{"model": "BAAI/bge-reranker-v2-m3", "query": "fr\\u00fcchte", "documents": ["a", "b"]}'


@pytest.mark.parametrize(
    "written",
    [
        '{"documents":["a","b"],"query":"früchte","model":"BAAI\\/bge-reranker-v2-m3"}',
        PLAIN.replace(": ", ":\n  "),
        PLAIN.replace("}", ', "return_documents": false}'),
        PLAIN.replace("}", ', "max_chunks_per_doc": 1024.0}'),
    ],
    ids=[
        "order and escapes",
        "whitespace",
        "a documented default",
        "a number with a fraction of 0",
    ],
)
def test_requests_that_mean_the_same_are_the_same(written: str) -> None:
    assert key_of(written) == key_of(PLAIN)


@pytest.mark.parametrize(
    "written",
    [
        PLAIN.replace('"a", "b"', '"b", "a"'),
        PLAIN.replace("}", ', "top_n": null}'),
        PLAIN.replace("}", ', "top_n": 2}'),
        PLAIN.replace("}", ', "return_documents": 0}'),
        PLAIN.replace('["a", "b"]', '"a"'),
        PLAIN[:-1],
        "",
    ],
    ids=[
        *("another order of the documents", "null", "an undocumented default", "0 for false"),
        *("a single document", "not JSON", "no body"),
    ],
)
def test_requests_that_may_mean_something_else_are_others(written: str) -> None:
    assert key_of(written) != key_of(PLAIN)


def test_a_media_type_counts_and_its_parameters_do_not() -> None:
    json_type = {"content-type": "application/JSON; charset=utf-8"}
    assert key_of(PLAIN, **json_type) == key_of(PLAIN)
    assert key_of(PLAIN, **{"content-type": "text/plain"}) != key_of(PLAIN)


def test_status_body_and_the_headers_that_matter_are_as_recorded(tmp_path: Path) -> None:
    text = '{"code" : 50505,\r\n "message": "überlastet"}'
    kept = {"Retry_After": "7", "X_SiliconCloud_Trace_Id": "ti_1", "Content_Type": "text/json"}
    lost = {
        "Content_Encoding": "gzip",
        "Content_Length": "3",
        "Transfer_Encoding": "chunked",
        "Set_Cookie": "a=b",
        "Date": "today",
        "X_Rerank_Mock_Advice": "x",
        "X_Api_Key": "sk-1",
        "X_Odd": "line\r\nX-Injected: 1",
        ":status": "503",
        "X_Foreign": "grüße",
    }
    path = write(tmp_path, entry(status=503, text=text, headers=headers_of(**kept, **lost)))
    (row,) = load_recordings(path, CONTRACT).rows
    assert (row.response.status, row.response.body) == (503, text.encode())
    assert row.response.headers == {
        "retry-after": "7",
        "x-siliconcloud-trace-id": "ti_1",
        "content-type": "text/json",
    }


WHOLE = b'{"results": []}'
PACKED = base64.b64encode(gzip.compress(WHOLE, mtime=0)).decode()


@pytest.mark.parametrize(
    ("text", "coding"),
    [
        (base64.b64encode(WHOLE).decode(), ""),
        (PACKED, "gzip"),
        (base64.b64encode(zlib.compress(WHOLE)).decode(), "deflate"),
        (base64.b64encode(WHOLE).decode(), "gzip"),
    ],
    ids=["base64", "gzip", "deflate", "unpacked by the recorder"],
)
def test_an_encoded_body_is_decoded(tmp_path: Path, text: str, coding: str) -> None:
    headers = headers_of(Content_Encoding=coding)
    path = write(tmp_path, entry(text=text, encoding="base64", headers=headers))
    (row,) = load_recordings(path, CONTRACT).rows
    assert row.response.body == WHOLE


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"status": 0}, "no answer came"),
        ({"status": "200"}, "no answer came"),
        ({"status": 401}, "the key was refused"),
        ({"text": None}, "the recorder left out a body"),
        ({"_cut": "the journal kept only 3 of 9 bytes"}, "the recorder has cut a body"),
        ({"text": "a", "encoding": "base64"}, "a body is not base64"),
        (
            {"text": PACKED[:24], "encoding": "base64", "headers": "gzip"},
            "a packed body ends too early",
        ),
        (
            {"text": "H4sAAAAA/////w==", "encoding": "base64", "headers": "gzip"},
            "a body cannot be unpacked",
        ),
        ({"text": "/w==", "encoding": "base64", "headers": "br"}, "a body is packed with br"),
    ],
)
def test_what_cannot_be_replayed_is_left_out_and_counted(
    tmp_path: Path, changes: Json, reason: str
) -> None:
    if "headers" in changes:
        changes["headers"] = headers_of(Content_Encoding=changes["headers"])
    found = load_recordings(write(tmp_path, entry(**changes), entry()), CONTRACT)
    assert [row.place for row in found.rows] == ["entry 2"]
    assert found.summary == f"run.har: 1 recording; 1 left out: {reason}"


@pytest.mark.parametrize(
    ("name", "summary"),
    [
        ("mitmproxy.har", "mitmproxy.har: 3 recordings"),
        ("schemathesis.har", "schemathesis.har: 1 recording; 2 left out: the key was refused"),
    ],
)
def test_archives_of_other_tools_are_read(name: str, summary: str) -> None:
    folder = Path(__file__).parents[2] / "contract_tests" / "audit" / "recordings"
    assert load_recordings(folder / name, CONTRACT).summary == summary


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_that_has_no_body_has_none(tmp_path: Path, status: int) -> None:
    (row,) = load_recordings(write(tmp_path, entry(status=status)), CONTRACT).rows
    assert (row.response.status, row.response.body) == (status, b"")


def test_a_body_is_bounded_after_unpacking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recordings, "LONGEST_BODY", 5000)
    bomb = base64.b64encode(gzip.compress(b" " * 6000)).decode()
    packed = entry(text=bomb, encoding="base64", headers=headers_of(Content_Encoding="gzip"))
    found = load_recordings(write(tmp_path, packed, entry()), CONTRACT)
    assert found.left_out == {"a body is longer than 0 MiB": 1}


def test_what_is_not_for_rerank_is_ignored(tmp_path: Path) -> None:
    other = entry()
    other["request"]["url"] = "https://api.siliconflow.cn/v1/models"
    preflight = entry()
    preflight["request"]["method"] = "OPTIONS"
    mounted = entry()
    mounted["request"]["url"] = "https://gateway.example/siliconflow/rerank?a=1"
    odd = entry()
    odd["request"]["url"] = "http://[/v1/rerank"
    rows: list[Json] = [other, preflight, 3, None, {}, {"request": []}, odd, mounted]
    found = load_recordings(write(tmp_path, *rows), CONTRACT)
    assert found.summary == "run.har: 1 recording"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is not JSON: "),
        (b'{"log": {"entries": [{"request"', "is not JSON: "),
        (b"\xff\xfe\xff", "is not text in UTF-8"),
        (b"[" * 500 + b"]" * 500, "is "),
        (b"[]", "is not an HTTP archive (HAR): it has no array $.log.entries"),
        (b'{"log": {"entries": {}}}', "is not an HTTP archive (HAR)"),
        (b'{"log": {"entries": []}}', "has no answer of /rerank that can be replayed"),
    ],
)
def test_a_bad_file_is_refused_in_one_sentence_that_names_it(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    path = tmp_path / "bad.har"
    path.write_bytes(content)
    with pytest.raises(RecordingError) as refused:
        load_recordings(path, CONTRACT)
    assert str(refused.value).startswith(f"{path}: {reason}")
    assert "\n" not in str(refused.value)


def test_whatever_is_wrong_in_a_file_it_is_replayed_or_refused(tmp_path: Path) -> None:
    path, said = write(tmp_path, entry()), list[str]()
    for content in spoiled(json.loads(path.read_bytes())):
        path.write_text(json.dumps(content), "utf-8")
        try:
            tape = Tape(load_recordings(path, CONTRACT))
        except RecordingError as error:
            said.append(str(error))
        else:
            tape.refusal(question_of(CONTRACT, Request("POST", "/v1/rerank", "", {}, b"{}")))
    assert said == [each for each in said if each.startswith(f"{path}: ") and each.isprintable()]
    assert said


def test_a_file_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, entry())
    monkeypatch.setattr(recordings, "LONGEST_BODIES", 10)
    with pytest.raises(RecordingError, match="its answers have more than 0 MiB"):
        load_recordings(path, CONTRACT)
    path.write_text(path.read_text() + " ")
    monkeypatch.setattr(recordings, "LONGEST", 100)
    with pytest.raises(RecordingError, match="is longer than 0 MiB"):
        load_recordings(path, CONTRACT)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"none\.har: cannot be read: No such file"):
        load_recordings(tmp_path / "none.har", CONTRACT)


def test_a_file_that_has_changed_is_read_again(tmp_path: Path) -> None:
    before = load_recordings(write(tmp_path, entry()), CONTRACT)
    assert load_recordings(tmp_path / "run.har", CONTRACT) is before
    assert len(load_recordings(write(tmp_path, entry(), entry()), CONTRACT).rows) == 2


def test_a_recorded_request_of_each_model_has_the_defaults_of_its_form(tmp_path: Path) -> None:
    path = write(tmp_path, entry(fields(model=BGE, return_documents=False)))
    (row,) = load_recordings(path, CONTRACT).rows
    assert row.question.key == key_of(json.dumps(fields(model=BGE)))


@pytest.mark.parametrize("half", ["\ud800", "\udc00\ud800", "a\ud83d"])
def test_a_body_with_half_of_a_character_is_left_out_and_the_others_are_replayed(
    half: str, tmp_path: Path
) -> None:
    whole = entry(fields(query="\U0001f600 \\ud800"))
    found = load_recordings(write(tmp_path, entry(text=f'"{half}"'), whole), CONTRACT)
    assert [row.place for row in found.rows] == ["entry 2"]
    assert found.left_out == {"a body has half of a character, which no body has": 1}


def test_half_of_a_character_that_a_body_escapes_is_replayed_as_it_was_sent(tmp_path: Path) -> None:
    found = load_recordings(write(tmp_path, entry(text='{"a": "\\ud800"}')), CONTRACT)
    assert [row.response.body for row in found.rows] == [b'{"a": "\\ud800"}']
