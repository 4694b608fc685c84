"""Every planted fault is found by the check that names it, and no right gateway is reported."""

import re

import pytest

from contract_tests.gateway import session
from contract_tests.gateway.findings import CHECKS, Verdict
from contract_tests.gateway.relay import Relay
from contract_tests.gateway.upstream import Upstream

from .conftest import Sandwich
from .small_gateway import CALLER_KEY, FAULTS, FREEDOMS


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(sandwich: Sandwich, fault: str) -> None:
    report = sandwich(fault, wanted=(FAULTS[fault],))
    assert [finding.check for finding in report.of(Verdict.BROKEN)] == [FAULTS[fault]]
    (finding,) = report.findings
    assert finding.passages


def test_every_check_finds_a_fault() -> None:
    assert set(FAULTS.values()) == set(CHECKS)


#: Freedoms that go together.
TAKEN = (
    (),
    (
        "own ids",
        "own trace ids",
        "adds headers",
        "forwards headers",
        "prints JSON anew",
        "retries once",
    ),
    ("batches", "ranks duplicates once", "errors of its own", "dates Retry-After"),
    ("cuts for itself", "sends a single text as a list", "leaves upstream alone after a failure"),
    ("caches", "returns texts always", "cuts scores", "masks upstream's key", "adds a large top_n"),
    ("refuses what is unusual", "does not count", "limits its rate", "rounds scores"),
)


#: What of them is not as without the gateway.
DIFFERENT = {
    "own trace ids": {"answer.trace_id"},
    "errors of its own": {"failure.request"},
    "masks upstream's key": {"failure.request"},
    "batches": {"field.top_n"},
    "cuts for itself": {"field.top_n"},
    "sends a single text as a list": {"field.documents.string"},
    "returns texts always": {"field.return_documents"},
    "adds a large top_n": {"field.added"},
    "does not count": {"answer.tokens"},
    "limits its rate": {"sharing.concurrent"},
    "rounds scores": {"ranking.score"},
    "cuts scores": {"ranking.score"},
    "refuses what is unusual": {
        *("field.overlap_tokens", "field.documents.string", "field.documents.objects"),
        *("ranking.duplicates", "ranking.empty", "text.forwarded"),
    },
}


def test_every_freedom_is_taken() -> None:
    assert {freedom for freedoms in TAKEN for freedom in freedoms} == set(FREEDOMS)


@pytest.mark.parametrize("freedoms", TAKEN, ids=str)
def test_a_right_gateway_is_not_reported(sandwich: Sandwich, freedoms: tuple[str, ...]) -> None:
    report = sandwich(*freedoms)
    assert report.of(Verdict.BROKEN) == ()
    assert report.of(Verdict.NOT_SEEN) == ()
    differs = {finding.check for finding in report.of(Verdict.DIFFERS)}
    assert differs == set[str]().union(*(DIFFERENT.get(each, ()) for each in freedoms))
    assert not report.trouble


@pytest.mark.parametrize(
    ("freedom", "check", "id_", "seen"),
    [
        ("caches", "sharing.cache", "cache", "yes"),
        ("retries once", "failure.overloaded", "asked_again", "asked 2 times, and the caller"),
        ("leaves upstream alone after a failure", "failure.overloaded", "rest", "about "),
    ],
)
def test_a_freedom_is_told(
    sandwich: Sandwich, freedom: str, check: str, id_: str, seen: str
) -> None:
    report = sandwich(freedom, wanted=(check,))
    assert any(told.id == id_ and told.seen.startswith(seen) for told in report.freedoms)


def test_a_transparent_proxy_passes(sandwich: Sandwich, upstream: Upstream) -> None:
    with Relay("127.0.0.1", 0, ("127.0.0.1", upstream.relay.port)) as proxy:
        report = sandwich(proxy=f"http://127.0.0.1:{proxy.port}/v1", is_bounded=False)
    assert report.of(Verdict.BROKEN) == ()
    differs = [finding.check for finding in report.of(Verdict.DIFFERS)]
    assert differs == ["failure.connection", "failure.hanging", "failure.garbage"]
    not_seen = [finding.check for finding in report.of(Verdict.NOT_SEEN)]
    assert not_seen == ["key.caller", "key.upstream"]
    assert {freedom.seen for freedom in report.freedoms if freedom.id == "cancelled"} == {"yes"}
    assert {row.how for row in report.rows} == {"forwarded", "passed back"}
    assert {row.calls for row in report.failures} == {1}


def test_a_gateway_that_sends_the_caller_s_key_in_place_of_its_own_is_told(
    sandwich: Sandwich, upstream: Upstream
) -> None:
    with Relay("127.0.0.1", 0, ("127.0.0.1", upstream.relay.port)) as proxy:
        report = sandwich(proxy=f"http://127.0.0.1:{proxy.port}/v1", caller_key=CALLER_KEY)
    assert report.verdict == "inconclusive"
    assert "upstream was asked for /v1/rerank, and answered 401, with the caller's key" in (
        report.trouble
    )


def test_a_gateway_that_listens_no_more_is_inconclusive(sandwich: Sandwich) -> None:
    report = sandwich(answers=3, wanted=("field.top_n",))
    assert report.verdict == "inconclusive"
    assert report.trouble == (
        "the gateway takes no connections any more, after 3 requests: ConnectError: refused"
    )


def test_a_run_waits_for_a_limited_time(
    sandwich: Sandwich, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "MOST_WAITED", 2.0)
    wanted = ("failure.overloaded",)
    report = sandwich("leaves upstream alone after a failure", wanted=wanted)
    rests = [freedom.seen for freedom in report.freedoms if freedom.id == "rest"]
    assert rests
    assert all(seen.startswith("over ") for seen in rests)


def test_a_gateway_that_hangs_with_upstream_differs_where_no_bound_is_named(
    sandwich: Sandwich,
) -> None:
    report = sandwich("waits for ever", wanted=("failure.hanging",), is_bounded=False)
    (finding,) = report.findings
    assert finding.verdict is Verdict.DIFFERS
    assert finding.says == (
        "no answer -> no answer comes within 0.2 seconds; --upstream-timeout says how long it may "
        "take"
    )
    assert [row.calls for row in report.failures if row.name == "no answer"] == [1]
    assert [call.answer.cut for call in finding.passages[0].calls] == ["upstream never answers"]


def test_every_variant_that_a_cache_confuses_is_listed(sandwich: Sandwich) -> None:
    (finding,) = sandwich("caches by query", wanted=("sharing.cache",)).findings
    assert finding.says.startswith(
        "another top_n, return_documents, the documents in another order, other documents, "
        "another model: "
    )


@pytest.mark.parametrize(
    ("way", "first_case"),
    [
        ("rounds scores to a digit", None),
        ("applies a sigmoid", None),
        # By chance the scores of the first request could have been rounded to two digits.
        ("rounds scores to a digit", 1097),
    ],
)
def test_wrong_scores_are_one_fault(sandwich: Sandwich, way: str, first_case: int | None) -> None:
    wanted = tuple(each for each in CHECKS if each.startswith(("field", "ranking", "sharing")))
    report = sandwich(way, "caches", wanted=wanted, first_case=first_case)
    assert [finding.check for finding in report.of(Verdict.BROKEN)] == ["ranking.score"]


@pytest.mark.parametrize(
    "fault",
    [fault for fault, check in FAULTS.items() if check.startswith("sharing")]
    + ["counts indices from 1", "sorts the documents", "forgets where a batch began"],
)
def test_a_fault_is_found_behind_rounded_scores(sandwich: Sandwich, fault: str) -> None:
    report = sandwich(fault, "rounds scores", wanted=(FAULTS[fault],))
    assert [finding.check for finding in report.of(Verdict.BROKEN)] == [FAULTS[fault]]


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("forwards the caller's key", "upstream gets it in the header x-api-key, as it is"),
        (
            "forwards the caller's key in base64",
            "upstream gets it in the header x-user, in base64",
        ),
        ("shows upstream's key", "the caller gets it in the header x-upstream, reversed"),
        ("shows upstream's key in errors", "the caller gets it in the body, as it is"),
        (
            "shows most of upstream's key",
            "the caller gets it in the body, 12 letters of it or more",
        ),
        (
            "answers 400 with 502",
            "400 -> 502 comes, which says that the gateway failed; the caller cannot correct "
            "the request",
        ),
        (
            "composes letters",
            r"combining letters (NFD): sent 'case{}doc11 cafe\u0301', forwarded 'case{}doc11 café'",
        ),
        ("answers 429 with 502", "429 -> 502 comes, which hides the rate limit"),
        (
            "asks for a larger model",
            "upstream is asked for Qwen/Qwen3-Reranker-8B where Qwen/Qwen3-Reranker-0.6B was meant",
        ),
    ],
)
def test_a_reason_says_what_is_wrong(sandwich: Sandwich, fault: str, says: str) -> None:
    (finding,) = sandwich(fault, wanted=(FAULTS[fault],)).findings
    assert re.sub(r"case\d+", "case{}", finding.says) == says


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (
            "returns texts without an object",
            """expected type ["object", "null"] at results[0].document; received: "case""",
        ),
        (
            "prints indices with a fraction",
            "expected an index without a fraction; received: index ",
        ),
        (
            "prints indices as texts",
            """expected type "integer" at results[0].index; received: "3" at""",
        ),
        (
            "prints scores as texts",
            """expected type "number" at results[0].relevance_score; received: "0.""",
        ),
        (
            "renames relevance_score",
            "expected `relevance_score` at results[0]; received: it is missing in {'index': ",
        ),
        (
            "wraps answers",
            "expected `results` at the top level; received: it stands under `data`",
        ),
        (
            "answers as plain text",
            "expected content-type: application/json; received: content-type: text/plain (",
        ),
    ],
)
def test_a_wrong_shape_is_one_fault(sandwich: Sandwich, fault: str, says: str) -> None:
    wanted = tuple(each for each in CHECKS if each.startswith(("field", "ranking", "answer")))
    # The queries, and so the scores, are those of this number.
    (finding,) = sandwich(fault, wanted=wanted, first_case=1000).of(Verdict.BROKEN)
    assert finding.check == "answer.shape"
    assert finding.says.startswith(says)


WITH_ANOTHER_QUERY = r"upstream got these documents with the query '.+', and '.+' was sent"


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("mixes queries", WITH_ANOTHER_QUERY),
        # Which caller is looked at first is chance: the one whose documents nobody got, or the one
        # whose documents stand beside the query of the other.
        ("mixes documents", f"{WITH_ANOTHER_QUERY}|upstream was not asked for the documents of"),
    ],
)
def test_what_of_two_callers_is_mixed_is_named(sandwich: Sandwich, fault: str, says: str) -> None:
    (finding,) = sandwich(fault, wanted=("sharing.concurrent",)).findings
    assert re.match(says, finding.says)


@pytest.mark.slow
def test_calls_that_are_repeated_late_are_one_fault(sandwich: Sandwich) -> None:
    report = sandwich("asks again after the answer")
    assert [finding.check for finding in report.of(Verdict.BROKEN)] == ["calls.once"]
    assert report.of(Verdict.DIFFERS) == ()


def test_what_is_billed_is_compared_too(sandwich: Sandwich) -> None:
    (finding,) = sandwich("bills twice", wanted=("answer.tokens",)).findings
    assert finding.says.startswith("meta.billed_units: ")
