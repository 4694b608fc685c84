"""`diff` of two recordings pairs the same requests, and says how their answers differ."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from contract_tests.contract import AnyJson
from contract_tests.diff import recordings
from tests.contract_tests.audit.archiving import entry, written
from tests.contract_tests.diff.diffing import difference, left_out, refusal, shown
from tests.contract_tests.exchanging import ANSWER, BODY, HEADERS

Compared = Callable[[Sequence[AnyJson], Sequence[AnyJson]], tuple[AnyJson, int]]
REFUSED: AnyJson = {"code": 20015, "message": "The parameter is invalid.", "data": None}


@pytest.fixture
def compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Compared:
    def compare(old: Sequence[AnyJson], new: Sequence[AnyJson]) -> tuple[AnyJson, int]:
        before = written(tmp_path, *old, name="old.har")
        return difference(before, written(tmp_path, *new, name="new.har"), capsys)

    return compare


def asking(number: int) -> AnyJson:
    return {**BODY, "query": f"question {number}"}


def ranked(*scored: tuple[int, float], **more: AnyJson) -> AnyJson:
    results = [{"index": index, "relevance_score": score, **more} for index, score in scored]
    return {**ANSWER, "results": results}


def without(name: str) -> AnyJson:
    return {key: value for key, value in ANSWER.items() if key != name}


@pytest.mark.parametrize(
    ("old", "new", "change"),
    [
        ((ANSWER, 200), (REFUSED, 400), ("status", 200, 400, "breaks_clients")),
        ((REFUSED, 400), (ANSWER, 200), ("status", 400, 200, "visible")),
        ((REFUSED, 400), (REFUSED, 422), ("status", 400, 422, "visible")),
        ((REFUSED, 400), ({**REFUSED, "code": 20012}, 400), ("code", "20015", "20012", "visible")),
        (
            (REFUSED, 400),
            ({**REFUSED, "message": "no"}, 400),
            ("message", "The parameter is invalid.", "no", "harmless"),
        ),
        ((REFUSED, 400), ("", 400), ("body", "object", "nothing", "breaks_clients")),
        ((ANSWER, 200), (without("meta"), 200), ("meta", "object", None, "breaks_clients")),
        ((without("meta"), 200), (ANSWER, 200), ("meta", None, "object", "visible")),
        (
            (ANSWER, 200),
            ({**ANSWER, "meta": {**ANSWER["meta"], "tokens": {"input_tokens": 9}}}, 200),
            ("meta.tokens.input_tokens", 4, 9, "visible"),
        ),
        (
            (ranked((0, 0.5), (1, 0.25)), 200),
            (ranked((1, 0.5), (0, 0.25)), 200),
            ("order", "0, 1", "1, 0", "visible"),
        ),
        (
            (ranked((0, 0.5), (1, 0.25)), 200),
            (ranked((0, 0.5), (1, 0.250002)), 200),
            ("relevance_score", 0.25, 0.250002, "visible"),
        ),
        (
            (ranked((0, 0.5), (1, 0.25)), 200),
            (ranked((0, 0.5)), 200),
            ("ranked documents", "0, 1", "0", "breaks_clients"),
        ),
        (
            (ranked((0, 0.5)), 200),
            (ranked((0, 0.5), (1, 0.25)), 200),
            ("ranked documents", "0", "0, 1", "visible"),
        ),
        (
            (ranked((0, 0.5), document={"text": "a"}), 200),
            (ranked((0, 0.5), document={"text": "b"}), 200),
            ("document.text", "a", "b", "visible"),
        ),
        (
            (ranked((0, 0.5), document={"text": "a"}), 200),
            (ranked((0, 0.5), document=None), 200),
            ("results[].document", "object", "null", "breaks_clients"),
        ),
        (
            (ranked((0, 0.5), document=None), 200),
            (ranked((0, 0.5)), 200),
            ("results[].document", "null", None, "visible"),
        ),
    ],
)
def test_a_difference_of_two_answers_is_found_with_what_it_does(
    old: tuple[AnyJson, int],
    new: tuple[AnyJson, int],
    change: tuple[AnyJson, ...],
    compared: Compared,
) -> None:
    content, code = compared([entry(BODY, *old)], [entry(BODY, *new)])
    assert change in shown(content)
    assert code == int(any(row[3] == "breaks_clients" for row in shown(content)))


@pytest.mark.parametrize(
    ("received", "change"),
    [
        ({"content-type": "text/plain"}, ("header content-type", "application/json", "text/plain")),
        ({"x-siliconcloud-trace-id": ""}, None),
        ({"retry-after": "3"}, ("header retry-after", None, "present")),
        ({"x-ratelimit-remaining": "3"}, ("header x-ratelimit-remaining", None, "present")),
        ({"date": "today", "server": "other"}, None),
    ],
)
def test_only_headers_that_clients_act_upon_are_compared(
    received: dict[str, str], change: tuple[AnyJson, ...] | None, compared: Compared
) -> None:
    content, _ = compared([entry()], [entry(received={**HEADERS, **received})])
    assert shown(content) == ([(*change, "visible")] if change else [])


def test_a_trace_id_that_is_gone_is_visible(compared: Compared) -> None:
    content, _ = compared([entry()], [entry(received={"content-type": "application/json"})])
    assert shown(content) == [("header x-siliconcloud-trace-id", "present", None, "visible")]


def test_an_array_without_members_says_nothing_of_them(compared: Compared) -> None:
    some, none = [entry(BODY, ranked((0, 0.5), document=None))], [entry(BODY, ranked())]
    content, _ = compared(some, none)
    assert shown(content) == [("ranked documents", "0", "none", "breaks_clients")]
    content, _ = compared(none, some)
    assert shown(content) == [("ranked documents", "none", "0", "visible")]


def test_ids_rounding_and_ties_are_no_difference(compared: Compared) -> None:
    before = ranked((0, 0.5), (1, 0.5), (2, 0.25))
    after = ranked((1, 0.5000004), (0, 0.5), (2, 0.2500003))
    content, code = compared([entry(BODY, before, number=1)], [entry(BODY, after, number=2)])
    assert (content["changes"], content["compared"], code) == ([], 1, 0)


def test_requests_are_paired_by_their_meaning_and_not_their_bytes(compared: Compared) -> None:
    spaced = json.dumps({name: BODY[name] for name in reversed(BODY)}, indent=4)
    content, _ = compared([entry()], [entry(spaced, url="http://other.example/rerank")])
    assert (content["compared"], content["uncompared"]) == (1, [])


def test_another_order_of_the_requests_is_no_difference(compared: Compared) -> None:
    entries = [entry(asking(number), ranked((number % 3, 0.5))) for number in range(6)]
    content, _ = compared(entries, entries[::-1])
    assert (content["compared"], content["changes"], content["uncompared"]) == (6, [], [])


def test_of_equal_requests_those_with_the_same_status_are_a_pair(compared: Compared) -> None:
    refused, answered = entry(BODY, REFUSED, 401), entry()
    content, _ = compared([refused, answered], [answered, refused])
    assert (content["compared"], content["changes"]) == (2, [])
    content, code = compared([refused, answered], [refused, refused])
    assert (shown(content), code) == ([("status", 200, 401, "breaks_clients")], 1)


def test_equal_requests_are_paired_in_their_order(compared: Compared) -> None:
    one, other = entry(BODY, ranked((0, 0.5))), entry(BODY, ranked((1, 0.5)))
    assert compared([one, other], [one, other])[0]["changes"] == []
    content, _ = compared([one, other], [other, one])
    assert [row["place"] for row in content["changes"]] == ["ranked documents"]
    assert content["changes"][0]["note"].startswith("2 of 2 pairs, ")


def test_a_busy_service_is_said_and_no_change(compared: Compared) -> None:
    busy = entry(BODY, {"message": "no", "data": None}, 429)
    content, code = compared([busy, entry()], [entry()])
    assert (content["compared"], content["changes"], code) == (1, [], 0)
    assert list(left_out(content)) == ["the service was busy"]
    content, code = compared([entry()], [busy])
    assert (content["compared"], content["changes"], code) == (0, [], 3)


def test_requests_of_one_file_are_counted_and_named(compared: Compared, tmp_path: Path) -> None:
    more = [entry(), *(entry(asking(number)) for number in range(3)), entry(url="http://a/chat")]
    content, code = compared(more, [entry()])
    names = left_out(content)
    assert names[f"only in {tmp_path / 'old.har'}"] == [
        f"entry {number + 2} ({BODY['model']}, question {number}, 3 documents)"
        for number in range(3)
    ]
    assert names["it is not for /rerank"] == [f"1 entry of {tmp_path / 'old.har'}"]
    assert (content["compared"], content["changes"], code) == (1, [], 0)


def test_one_difference_of_many_pairs_is_said_once_with_the_largest(compared: Compared) -> None:
    before = [entry(asking(number), ranked((0, 0.5))) for number in range(3)]
    after = [
        entry(asking(number), ranked((0, score))) for number, score in enumerate((0.5, 0.9, 0.6))
    ]
    content, _ = compared(before, after)
    assert shown(content) == [("relevance_score", 0.5, 0.9, "visible")]
    assert "2 of 3 pairs, the largest in" in content["changes"][0]["note"]
    assert content["changes"][0]["note"].endswith("new.har, entry 2")


def test_what_waits_for_its_pair_is_bounded(
    compared: Compared, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recordings, "WAITING", 10_000)
    entries = [entry(asking(number)) for number in range(20)]
    content, _ = compared(entries, entries)
    assert content["compared"] == 20
    content, _ = compared(entries, entries[::-1])
    assert 5 < content["compared"] < 20
    reason = "the other file has it much later, or not at all"
    assert len(left_out(content)[reason]) > 3


def test_different_differences_are_bounded(
    compared: Compared, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recordings, "KEPT", 3)
    before = [entry(asking(number), REFUSED, 400) for number in range(9)]
    after = [entry(asking(number), {**REFUSED, "code": number}, 400) for number in range(9)]
    content, _ = compared(before, after)
    assert [row["place"] for row in content["changes"]] == [
        *["code"] * 3,
        "more differences, such as code",
    ]


def test_a_key_stands_nowhere(compared: Compared) -> None:
    key = "sk-of-these-tests"
    content, _ = compared(
        [entry({**BODY, "query": key})], [entry({**BODY, "query": key}, {"message": key}, 400)]
    )
    assert content["changes"]
    assert key not in json.dumps(content)


@pytest.mark.parametrize(
    ("content", "trouble"),
    [
        ('{"log": {"entries": [{', "ends too early"),
        ('{"log": 3}', "has no array log.entries"),
        ("interactions: {", "is neither JSON nor YAML"),
        ("words", "is neither an archive nor a cassette"),
    ],
)
def test_a_recording_that_cannot_be_read_to_its_end_is_refused(
    content: str, trouble: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.har"
    bad.write_text(content, "utf-8")
    message = refusal(written(tmp_path, entry()), bad, capsys)
    assert f"{bad} {trouble}" in message
    assert len(message.splitlines()) == 1
