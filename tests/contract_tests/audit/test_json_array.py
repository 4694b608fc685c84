"""A JSON file is read one member at a time, wherever its pieces are cut, and as far as it goes."""

import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract_tests.audit import json_array
from contract_tests.audit.json_array import CutError, JsonArray, JsonError, TooLong
from contract_tests.contract import AnyJson

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)


class Dripping(io.BytesIO):
    """A file that gives a few bytes at a time."""

    def __init__(self, content: bytes, size: int) -> None:
        super().__init__(content)
        self._size = size

    def read(self, _size: int | None = -1, /) -> bytes:
        return super().read(self._size)


def members(content: bytes, size: int = 1000) -> tuple[list[AnyJson], tuple[str, ...]]:
    array = JsonArray(Dripping(content, size), lambda _: None)
    found = list(array.members())
    array.finish()
    return found, array.path


@given(st.lists(VALUES, max_size=4), VALUES, st.integers(1, 40), st.booleans(), st.booleans())
@settings(max_examples=50)
def test_the_members_are_those_of_the_file(
    wanted: list[AnyJson], other: AnyJson, size: int, is_ascii: bool, is_indented: bool
) -> None:
    whole = {"a": other, "log": {"b": other, "entries": wanted, "c": other}}
    text = json.dumps(whole, ensure_ascii=is_ascii, indent=1 if is_indented else None)
    content = text.encode("utf-8", "backslashreplace")
    assert members(content, size) == (wanted, ("log", "entries"))


@pytest.mark.parametrize(
    ("whole", "path"),
    [
        ({"seen": 1, "entries": [1, 2]}, ("entries",)),
        ({"interactions": [1, 2]}, ("interactions",)),
        ({"log": {"creator": {}}, "http_interactions": [1, 2]}, ("http_interactions",)),
        ([1, 2], ()),
    ],
)
def test_the_array_is_found_wherever_it_may_be(whole: AnyJson, path: tuple[str, ...]) -> None:
    assert members(b"\xef\xbb\xbf " + json.dumps(whole).encode()) == ([1, 2], path)


def test_of_a_file_that_is_cut_all_whole_members_are_read() -> None:
    wanted = [{"a": 'é\\"[{'}, [1, {"b": [None]}], "c"]
    content = json.dumps({"log": {"entries": wanted}}, ensure_ascii=False).encode()
    found: list[AnyJson] = []
    for end in range(len(content) - 2):
        array = JsonArray(Dripping(content[:end], 7), lambda _: None)
        found = []
        with pytest.raises(JsonError) as told:
            found.extend(array.members())
        assert isinstance(told.value, CutError) or "is not UTF-8" in str(told.value)
        assert found == wanted[: len(found)]
    assert len(found) == len(wanted)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "ends too early"),
        (b"{}", "has no array log.entries, entries, interactions or http_interactions"),
        (b'{"log": {"entries": {}}}', "has no array"),
        (b'{"log" 1}', "is not JSON: expected ':', found '1'"),
        (b'{"log": {"entries": [{"a": tru}, 1]}}', "is not JSON: Expecting value"),
        (b"{1: 2}", "is not JSON: the name of a member is none"),
        (b'["\xff"]', "is not UTF-8: invalid start byte"),
        (b"[" * 200_000 + b"]" * 200_000, "is nested too deeply"),
        (b"[" * 200_000, "is nested too deeply"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_in_a_few_words(content: bytes, said: str) -> None:
    with pytest.raises(JsonError) as told:
        members(content)
    assert str(told.value).startswith(said)


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_an_error_has_its_line_and_column_wherever_the_pieces_are_cut(size: int) -> None:
    with pytest.raises(JsonError) as told:
        members('{"log": {\n "a": "é",\n "entries": [1, 2,\n3, tru]}}'.encode(), size)
    assert str(told.value) == "is not JSON: Expecting value (line 4, column 4)"
    with pytest.raises(JsonError) as told:
        members('{"a": "é", "b\xff"}'.encode("latin-1").replace(b"\xe9", b"\xc3\xa9"), size)
    assert str(told.value) == "is not UTF-8: invalid start byte (byte 15)"


def test_a_member_that_is_too_long_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_array, "LONGEST", 100)
    long = {"a": ['"\\]}' * 100, {"b": "é" * 100}]}
    found, _ = members(json.dumps([1, long, 2, "x" * 500, 3]).encode(), 9)
    assert [None if isinstance(each, TooLong) else each for each in found] == [1, None, 2, None, 3]
