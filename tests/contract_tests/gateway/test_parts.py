"""Parts of a key are found in every spelling; a mask, or what another key shares, is none."""

import base64
import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract_tests.gateway.parts import SECRET_PART, blot_parts
from contract_tests.redaction import BLOT
from tests.contract_tests.test_redaction import SPELLINGS

KEY = "sk-Of/These+Tests_1.2:and-more"
WHOLE = {name: spell for name, spell in SPELLINGS.items() if "last letter" not in name}
#: What a gateway may leave of it: without its end, its beginning, both.
LEFT = [KEY[:-4], KEY[: 3 + SECRET_PART], KEY[5:], KEY[-SECRET_PART:], KEY[5:-5]]


def twice(raw: bytes) -> bytes:
    return base64.b64encode(base64.b64encode(raw))


@pytest.mark.parametrize("left", LEFT)
@pytest.mark.parametrize("spell", WHOLE.values(), ids=WHOLE)
def test_a_part_is_blotted_out_in_every_spelling(spell: Callable[[str], str], left: str) -> None:
    text = f'{{"you sent": "{spell(left)}"}}'.encode()
    blotted = blot_parts(text, KEY).replace(b"\0", b"")
    front, found, rest = blotted.partition(BLOT)
    assert found
    # A prefix may remain.
    assert len(front + rest) <= len(b'{"you sent": ""}' + spell("sk-").encode())


@pytest.mark.parametrize("left", LEFT)
@pytest.mark.parametrize("before", ["", "Basic user:", "a", "ab", "abc", "abcd"])
@pytest.mark.parametrize(
    "encode",
    [
        base64.b64encode,
        base64.urlsafe_b64encode,
        base64.b32encode,
        twice,
    ],
)
def test_a_part_within_a_word_is_blotted_out(
    encode: Callable[[bytes], bytes], before: str, left: str
) -> None:
    spelt = encode(f"{before}{left}".encode())
    assert blot_parts(b"key " + spelt, KEY).rstrip(b"=") == b"key " + BLOT


@pytest.mark.parametrize(
    "text",
    [
        "sk-...more",
        f"sk-****{KEY[-4:]}",
        f"{KEY[:9]}****{KEY[-4:]}",
        f"{KEY[: 3 + SECRET_PART - 1]}",
        f"{KEY[-SECRET_PART + 1 :]}",
    ],
)
def test_a_mask_is_no_part(text: str) -> None:
    assert blot_parts(text.encode(), KEY) == text.encode()


def test_what_another_key_has_too_is_no_part() -> None:
    text = b"this gateway is sk-...-of-the-gateway"
    assert blot_parts(text, "sk-mine-of-the-gateway") != text
    assert blot_parts(text, "sk-mine-of-the-gateway", "sk-yours-of-the-gateway") == text


@given(st.text())
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert blot_parts(text.encode(), KEY) == text.encode()


def test_a_text_with_a_part_is_the_same_json_without_it() -> None:
    text = json.dumps({"sent": KEY[:-4], "escaped": 'caf\u00e9 \\ "', "n": [1.5, None]})
    assert json.loads(blot_parts(text.encode(), KEY)) == {
        **json.loads(text),
        "sent": "sk-[key]",
    }
