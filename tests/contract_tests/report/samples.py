"""Reports made by hand, with every outcome in them."""

import json
from dataclasses import replace
from decimal import Decimal

from contract_tests.checks.violations import Violation
from contract_tests.contract import AnyJson
from contract_tests.exchanges import Answer, Credential, Exchange, Request
from contract_tests.judging.causes import Cause
from contract_tests.judging.outcomes import Outcome
from contract_tests.judging.probes import Sighting
from contract_tests.report.model import Report, RequirementResult
from tests.contract_tests.newest import NEWEST, REQUIREMENTS

MODEL = "BAAI/bge-reranker-v2-m3"
BODY: AnyJson = {"model": MODEL, "query": "fruit", "documents": ["apple", "brick"], "top_n": 1}
RESULTS: AnyJson = [
    {"index": 0, "relevance_score": 0.91, "document": None},
    {"index": 1, "relevance_score": 0.02, "document": None},
]
ANSWER: AnyJson = {"id": "0" * 32, "results": RESULTS, "meta": {"tokens": {"input_tokens": 4}}}
HEADERS = {"content-type": "application/json", "x-siliconcloud-trace-id": "ti_1"}

#: What would run, end a block, or start a command, wherever a report did not escape it.
HOSTILE = (
    "\"'><script>document.title='owned'</script>"
    "<img src=x onerror=\"document.title='owned'\">"
    "</pre></script></title><!-- ```` ~~~~ | `x` [link](javascript:alert) $title ${title} {label}"
    "\n::error title=owned::owned\r\n::set-output name=owned::owned"
    "\x1b[31mred\x1b[0m\x00\x07\u202eright to left\u2028\ud800 %0A, %25"
)


def exchange(
    received: bytes = json.dumps(ANSWER).encode(),
    status: int = 200,
    body: AnyJson = BODY,
    headers: dict[str, str] = HEADERS,
    credential: Credential = Credential.KEY,
) -> Exchange:
    return Exchange(Request(body, credential=credential), Answer(status, headers, received), 7)


def violation(
    requirement: str,
    *exchanges: Exchange,
    expected: str = "1 result",
    received: str = "2 results",
    test: str = "test_it",
) -> Violation:
    return Violation(requirement, expected, received, exchanges or (exchange(),), test)


def entry(
    requirement: str, outcome: Outcome, reason: str | None = None, **told: AnyJson
) -> RequirementResult:
    return RequirementResult(REQUIREMENTS[requirement], outcome, reason, **told)


SEEN = Sighting(exchange(b'"no"', 401), at=1_000_000_000, times=2)


def report(
    *entries: RequirementResult, target: str = "https://rerank.example/v1", **told: AnyJson
) -> Report:
    """Make a report in which every requirement passed except for those entries."""
    given = {entry.requirement.id: entry for entry in entries}
    passed = {name: RequirementResult(row, Outcome.PASSED) for name, row in REQUIREMENTS.items()}
    whole = Report(
        contract=NEWEST,
        target=target,
        seed=7,
        effort="standard",
        requests_sent=321,
        tokens=4321,
        cost=Decimal("0.0432"),
        coverage=(("sides of bounds", 14, 14), ("faults", 40, 52)),
        models={MODEL: None},
        switches={**{name: {} for name in NEWEST.switches}, "invalid_key": {"string": SEEN}},
        entries=tuple({**passed, **given}.values()),
        options=(f"--target={target}", "--effort=standard", "--seed=7"),
    )
    return replace(whole, **told)


CONFORMING = report()
UNFINISHED = report(
    *(
        entry(name, Outcome.INCONCLUSIVE, "the budget of 50 requests is spent")
        for name in REQUIREMENTS
        if name.startswith("response.")
    )
)
BROKEN = report(entry("endpoint.rerank", Outcome.BROKEN, "KeyError in test_it: 'index'"))
#: No requirement is concerned where a part of the suite cannot be read.
FAULTY = report(fault=f"test_documents.py could not be read: {HOSTILE}")
VIOLATING = report(
    entry(
        "request.top_n.count",
        Outcome.FAILED,
        violations=(violation("request.top_n.count"),),
        first_broken=7,
        tests=("test_it",),
    ),
    entry(
        "response.results.index.permutation",
        Outcome.DIFFERS,
        violations=(
            violation(
                "response.results.index.permutation",
                exchange(),
                exchange(body={**BODY, "documents": ["brick", "apple"]}),
                expected="score 0.91 for document 0",
                received="score 0.37",
                test="test_indices_follow_their_documents",
            ),
        ),
    ),
    entry(
        "authorization.required",
        Outcome.FAILED,
        violations=(
            violation(
                "authorization.required",
                exchange(b"<h1>welcome</h1>", credential=Credential.NONE),
                expected="a status from 400 to 499",
                received="status 200, <h1>welcome</h1>",
                test="test_a_request_without_a_key_is_refused",
            ),
        ),
    ),
    entry("request.multimodal.video", Outcome.SKIPPED, "no model of this kind is judged"),
    entry("request.instruction.type", Outcome.SKIPPED, "no model of this kind is judged"),
    entry("authorization.scheme", Outcome.OFF),
    entry("request.documents.empty_text", Outcome.OFF),
    entry("response.meta.tokens", Outcome.INCONCLUSIVE, "nothing could be said of it: no answer"),
    entry("request.overlap_tokens.gated", Outcome.PASSED, observed=("ignored",)),
    models={MODEL: None, "netease-youdao/bce-reranker-base_v1": "status 404, no such model"},
)
#: Four requirements that fail for the same reason, one of them at level `observed`; another
#: could not be tried.
GROUPED = report(
    *(
        entry(
            name,
            outcome,
            violations=(
                violation(
                    name,
                    exchange(b"no", 500, {**BODY, "top_n": 1}),
                    expected="status 200",
                    received="status 500, no",
                ),
            ),
        )
        for name, outcome in (
            ("endpoint.rerank", Outcome.FAILED),
            ("request.top_n.minimum", Outcome.FAILED),
            ("request.top_n.count", Outcome.FAILED),
            ("response.id.format", Outcome.DIFFERS),
        )
    ),
    entry("response.id.unique", Outcome.FAILED, violations=(violation("response.id.unique"),)),
    entry("request.top_n.type", Outcome.INCONCLUSIVE, "it needs an answer; it was status 500, no"),
    causes=(
        Cause(
            trigger="every request with top_n",
            answer="status 500, no",
            root="request.top_n.minimum",
            others=("endpoint.rerank", "request.top_n.count", "response.id.format"),
            untried=("request.top_n.type",),
        ),
    ),
    answered=698,
    asked_again={"status 500": 46, "connection lost": 0},
    latency={50: 0.0123, 100: 1.5},
)
#: A request that was never answered.
UNANSWERED = report(
    entry(
        "request.top_n.minimum",
        Outcome.FAILED,
        violations=(
            violation(
                "request.top_n.minimum",
                Exchange(Request(BODY), Answer(0, {}, b"", cut="ReadError: cut off"), 7),
                expected="status 200",
                received="no answer: ReadError: cut off",
            ),
        ),
    )
)
#: Whatever comes from a target is hostile.
ATTACKED = report(
    entry(
        "response.results.sorted",
        Outcome.FAILED,
        HOSTILE,
        observed=(HOSTILE,),
        violations=(
            violation(
                "response.results.sorted",
                exchange(
                    HOSTILE.encode("utf-8", "replace"),
                    headers={"x-siliconcloud-trace-id": HOSTILE, HOSTILE: "name"},
                ),
                exchange(
                    json.dumps({"id": HOSTILE}).encode(), body={**BODY, "query": HOSTILE[:-30]}
                ),
                expected=HOSTILE,
                received=HOSTILE,
            ),
        ),
    ),
    entry("response.id.type", Outcome.INCONCLUSIVE, HOSTILE),
    entry("response.id.unique", Outcome.BROKEN, HOSTILE),
    entry("request.query.type", Outcome.SKIPPED, HOSTILE),
    models={MODEL: HOSTILE},
)
