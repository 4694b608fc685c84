"""A request takes time and memory as its length does, whatever it holds.

Nothing is timed here: each request would take minutes, or more memory than there is, if its work
grew faster than its length. See `bounded.py`.
"""

import unicodedata
from textwrap import dedent

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from mockserver import scoring
from mockserver.redaction import REDACTED, Redactor
from mockserver.scoring import tokenize
from mockserver.state.pins import Pin
from mockserver.wire import Request
from tests.mockserver.bounded import run_bounded

pytestmark = pytest.mark.slow

PREAMBLE = """
import json
from mockserver.admin.dispatch import dispatch
from mockserver.contract import SCHEMAS
from mockserver.state.store import State
from mockserver.wire import Request

KEY = {"authorization": "Bearer sk-mock"}
TWICE = b'"' + b"x" * 1_000_000 + b'":1'

def send(state, body, headers=KEY, method="POST", path="/v1/rerank"):
    body = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    response = dispatch(state, Request(method, path, "", headers, body))
    print(response.status, len(response.body))

def rerank(**changes):
    return {"model": "BAAI/bge-reranker-v2-m3", "query": "a", "documents": ["a"], **changes}
"""


def outcomes(code: str) -> list[tuple[int, int]]:
    """Run code after the preamble; return status and length of each answer."""
    printed = run_bounded(PREAMBLE + dedent(code)).splitlines()
    return [(int(status), int(length)) for status, length in map(str.split, printed)]


#: As many errors as a body may hold, as the members of a rerank request.
WRONG = {
    "numbers for documents": '{"documents": [1] * 90_000}',
    "objects for documents": '{"documents": [{"a": 1}] * 40_000}',
    "contents of no shape": '{"model": "Qwen/Qwen3-VL-Reranker-8B", "documents": [{}] * 40_000}',
    "a long name of a model": '{"model": "B" * 4_000_000}',
    "a long magic query": '{"query": "rerank-mock:" + "overloade" * 400_000}',
}

#: The same for what is no error, and has advice on it.
DOUBTFUL = {
    "unknown fields": '{f"field {n}": n for n in range(90_000)}',
    "a long name of a field": '{"x" * 4_000_000: 1}',
}


@pytest.mark.parametrize("members", DOUBTFUL.values(), ids=DOUBTFUL)
def test_a_doubtful_body_takes_no_more_than_a_right_one(members: str) -> None:
    ((status, length),) = outcomes(f"send(State(), rerank(**{members}))")
    assert status == 200
    assert length < 1000


@pytest.mark.parametrize("headers", ["KEY", "{}"], ids=["with a key", "without a key"])
@pytest.mark.parametrize("members", WRONG.values(), ids=WRONG)
def test_a_wrong_body_takes_no_more_than_a_right_one(members: str, headers: str) -> None:
    ((status, length),) = outcomes(f"send(State(), rerank(**{members}), {headers})")
    assert status == (401 if headers == "{}" else 400)
    assert length < 1000


#: A call of `/__admin` with as many errors.
WRONG_CALLS = {
    "keys": '"POST", "/accounts", {"keys": [1] * 1_000_000}',
    "misshapen keys": '"POST", "/accounts", {"keys": ["wrong key"] * 1_000_000}',
    "members": '"POST", "/accounts", {f"member {n}": n for n in range(500_000)}',
    "pins": '"POST", "/pins", {"account": "account-1", "pins": [1] * 1_000_000}',
    "scores": '"POST", "/pins", {"account": "account-1", "pins": '
    '[{"scores": {f"text {n}": "a" for n in range(500_000)}}]}',
    "steps": '"POST", "/scenarios", {"account": "account-1", "scenario": '
    '{"name": "a", "steps": [{"times": 0}] * 500_000}}',
    "switches": '"PATCH", "/behaviour", {f"switch {n}": n for n in range(500_000)}',
    "accounts of a snapshot": '"PUT", "/snapshot", {"version": 1, "accounts": [1] * 1_000_000}',
    "models of a snapshot": '"PUT", "/snapshot", {"version": 1, "models": [{}] * 1_000_000}',
    "a long name": '"POST", "/scenarios", {"account": "a" * 5_000_000, "scenario": "flaky"}',
    "a long scenario": '"POST", "/scenarios", {"account": "a", "scenario": "b" * 5_000_000}',
    "a long path": '"POST", "/accounts", {"model_limits": {"x" * 5_000_000: {"RPM": -1}}}',
    "a long gated field": '"PATCH", "/models", {"model": "BAAI/bge-reranker-v2-m3", '
    '"supports": ["x" * 5_000_000]}',
    "a long name twice": '"POST", "/accounts", (b"{%b,%b}" % (2 * (TWICE,)))',
    "a long pinned account": '"PUT", "/snapshot", {"version": 1, "pins": {"x" * 5_000_000: []}}',
    "a long value of a switch": '"PUT", "/snapshot", {"version": 1, "behaviour": '
    '{"id_format": [1] * 1_000_000}}',
}


@pytest.mark.parametrize("call", WRONG_CALLS.values(), ids=WRONG_CALLS)
def test_a_wrong_admin_call_takes_no_more_than_a_right_one(call: str) -> None:
    code = f"""
    method, path, body = {call}
    send(State(), body, KEY, method, "/__admin" + path)
    """
    ((status, length),) = outcomes(code)
    assert status == 400
    assert length < 1000


def test_a_wrong_state_file_takes_no_more_than_a_right_one() -> None:
    code = """
    import pathlib, tempfile
    from mockserver.state.snapshots import StateError
    file = pathlib.Path(tempfile.mkdtemp(), "state.json")
    file.write_text(json.dumps({"version": 1, "windows": [1] * 1_000_000}))
    try:
        State().load(file)
    except StateError as error:
        assert "$.windows[0]" in str(error)
        print(400, len(str(error)))
    """
    ((_, length),) = outcomes(code)
    assert length < 1000


def test_many_models_and_planned_changes_take_as_long_as_their_number_says() -> None:
    code = """
    model = json.loads((SCHEMAS / "revisions/2026-07/models.json").read_bytes())[0]
    models = [{**model, "id": f"a/{n}"} for n in range(30_000)]
    plans = [{"at": 1, "model": row["id"], "state": "offline"} for row in models]
    state, snapshot = State(), {"version": 1, "models": models, "planned_changes": plans}
    send(state, snapshot, KEY, "PUT", "/__admin/snapshot")
    assert not any(model.state == "online" for model in state.models.values())
    """
    assert [status for status, _ in outcomes(code)] == [200]


#: Texts of a million characters. The first are marks that normalisation sorts.
LONG = {
    "two marks by turns": r'"a" + "\u0301\u0323" * 500_000',
    "marks that fall in class": r'"a" + "\u0301" * 500_000 + "\u0316" * 500_000',
    "marks that decompose": r'"\u0344\u0316" * 500_000',
    "marks of many classes": r'"".join(map(chr, range(0x300, 0x34f))) * 12_000',
    "marks before letters": r'("\u0301\u0323" * 2_000 + "a") * 250',
    "one letter": '"a" * 1_000_000',
    "signs": '"!" * 1_000_000',
}


@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
@pytest.mark.parametrize("place", ["query", "document", "instruction"])
def test_no_text_takes_the_square_of_its_length(text: str, place: str) -> None:
    members = {
        "query": f"query={text}",
        "document": f"documents=[{text}]",
        "instruction": f'model="Qwen/Qwen3-Reranker-8B", instruction={text}',
    }[place]
    code = f"""
    state = State()
    state.change_account("account-1", limits={{"TPM": None}})
    send(state, rerank({members}))
    """
    ((status, _),) = outcomes(code)
    assert status == 200


SECRETS = {
    "a key that nearly stands there": '{"authorization": "Bearer " + "a" * 60_000 + "b word"}',
    "the same from its end": '{"authorization": "Bearer word b" + "a" * 60_000}',
    "the same in its middle": """{"authorization": f"Bearer {'a' * 30_000}b{'a' * 30_000} word"}""",
    "many words": '{"authorization": " ".join("a" * n for n in range(4, 700))}',
    "a long cookie": '{**KEY, "cookie": "a" * 200_000}',
}


@pytest.mark.parametrize("headers", SECRETS.values(), ids=SECRETS)
def test_no_secret_takes_the_product_of_its_length_and_that_of_the_text(headers: str) -> None:
    code = f"""
    state = State()
    state.journal.body_bytes = 10_000_000
    send(state, rerank(documents=["a" * 5_000_000]), {headers})
    """
    assert len(outcomes(code)) == 1


PINS = {
    "an order of many texts": '[{"order": [f"text {n}" for n in range(200_000)]}]',
    "many pins": '[{"scores": {f"text {n}": 0.5}} for n in range(50_000)]',
}


@pytest.mark.parametrize("pins", PINS.values(), ids=PINS)
def test_no_pins_take_the_product_of_their_number_and_that_of_the_documents(pins: str) -> None:
    code = f"""
    state = State()
    state.change_account("account-1", limits={{"TPM": None}})
    body = {{"account": "account-1", "pins": {pins}}}
    send(state, body, KEY, "POST", "/__admin/pins")
    for start in (0, 180_000):
        texts = [f"text {{n}}" for n in range(start, start + 20_000)]
        send(state, rerank(documents=texts))
    """
    assert [status for status, _ in outcomes(code)] == [201, 200, 200]


def test_no_scripted_answer_takes_the_product_of_what_it_leaves_out_and_the_results() -> None:
    code = """
    state = State()
    state.change_account("account-1", limits={"TPM": None})
    edit = {"leave_out": [*range(100_000, 200_000)]}
    armed = {"account": "account-1", "scenario": {"name": "a", "steps": [{"answer": edit}]}}
    send(state, armed, KEY, "POST", "/__admin/scenarios")
    send(state, rerank(documents=["a"] * 50_000))
    """
    assert [status for status, _ in outcomes(code)] == [201, 200]


MARKS = st.sampled_from("\u0301\u0323\u0316\u0344\u0f73\u3099\u093c")
TEXTS = st.text() | st.text(st.sampled_from("aé한กि☃ 图ﬁ①Ⅷ") | MARKS, max_size=60)


def has_a_run_of_marks(text: str) -> bool:
    """Return whether there are 30 signs in a row that are neither letters, spaces nor ASCII."""
    kinds = "".join(
        "m" if not (sign.isalnum() or sign.isspace() or sign.isascii()) else " " for sign in text
    )
    return "m" * 30 in kinds


@given(TEXTS)
@example("Ça coûte 3 € — naïve “façade” ﬁn ①②③ ｶﾞ")
@example("हिन्दी में परीक्षण, ไทยเขียนยังไง, עִבְרִית, Tiếng Việt")
def test_ordinary_texts_have_the_tokens_that_they_had(text: str) -> None:
    assume(not has_a_run_of_marks(text))
    whole = unicodedata.normalize("NFKC", text).casefold()
    assert [*tokenize(text)] == scoring._TOKEN.findall(whole)  # pyright: ignore[reportPrivateUsage]


def test_a_run_of_marks_is_no_longer_a_run_but_loses_none() -> None:
    marks = "\u0301\u0323" * 100
    assert sorted(tokenize(f"x{marks}y")) == sorted(["x", *marks, "y"])


@given(st.lists(st.text("ab", min_size=4, max_size=8), min_size=1), st.text("ab"))
def test_no_secret_is_left_wherever_it_is(words: list[str], text: str) -> None:
    request = Request("POST", "/", "", {"authorization": f"Bearer {' '.join(words)}"}, b"")
    redactor = Redactor(request, lambda _: False)
    left = redactor.text(text).split(REDACTED)
    assert not any(word in piece for word in words for piece in left)
    assert redactor.text(f"{words[0]}!{text}").startswith(REDACTED)


@given(
    st.lists(st.sampled_from("abcdef"), min_size=1),
    st.dictionaries(st.sampled_from("abc"), st.floats(0, 1)),
)
def test_a_pin_scores_by_the_first_place_of_a_text_unless_it_has_a_score(
    order: list[str], scores: dict[str, float]
) -> None:
    named = Pin(scores=scores, order=tuple(order)).named
    assert named.keys() == {*order, *scores}
    for text, score in named.items():
        place = order.index(text) + 1 if text in order else 0
        assert score == scores.get(text, 1 - 0.5 * place / (len(order) + 1))
