"""Where a key stands in what one side of a gateway has sent, and how it is spelled."""

import base64

import pytest

from contract_tests.gateway.places import place_of

KEY = "sk-key-of-somebody"
WORD = base64.b64encode(b"a:" + KEY.encode()).decode()


@pytest.mark.parametrize(
    ("line", "place"),
    [
        (f"POST /v1/rerank?key={KEY} HTTP/1.1", "the query of the URL, as it is"),
        (f"POST /{KEY}/rerank HTTP/1.1", "the path of the URL, as it is"),
        (f"X-Key: {KEY}", "the header x-key, as it is"),
        (f"x-{KEY}: 1", "the name of a header, as it is"),
        (f"Cookie: key={KEY.upper()}", "the header cookie, in another case"),
        (f"X-Key: {KEY.encode().hex()}", "the header x-key, in hexadecimal"),
        (f"X-Key: {WORD}", "the header x-key, in base64"),
        (f"X-Key: {WORD.rstrip('=')}", "the header x-key, in base64"),
        (f'{{"user": "{KEY[::-1]}"}}', "the body, reversed"),
        (f'{{"user": "{KEY.replace("-", "%2d")}"}}', "the body, in another spelling"),
        ("Host: 127.0.0.1", ""),
    ],
)
def test_a_key_is_found_where_it_stands(line: str, place: str) -> None:
    messages = f"POST /v1/rerank HTTP/1.1\r\nAccept: */*\r\n{line}\r\n\r\n".encode()
    assert place_of(messages, KEY) == place


def test_a_short_key_stands_there_by_chance() -> None:
    assert place_of(b"Host: short", "short") == ""
