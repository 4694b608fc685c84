import io
import json
import logging
import re
import sys
from datetime import datetime, timezone

from hypothesis import given
from hypothesis import strategies as st

from mockserver.serving import log
from mockserver.state.clock import Clock
from mockserver.state.entry import Entry
from mockserver.state.store import State
from tests.mockserver.asking import HEADERS, QWEN, ask, fields

EVENING = datetime(2026, 7, 1, 20, 15, 7, 123_999, tzinfo=timezone.utc).timestamp()


def entry_of(body: object = None, *, method: str = "POST", path: str = "/v1/rerank") -> Entry:
    state = State(clock=Clock(EVENING))
    ask(state, body, method=method, path=path)
    return state.journal[0]


def test_a_line_shows_what_is_known_of_an_exchange() -> None:
    entry = entry_of(fields(model=QWEN, top_k=1, top_n=None))
    tokens = entry.usage.input_tokens
    assert log.line(entry) == (
        f"20:15:07.123 account-1 POST /v1/rerank 200 answered {QWEN} 3 documents {tokens} tokens"
        " 0.0 ms | unknown_field: `top_k`: did you mean `top_n`?"
        " | null_field: `top_n`: leave it out if it is not set"
    )


def test_a_line_leaves_out_what_is_absent() -> None:
    entry = entry_of(method="GET", path="/v1/models")
    assert log.line(entry) == "20:15:07.123 account-1 GET /v1/models 200 answered 0.0 ms"
    state = State(clock=Clock(EVENING))
    ask(state, fields(), headers={**HEADERS, "authorization": "Bearer sk-wrong"})
    assert " - POST /v1/rerank 401 key_invalid " in log.line(state.journal[0])


@given(st.text(max_size=20), st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_a_line_is_one_line_whatever_was_sent(path: str, model: str) -> None:
    line = log.line(entry_of(fields(model=model), path=path))
    assert line.isprintable()
    assert len(line.splitlines()) == 1


def test_a_fault_is_one_line_of_json_with_its_traceback() -> None:
    try:
        raise ValueError("苹果")
    except ValueError:
        trouble = sys.exc_info()
    record = logging.LogRecord("a", logging.ERROR, "b", 1, "no %s", ("luck",), trouble)
    (row,) = log.JsonFormatter().format(record).splitlines()
    found = json.loads(row)
    assert (found["level"], found["message"]) == ("error", "no luck")
    assert found["traceback"].endswith("ValueError: 苹果")
    assert log.LineFormatter().format(record).startswith("rerank-mock: no luck\nTraceback")


def test_what_can_be_read_is_not_escaped() -> None:
    assert "/苹果?" not in log.line(entry_of(path="/苹果"))
    assert "/苹果 " in log.line(entry_of(path="/苹果"))
    assert r"/\x1b[31m " in log.line(entry_of(path="/\x1b[31m"))


def test_a_json_line_has_the_same() -> None:
    line = log.json_line(entry_of(fields(model=QWEN, top_k=1)))
    told = json.loads(line)
    assert "\n" not in line
    assert told["time"].startswith("2026-07-01T20:15:07.123")
    assert (told["account"], told["path"], told["status"]) == ("account-1", "/v1/rerank", 200)
    assert (told["model"], told["documents"], told["outcome"]) == (QWEN, 3, "answered")
    assert told["tokens"] > 0
    assert float(told["charge"]) > 0
    assert [advice["id"] for advice in told["advice"]] == ["unknown_field"]


def test_no_line_has_a_key_in_it() -> None:
    state = State(keys=["sk-very-secret"])
    headers = {**HEADERS, "authorization": "Bearer sk-very-secret"}
    ask(state, fields(model="sk-very-secret"), path="/sk-very-secret", headers=headers)
    for form in (log.line, log.json_line):
        assert "secret" not in form(state.journal[0])


def test_each_exchange_is_written_at_once() -> None:
    stream = io.StringIO()
    state = State(clock=Clock(EVENING))
    state.journal.listener = log.writer(stream, log.line)
    ask(state, fields())
    ask(state, fields())
    assert len(re.findall(r"^20:15:07\.123 .*\n", stream.getvalue(), re.MULTILINE)) == 2


def test_a_reader_who_left_stops_the_lines_and_not_the_mock() -> None:
    class Gone(io.StringIO):
        tries = 0

        def write(self, text: str) -> int:
            self.tries += 1
            raise BrokenPipeError(text)

    stream = Gone()
    state = State()
    state.journal.listener = log.writer(stream, log.line)
    assert [ask(state, fields()).status for _ in range(3)] == [200, 200, 200]
    assert stream.tries == 1
