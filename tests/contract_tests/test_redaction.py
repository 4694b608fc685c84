"""A key is found in each spelling that a reader could undo, and nothing else is."""

import base64
import html
import json
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract_tests.redaction import BLOT, blot, blot_headers, blot_text

KEY = "sk-Of/These+Tests_1.2"


def each(form: str) -> Callable[[str], str]:
    return lambda text: "".join(form.format(ord(letter)) for letter in text)


SPELLINGS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "in upper case": str.upper,
    "in the other case": str.swapcase,
    "without its last letter": lambda key: key[:-1],
    "one letter escaped for JSON": lambda key: key.replace("s", "\\u0073"),
    "escaped for JSON": each("\\u{:04x}"),
    "escaped for JSON within JSON": lambda key: json.dumps(each("\\u{:04X}")(key))[1:-1],
    "with a slash escaped": lambda key: key.replace("/", "\\/"),
    "escaped for Python": each("\\x{:02x}"),
    "escaped for JavaScript": each("\\u{{{:x}}}"),
    "in a URL": lambda key: quote(key, safe=""),
    "all in a URL": each("%{:02x}"),
    "twice in a URL": lambda key: quote(quote(key, safe=""), safe=""),
    "in HTML, decimal": each("&#{};"),
    "in HTML, hexadecimal": each("&#x{:X};"),
    "twice in HTML": lambda key: html.escape(each("&#{};")(key)),
    "quoted-printable": each("={:02X}"),
    "hexadecimal": lambda key: key.encode().hex(),
    "hexadecimal in upper case": lambda key: key.encode().hex().upper(),
    "hexadecimal, as in a dump": lambda key: key.encode().hex(" "),
    "hexadecimal with colons": lambda key: key.encode().hex(":"),
    "octal": each("\\{:03o}"),
    "reversed": lambda key: key[::-1],
    "reversed, without its last letter": lambda key: key[-2::-1],
    "UTF-16": lambda key: key.encode("utf-16-le").decode(),
}


@pytest.mark.parametrize("spell", SPELLINGS.values(), ids=SPELLINGS)
def test_a_key_is_blotted_out_in_every_spelling(spell: Callable[[str], str]) -> None:
    text = f'{{"you sent": "{spell(KEY)}"}}'.encode()
    assert blot(text, KEY).replace(b"\0", b"") == b'{"you sent": "[key]"}'


@pytest.mark.parametrize("form", ["u{:04x}", "x{:02X}"])
def test_a_key_is_blotted_out_where_backslashes_are_lost(form: str) -> None:
    assert blot(each(form)(KEY).encode(), KEY) == BLOT


@given(st.lists(st.sampled_from(["{}", "\\u{:04x}", "%{:02x}", "&#{};"]), min_size=len(KEY)))
def test_spellings_may_be_mixed(forms: list[str]) -> None:
    spelt = "".join(
        letter if form == "{}" else form.format(ord(letter))
        for letter, form in zip(KEY, forms, strict=False)
    )
    assert blot(spelt.encode(), KEY) == BLOT


@pytest.mark.parametrize("before", ["", "u", "Basic user:", "Bearer ", "a", "ab", "abc"])
@pytest.mark.parametrize("after", ["", "a", "ab", "abc"])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_a_key_within_base64_is_blotted_out(
    before: str, after: str, encode: Callable[[bytes], bytes]
) -> None:
    spelt = encode(f"{before}{KEY}{after}".encode())
    left, _, right = blot(spelt, KEY).partition(BLOT)
    # At either end a letter may hold a few bits of the key.
    assert len(left) + len(right) <= len(encode((before + after).encode())) + 4


@pytest.mark.parametrize("before", range(5))
@pytest.mark.parametrize("after", range(5))
def test_a_key_within_base32_is_blotted_out(before: int, after: int) -> None:
    spelt = base64.b32encode(b"a" * before + KEY.encode() + b"a" * after)
    left, _, right = blot(spelt, KEY).partition(BLOT)
    assert len(left) <= 2 * before
    assert len(right.rstrip(b"=")) <= 2 * after + 1


@pytest.mark.parametrize("before", ["", "a", "ab"])
def test_a_key_that_is_in_base64_twice_is_blotted_out(before: str) -> None:
    once = base64.b64encode(f"{before}{KEY}".encode())
    for spelt in (base64.b64encode(once), base64.b64encode(b"Basic " + once)):
        left, found, right = blot(spelt, KEY).partition(BLOT)
        assert found
        assert len(left) + len(right) <= 24


SPELT = st.sampled_from([spell(KEY) for spell in SPELLINGS.values()])
#: Texts, keys in some spelling, and fronts of such.
PIECES: st.SearchStrategy[str] = (
    st.text(max_size=3) | SPELT | st.tuples(SPELT, st.integers(1)).map(lambda it: it[0][: -it[1]])
)


@given(st.lists(PIECES).map("".join))
def test_no_spelling_is_overlooked_where_the_whole_pattern_is_not_tried(text: str) -> None:
    sign = b"\n%"
    assert blot(text.encode() + sign, KEY) == blot(text.encode(), KEY) + sign


@pytest.mark.parametrize("spell", SPELLINGS.values(), ids=SPELLINGS)
def test_a_key_is_blotted_out_of_one_header_among_others(spell: Callable[[str], str]) -> None:
    plain = {"date": "today", "x-trace": "0af7651916cd43dd8448eb211c80319c"}
    for name, value in (("x-you-sent", f"this: {spell(KEY)}"), (f"x-{spell(KEY)}", "yes")):
        blotted = blot_headers({**plain, name: value, "via": "1.1"}, lambda it: blot_text(it, KEY))
        own = {blot_text(name, KEY): blot_text(value, KEY)}
        assert own != {name: value}
        assert blotted == {**plain, **own, "via": "1.1"}


@given(st.text())
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert blot(text.encode(), KEY) == text.encode()


@pytest.mark.parametrize("key", ["", "x", "1", "apple", "1234567"])
def test_a_short_key_is_no_secret(key: str) -> None:
    assert blot(b'{"apple": 1234567}', key) == b'{"apple": 1234567}'


@pytest.mark.slow
@pytest.mark.parametrize("text", ["\\", "s", "&amp;", "sk-of/", "\\u0073", "%25", "\0"])
def test_no_text_takes_the_square_of_its_length(text: str) -> None:
    assert BLOT not in blot(text.encode() * 500_000, KEY)
