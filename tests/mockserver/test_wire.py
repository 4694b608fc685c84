import json
from typing import NoReturn

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.wire import MAX_DEPTH, Family, Json, WireError, error_response, load

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False)
VALUES = st.recursive(
    SCALARS.filter(lambda value: abs(value or 0) != float("inf")) | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
    max_leaves=20,
)


@pytest.mark.slow
@given(VALUES, st.booleans())
def test_every_json_value_is_read_as_it_was_written(value: Json, unique_keys: bool) -> None:
    assert load(json.dumps(value).encode(), unique_keys=unique_keys) == value


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"{", id="unfinished"),
        pytest.param(b"{} {}", id="two values"),
        pytest.param(b"{'a': 1}", id="single quotes"),
        pytest.param(b'{"a": 1,}', id="trailing comma"),
        pytest.param(b'"\xff"', id="broken UTF-8"),
        pytest.param(b'"\xed\xa0\x80"', id="surrogate in UTF-8"),
        pytest.param(b"\xef\xbb\xbf{}", id="byte order mark"),
        pytest.param("{}".encode("utf-16"), id="UTF-16"),
        pytest.param("{}".encode("utf-32"), id="UTF-32"),
        pytest.param(b"NaN", id="NaN"),
        pytest.param(b"-Infinity", id="infinity"),
        pytest.param(b"1e400", id="beyond a double"),
        pytest.param(b"1" * 5000, id="integer of 5,000 digits"),
        pytest.param(b'"\\ud800"', id="lone surrogate"),
        pytest.param(b'{"\\udc00": 1}', id="lone surrogate in a key"),
        pytest.param(b'"\x00"', id="bare NUL"),
        pytest.param(b"[" * 100_000, id="depth bomb"),
        pytest.param(b"[" * 1_000 + b"]" * 1_000, id="deep"),
    ],
)
def test_what_is_not_strictly_json_is_refused(body: bytes) -> None:
    with pytest.raises(WireError, match="Is "):
        load(body)


def test_nesting_is_read_to_its_limit_and_no_deeper() -> None:
    def nested(depth: int) -> bytes:
        return (
            b'{"a":[' * (depth // 2)
            + b"[" * (depth % 2)
            + b"]" * (depth % 2)
            + b"]}" * (depth // 2)
        )

    assert load(nested(MAX_DEPTH)) == orjson.loads(nested(MAX_DEPTH))
    with pytest.raises(WireError, match="deeper"):
        load(nested(MAX_DEPTH + 1))


def test_brackets_in_text_are_no_nesting() -> None:
    assert load(json.dumps("[" * 1000).encode()) == "[" * 1000


def test_the_deepest_value_that_is_read_can_be_printed_again() -> None:
    orjson.dumps({"results": [{"document": load(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)}]})


def test_an_equal_key_is_refused_only_on_demand() -> None:
    body = b'{"a": {"b": 1, "b": 2}}'
    assert load(body) == {"a": {"b": 2}}
    with pytest.raises(WireError, match="'b' twice"):
        load(body, unique_keys=True)


def test_integers_are_exact_within_64_bits_and_floats_beyond() -> None:
    assert load(b"18446744073709551615") == 2**64 - 1
    assert isinstance(load(b"18446744073709551616"), float)


@given(st.binary(max_size=40))
def test_bytes_are_read_as_the_standard_library_does_or_refused(body: bytes) -> None:
    def refuse(constant: str) -> NoReturn:
        raise ValueError(constant)

    try:
        expected = json.loads(body.decode(), parse_constant=refuse)
    except ValueError:
        with pytest.raises(WireError):
            load(body)
    else:
        assert load(body) == expected


@pytest.mark.parametrize(
    ("family", "content_type", "body"),
    [
        ("object", "application/json", b'{"code":7,"message":"No","data":null}'),
        ("object_without_code", "application/json", b'{"message":"No","data":null}'),
        ("string", "application/json", b'"No"'),
        ("text", "text/plain; charset=utf-8", b"No"),
    ],
)
def test_each_family_of_error_bodies_has_its_shape(
    family: Family, content_type: str, body: bytes
) -> None:
    response = error_response(418, family, 7, "No")
    assert (response.status, response.headers["content-type"]) == (418, content_type)
    assert response.body == body
