"""Generated mutants: what they are, which count, and that the judge finds them."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path

import pytest

from contract_tests.__main__ import main
from contract_tests.contract import AnyJson
from contract_tests.exchanges import Answer, Credential, Request
from contract_tests.mutants import sampling, shares
from contract_tests.mutants.generated import Generator
from contract_tests.mutants.sampling import Counted, Sample
from contract_tests.mutants.selftest import Trial
from tests.contract_tests.exchanging import BGE, Scripted, answer
from tests.contract_tests.judged import ROOM, Judged
from tests.contract_tests.newest import NEWEST

GENERATOR = Generator(NEWEST)
#: So many are judged here; `make generated` judges a thousand.
SIZE = 30
#: Most of them that survive; to be lowered as the judge learns to find them.
SURVIVING = 1
FRUIT = ["apple", "banana", "fruit"]


def body(documents: Sequence[str] = FRUIT, **more: AnyJson) -> AnyJson:
    return {"model": BGE, "query": "a", "documents": list(documents), **more}


def ranks(request: Request) -> Answer:
    """Rank documents in the order of the request, by falling scores."""
    documents = request.body["documents"][: request.body.get("top_n")]
    entries = [
        {"index": index, "relevance_score": 1 - index / 10, "document": {"text": text}}
        for index, text in enumerate(documents)
    ]
    return answer({"id": "a", "results": entries})


def asked(name: str, *bodies: AnyJson, **how: AnyJson) -> list[AnyJson]:
    """What a mutant of a plain target answers, one body after the other."""
    mutant = GENERATOR.named(name)
    assert mutant
    answerer, target = mutant.answerer(), Scripted(ranks)
    return [answerer(target.send, Request(body, **how)).json for body in bodies]


def indices(received: AnyJson) -> list[AnyJson]:
    return [result["index"] for result in received["results"]]


def texts(received: AnyJson) -> list[AnyJson]:
    return [result["document"]["text"] for result in received["results"]]


def test_each_operator_has_mutants_and_each_name_leads_back_to_its_mutant() -> None:
    assert set(GENERATOR.operators) == {
        *("drop", "duplicate", "swap", "shift", "truncate", "round", "coerce", "re-encode"),
        *("cache", "batch", "refuse"),
    }
    for operator in GENERATOR.operators:
        for mutant in islice(GENERATOR.drawn(operator, 1), 20):
            assert mutant.name.startswith(operator)
            assert GENERATOR.named(mutant.name) == mutant
    assert GENERATOR.named("no such mutant, always") is None
    assert GENERATOR.named("drop answer id, never") is None


def test_the_same_seed_draws_the_same_mutants() -> None:
    one, other, another = (
        [mutant.name for mutant in islice(GENERATOR.drawn("shift", seed), 20)] for seed in (1, 1, 2)
    )
    assert one == other != another


@pytest.mark.parametrize(
    ("name", "after"),
    [
        ("drop answer results[-1], always", [0, 1]),
        ("duplicate answer results[0] as an element, always", [0, 0, 1, 2]),
        ("swap answer results[].index of the first two, always", [1, 0, 2]),
        ("shift answer results[].index by 1, always", [1, 2, 3]),
        ("shift answer results[].index to the next element, always", [2, 0, 1]),
        ("truncate answer results at 2 elements, always", [0, 1]),
        ("truncate request documents at 2 elements, always", [0, 1]),
        ("round answer results[].index to multiples of 2, always", [0, 0, 2]),
        ("coerce answer results[0].index to a string, always", ["0", 1, 2]),
        ("batch by 2 whose indices start again, always", [0, 0, 1]),
        ("batch by 2 that are not sorted together, always", [0, 1, 2]),
        ("batch by 2 without the last one, always", [0, 1]),
    ],
)
def test_an_operator_changes_request_or_answer(name: str, after: list[AnyJson]) -> None:
    assert indices(asked(name, body())[0]) == after


def test_a_string_is_encoded_and_cut() -> None:
    (received,) = asked("re-encode answer results[].document.text in capitals, always", body())
    assert texts(received) == ["APPLE", "BANANA", "FRUIT"]
    (received,) = asked("truncate request documents[0] at 1 characters, always", body())
    assert texts(received) == ["a", "banana", "fruit"]


def test_a_cache_answers_by_a_part_of_the_request() -> None:
    name = "cache the results by query, always"
    first, other, another = asked(name, body(), body(["pear"]), body(["pear"], query="b"))
    assert texts(first) == texts(other) == FRUIT
    assert texts(another) == ["pear"]


def test_a_refusal_takes_the_place_of_an_answer() -> None:
    assert asked("refuse with 400, always", body())[0]["code"] == 20015


@pytest.mark.parametrize(
    ("condition", "meets", "misses"),
    [
        (f"only with {BGE}", body(), {**body(), "model": "another"}),
        ("only above 2 documents", body(), body(["a", "b"])),
        ("only up to 2 documents", body(["a", "b"]), body()),
        ("only above 64 characters", body(["a" * 65]), body(["a" * 64])),
        ("only with top_n", body(top_n=3), body()),
        ("only without top_n", body(), body(top_n=3)),
        ("only with texts that are not ASCII", body(["\u4e2d"]), body()),
        ("only with a document that comes twice", body(["a", "a"]), body(["a", "b"])),
        ("only with an array of documents", body(), {**body(), "documents": "a"}),
    ],
)
def test_a_mutant_acts_only_under_its_condition(
    condition: str, meets: AnyJson, misses: AnyJson
) -> None:
    name = f"drop answer id, {condition}"
    assert ["id" in received for received in asked(name, meets, misses)] == [False, True]


def test_a_mutant_acts_only_on_some_calls_or_for_some_callers() -> None:
    every = asked("drop answer id, on each call whose number 3 divides", *[body()] * 6)
    assert ["id" in received for received in every] == [True, True, False] * 2
    late = asked("drop answer id, after 10 calls", *[body()] * 12)
    assert ["id" in received for received in late] == [True] * 10 + [False] * 2
    second = "drop answer id, only for the second caller"
    (received,) = asked(second, body(), credential=Credential.SECOND_KEY)
    assert "id" not in received
    assert "id" in asked(second, body())[0]


def test_shares_are_given_by_operator_and_survivors_are_listed() -> None:
    def tried(name: str, *failed: str) -> shares.Attempt:
        counted = Counted(name, name.partition(" ")[0], "no id", {})
        return shares.Attempt(counted, failed, ("response.results.complete",), 7)

    three = [tried("drop a", "response.id.type"), tried("drop b"), tried("swap c", "x")]
    lines = list(shares.summary(three))
    assert "| drop | 2 | 1 | 50.0% |" in lines
    assert "| all | 3 | 2 | 66.7% |" in lines
    assert "| drop b | no id | response.results.complete |" in lines
    assert three[0].line == "found    drop a: response.id.type, request 7"
    assert three[1].line == "SURVIVED drop b: no id; differs: response.results.complete"
    assert shares.share(three) < shares.LEAST < shares.share(three[:1])


def test_an_unknown_mutant_is_one_clear_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["check", "--mutant=has no di"])
    assert caught.value.code == 2
    told = "--mutant: no mutant is called has no di; did you mean has no id?"
    assert told in capsys.readouterr().err


@pytest.fixture(scope="module")
def sample() -> list[Counted]:
    """Draw mutants that count, as the command does."""
    sample = Sample(SIZE, seed=1)
    room = Path(sampling.__file__)
    pytest.main([str(room), "-q", "-p", "no:cacheprovider", "-p", "no:xdist"], plugins=[sample])
    return sample.counted


@pytest.mark.slow(30)
def test_each_operator_is_sampled_alike_and_what_counts_breaks_the_page(
    sample: list[Counted],
) -> None:
    times = Counter(counted.operator for counted in sample)
    assert times.keys() == set(GENERATOR.operators)
    assert max(times.values()) - min(times.values()) <= 1
    assert all(counted.breach and counted.body["model"] in NEWEST.models for counted in sample)


@pytest.mark.slow(30)
def test_the_judge_finds_generated_mutants(
    sample: list[Counted], judged: Callable[..., Judged]
) -> None:
    survivors = [
        counted.name
        for counted in sample
        if not judged("--effort=standard", "-x", f"--mutant={counted.name}").that("failed")
    ]
    assert len(survivors) <= SURVIVING, survivors


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "truncate answer results at 500 elements, always",
        "truncate answer results[0].document.text at 16000 characters, always",
        "truncate answer results[0].document.text at 32000 characters, only above 2048 characters",
        "truncate request documents at 4096 characters, only without top_n",
        "re-encode request documents with LF for CRLF, always",
        "coerce answer results to the empty value, only with a document that comes twice",
        "cache the results by documents and return_documents, only above 256 documents",
    ],
)
def test_a_generated_mutant_that_survived_once_is_found(
    name: str, judged: Callable[..., Judged]
) -> None:
    run = judged(
        *("--effort=standard", "-x", f"--model={BGE}", f"--mutant={name}"),
        modules=[ROOM / "test_documents.py"],
    )
    assert run.that("failed") & {"request.top_n.count", "request.return_documents.true"}


def test_the_command_reports_shares_and_fails_below_the_least(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = [Counted(name, "drop", "no id", {}) for name in ("drop a", "drop b")]

    def fake_sample(_: list[str], plugins: list[Sample]) -> int:
        plugins[0].counted += counted
        return 0

    def fake_attempts(*_: object) -> list[shares.Attempt]:
        return [
            shares.Attempt(one, failed, (), 7) for one, failed in zip(counted, found, strict=True)
        ]

    def no_trials(*_: object) -> list[Trial]:
        return []

    monkeypatch.setattr("contract_tests.__main__.pytest.main", fake_sample)
    monkeypatch.setattr("contract_tests.__main__.shares.attempts", fake_attempts)
    monkeypatch.setattr("contract_tests.__main__.trials", no_trials)
    table = tmp_path / "table.md"
    command = ["selftest", "--generated=2", "--name=as it is", f"--markdown={table}"]
    found: list[tuple[str, ...]] = [("response.id.type",), ("response.id.type",)]
    assert main(command) == 0
    assert "| drop | 2 | 2 | 100.0% |" in capsys.readouterr().out
    assert "| all | 2 | 2 | 100.0% |" in table.read_text("utf-8")
    found[1] = ()
    assert main(command) == 1
    assert "SURVIVED drop b" in capsys.readouterr().out


def test_an_attempt_reads_the_report_of_a_run_of_its_own() -> None:
    asked: list[list[str]] = []

    def check(arguments: list[str], path: Path) -> None:
        asked.append(arguments)
        outcomes = {"response.id.type": "failed", "response.id.format": "differs", "a": "passed"}
        rows = [{"id": name, "outcome": outcome} for name, outcome in outcomes.items()]
        path.write_text(json.dumps({"requirements": rows, "requests_sent": 7}), "utf-8")

    counted = Counted("drop a", "drop", "no id", {})
    attempt = shares.attempted(check, ["--seed=5"], counted)
    assert asked == [["--seed=5", "--mutant=drop a"]]
    assert (attempt.failed, attempt.differing) == (("response.id.type",), ("response.id.format",))
