"""What is no conforming target: one sentence says what was seen and what to try."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from contract_tests.exchanges import Answer, Request
from contract_tests.mutants.operators import Answerer, Sender
from tests.contract_tests.conftest import KEY
from tests.contract_tests.judged import Judged
from tests.independent_server import IndependentServer


def spoken(change: Callable[[Answer], bytes]) -> Answerer:
    def answer(send: Sender, request: Request) -> Answer:
        original = send(request)
        return replace(original, body=change(original)) if original.status == 200 else original

    return answer


def page(_: Answer) -> bytes:
    return b"<!doctype html><title>Sign in</title>"


def bare_array(answer: Answer) -> bytes:
    return json.dumps(answer.json["results"]).encode()


def data(answer: Answer) -> bytes:
    return json.dumps({"data": answer.json["results"]}).encode()


#: What the target is -> what stands between, the code, what was seen, and what to try.
CASES: dict[str, tuple[Answerer | None, int, str, str]] = {
    "unreachable": (None, 3, "no answer from http://127.0.0.1:9/v1", "does it run"),
    "without /v1": (None, 3, "status 404", "a base URL ends in /v1, without /rerank"),
    "with /rerank": (None, 3, "/v1/rerank/rerank", "a base URL ends in /v1, without /rerank"),
    "wrong key": (None, 3, "the key in $SILICONFLOW_API_KEY was refused", "put a valid one there"),
    "page": (spoken(page), 3, "answered with a page", "does a login or a proxy stand between?"),
    "bare array": (spoken(bare_array), 1, "dialect of TEI", "it should be in results"),
    "data": (spoken(data), 1, "dialect of Voyage", "it should be in results"),
}


@pytest.mark.parametrize("selection", [["-x"], ["-k", "test_top_n"]], ids=" ".join)
@pytest.mark.parametrize("name", CASES)
def test_one_sentence_says_what_was_seen_and_what_to_try(
    name: str,
    selection: list[str],
    judged: Callable[..., Judged],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    instead, code, seen, to_try = CASES[name]
    if name == "wrong key":
        monkeypatch.setenv("SILICONFLOW_API_KEY", "sk-of-somebody-else")
    with IndependentServer(KEY) as server:
        base_url = {
            "unreachable": "http://127.0.0.1:9/v1",
            "without /v1": server.base_url.removesuffix("/v1"),
            "with /rerank": f"{server.base_url}/rerank",
        }.get(name, server.base_url)
        run = judged("--effort=smoke", f"--target={base_url}", *selection, instead=instead)
    assert run.code == code
    told = [str(row["reason"]) for row in run.report["requirements"]]
    told += [v["received"] for row in run.report["requirements"] for v in row["violations"]]
    assert any(seen in sentence and to_try in sentence for sentence in told)
    assert "\n" not in "".join(told)
