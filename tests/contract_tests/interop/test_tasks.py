"""A client's answer is compared with what the target answers a plain request."""

import json
from typing import Any, TypeAlias

import pytest
from jsonschema import Draft202012Validator

from contract_tests.exchanges import Answer, Exchange
from contract_tests.interop.tasks import TASKS, Outcome, Task, compare, refusal
from tests.schemas.data import FOLDER

Json: TypeAlias = Any

BY_ID = {task.id: task for task in TASKS}
BEST = [(1, 0.9), (3, 0.5), (0, 0.1), (2, 0.0)]


def answered(task: str, status: int = 200, results: Json = BEST, **more: Json) -> Exchange:
    rows = [{"index": index, "relevance_score": score, **more} for index, score in results]
    body = json.dumps({"results": rows} if status == 200 else "Invalid token").encode()
    return Exchange(BY_ID[task].request("m"), Answer(status, {}, body))


@pytest.mark.parametrize(
    ("task", "own", "answer"),
    [
        ("ranking", BEST, {"ranking": [1, 3, 0, 2]}),
        ("ranking", BEST, {"ranking": [1, 3, 0, 2], "scores": [0.9, 0.495, 0.104, 0.0]}),
        ("ranking", [(1, 0.9), (0, 0.5), (3, 0.5), (2, 0.1)], {"ranking": [1, 3, 0, 2]}),
        # The target's own order is not that of its scores, and the client's is.
        ("ranking", BEST[::-1], {"ranking": [1, 3, 0, 2]}),
        ("top_n", BEST[:2], {"ranking": [1, 3]}),
        # `top_n` has cut between equal documents.
        ("top_n", BEST[:2], {"ranking": [1, 0], "scores": [0.9, 0.5]}),
    ],
)
def test_the_same_ranking_works(task: str, own: Json, answer: Json) -> None:
    assert compare(BY_ID[task], answered(task, results=own), answer) == (Outcome.WORKS, "")


@pytest.mark.parametrize(
    ("task", "answer", "says"),
    [
        ("ranking", {"ranking": [0, 1, 2, 3]}, "ranked documents [0, 1, 2, 3], expected [1, 3, 0,"),
        ("ranking", {"ranking": [1, 3, 0]}, "ranked documents [1, 3, 0], expected"),
        ("ranking", {"ranking": [1, 1, 0, 2]}, "ranked documents [1, 1, 0, 2], expected"),
        ("ranking", {"ranking": [1, 3, 0, 9]}, "ranked documents [1, 3, 0, 9], expected"),
        (
            "ranking",
            {"ranking": [1, 3, 0, 2], "scores": [0.9, 0.6, 0.1, 0.0]},
            "returned the score 0.6 for document 3, expected 0.5",
        ),
        (
            "ranking",
            {"ranking": [1, 3, 0, 2], "scores": [0.9]},
            "returned 1 score for 4 documents",
        ),
        (
            "ranking",
            {"ranking": [1, 3, 0, 2], "texts": ["?"] * 4},
            "returned texts that are not those of the documents: ['?'",
        ),
        ("ranking", {"error": {"message": "no meta"}}, "reported: no meta"),
        ("return_documents", {"ranking": [1, 3, 0, 2]}, "returned no texts"),
    ],
)
def test_another_ranking_fails(task: str, answer: Json, says: str) -> None:
    outcome, why = compare(BY_ID[task], answered(task), answer)
    assert outcome is Outcome.FAILS
    assert why.startswith(says)


@pytest.mark.parametrize(
    ("answer", "outcome", "says"),
    [
        ({"error": {"message": "401 Unauthorized"}}, Outcome.WORKS, "reported: 401 Unauthorized"),
        ({"error": {"message": "no", "status": 401}}, Outcome.WORKS, "reported: no"),
        (
            {"error": {"message": "KeyError: 'results'"}},
            Outcome.WORKS,
            "reported: KeyError: 'results' (without the status 401)",
        ),
        (
            {"ranking": []},
            Outcome.FAILS,
            "returned a ranking, though the target refuses the key with 401",
        ),
        ({"not_applicable": "no way"}, Outcome.NOT_APPLICABLE, "no way"),
    ],
)
def test_a_refused_key_is_to_be_an_error(answer: Json, outcome: Outcome, says: str) -> None:
    own = answered("wrong_key", 401)
    assert compare(BY_ID["wrong_key"], own, answer) == (outcome, says)


@pytest.mark.parametrize(
    ("task", "own", "says"),
    [
        ("ranking", answered("ranking", 401), "the target answers a plain request with 401: "),
        (
            "ranking",
            Exchange(BY_ID["ranking"].request("m"), Answer(200, {}, b'{"data": []}')),
            "the target's answer to a plain request has no ranking: ",
        ),
        (
            "ranking",
            Exchange(BY_ID["ranking"].request("m"), Answer(0, {}, b"", cut="refused")),
            "the target gave no answer: refused",
        ),
        ("top_n", answered("top_n"), "the target itself returns 4 results where 2 are right"),
        (
            "return_documents",
            answered("return_documents", document=None),
            "the target itself returns no texts",
        ),
        ("wrong_key", answered("wrong_key"), "the target accepts any key"),
        ("wrong_key", answered("wrong_key", 500), "the target answers a wrong key with 500"),
        ("ranking", answered("ranking"), ""),
        ("return_documents", answered("return_documents", document={"text": "a"}), ""),
        ("wrong_key", answered("wrong_key", 403), ""),
    ],
)
def test_what_the_target_does_not_do_itself_is_not_compared(
    task: str, own: Exchange, says: str
) -> None:
    why = refusal(BY_ID[task], own)
    assert why.startswith(says)
    assert bool(why) == bool(says)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.id)
def test_tasks_are_those_of_the_protocol(task: Task) -> None:
    given = task.for_client("m", 1.0)
    schema = json.loads((FOLDER / "client/task.schema.json").read_text("utf-8"))
    assert list(Draft202012Validator(schema).iter_errors(given)) == []  # pyright: ignore[reportUnknownMemberType] - untyped overload
    assert len(task.documents) <= 4
