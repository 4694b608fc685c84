"""What a report offers to see a violation again does show it again, and ends when it is gone."""

import json
import shlex
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from contract_tests.checks.violations import Violation
from contract_tests.contract import AnyJson, load_contract
from contract_tests.exchanges import Credential, Request
from contract_tests.judging.outcomes import Outcome
from contract_tests.report.reproduction import command, curl, snippet

from . import samples
from .serving import KEY, answering, run

pytestmark = pytest.mark.slow


def outcome(test: str, folder: Path) -> int:
    """Run a test in an empty folder; return the exit code of pytest."""
    (folder / "test_again.py").write_text(test, "utf-8")
    arguments = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "test_again.py")
    return run([sys.executable, *arguments], folder).returncode


TOO_MANY = samples.violation("request.top_n.count")
NOT_REFUSED = samples.violation(
    "authorization.required",
    samples.exchange(credential=Credential.NONE),
    expected="a status from 400 to 499",
    received="status 200",
)
ONE: AnyJson = {**samples.ANSWER, "results": samples.RESULTS[:1]}
REFUSAL: AnyJson = {"message": "Invalid token"}


@pytest.mark.parametrize(
    ("violation", "wrong", "right"),
    [
        (TOO_MANY, (200, samples.ANSWER), (200, ONE)),
        (NOT_REFUSED, (200, samples.ANSWER), (401, REFUSAL)),
    ],
    ids=["by a check", "by its status"],
)
def test_a_snippet_fails_as_long_as_the_violation_is_there(
    violation: Violation, wrong: tuple[int, AnyJson], right: tuple[int, AnyJson], tmp_path: Path
) -> None:
    with answering(wrong, right) as (url, asked):
        test = snippet(samples.report(target=url), violation)
        assert outcome(test, tmp_path) == 1
        assert outcome(test, tmp_path) == 0
    (path, sent, authorization), again = asked
    assert (path, json.loads(sent)) == ("/v1/rerank", samples.BODY)
    assert authorization == ("" if violation is NOT_REFUSED else f"Bearer {KEY}")
    assert again == asked[0]


def test_a_snippet_of_another_revision_loads_it(tmp_path: Path) -> None:
    lacking = samples.violation("response.tokens.required", samples.exchange())
    with_tokens = {**samples.ANSWER, "tokens": {"input_tokens": 1, "output_tokens": 0}}
    with answering((200, samples.ANSWER), (200, with_tokens)) as (url, _):
        report = replace(samples.report(target=url), contract=load_contract("2024-11"))
        test = snippet(report, lacking)
        assert outcome(test, tmp_path) == 1
        assert outcome(test, tmp_path) == 0


def test_a_snippet_about_the_second_caller_has_both_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SILICONFLOW_SECOND_API_KEY", "sk-of-another-caller")
    second = samples.violation(
        "request.top_n.count", samples.exchange(credential=Credential.SECOND_KEY)
    )
    with answering((200, samples.ANSWER)) as (url, asked):
        assert outcome(snippet(samples.report(target=url), second), tmp_path) == 1
    ((_, _, authorization),) = asked
    assert authorization == "Bearer sk-of-another-caller"


@pytest.mark.parametrize(
    ("options", "code"),
    [(("--mutant=prefers what comes first",), 1), ((), 0)],
    ids=["wrong", "right"],
)
def test_a_snippet_of_a_comparison_lets_the_judge_draw_again(
    options: tuple[str, ...], code: int, tmp_path: Path
) -> None:
    requirement = "response.results.index.permutation"
    compared = samples.violation(requirement, samples.exchange(), samples.exchange())
    report = replace(samples.CONFORMING, options=("--target=mock", "--effort=smoke", *options))
    assert outcome(snippet(report, compared), tmp_path) == code


@pytest.mark.parametrize("hostile", ["'", '"""', "\\", "{name}", "\n", "\u202e", "$(false)", "`"])
def test_no_text_breaks_out_of_a_snippet_or_a_curl_line(hostile: str) -> None:
    exchange = samples.exchange(body={**samples.BODY, "query": hostile})
    for expected in ("status 400", "something else", hostile):
        violation = samples.violation(
            "request.query.type", exchange, expected=expected, received=hostile
        )
        compile(snippet(samples.VIOLATING, violation), "snippet", "exec")
    words = shlex.split(curl(samples.CONFORMING, exchange.request))
    assert json.loads(words[words.index("--data-raw") + 1])["query"] == hostile


@pytest.mark.parametrize(
    "request_",
    [
        Request(samples.BODY),
        Request(b'{"model":'),
        Request({**samples.BODY, "query": "it's \u202e $HOME `date`\n"}),
        Request(samples.BODY, credential=Credential.NONE),
        Request(samples.BODY, credential=Credential.KEY_WITHOUT_SCHEME, path="/rerank/"),
    ],
    ids=["plain", "no JSON", "signs of the shell", "no key", "key alone"],
)
def test_a_curl_line_sends_the_same_request(request_: Request, tmp_path: Path) -> None:
    with answering((200, samples.ANSWER)) as (url, asked):
        try:
            done = run(["sh", "-c", curl(samples.report(target=url), request_)], tmp_path)
        except FileNotFoundError:
            pytest.skip("there is no shell here")
        if done.returncode == 127:
            pytest.skip("there is no curl here")
    ((path, sent, authorization),) = asked
    assert path == f"/v1{request_.path}"
    assert authorization == str(request_.credential.value or "").replace(
        "$SILICONFLOW_API_KEY", KEY
    )
    if isinstance(request_.body, bytes):
        assert sent == request_.body
    else:
        assert json.loads(sent) == request_.body


def test_the_command_names_the_requirement_that_the_finding_test_was_after() -> None:
    """A check sees a breach in the answers to a test that is after something else."""
    seen = samples.violation("response.id.type", test="test_of_top_n")
    after = samples.entry("request.top_n.count", Outcome.PASSED, tests=("test_of_top_n",))
    report = samples.report(after)
    assert shlex.split(command(report, seen))[2] == "--only=request.top_n.count"
    assert shlex.split(command(samples.VIOLATING, TOO_MANY)) == [
        *("rerank-contract", "check", "--only=request.top_n.count"),
        *("--target=https://rerank.example/v1", "--effort=standard", "--seed=7"),
    ]


def test_a_snippet_takes_secret_headers_from_the_environment() -> None:
    (exchange,) = TOO_MANY.exchanges
    asked = replace(exchange.request, headers=(("x-gateway", "$GATEWAY"), ("x-tenant", "a")))
    violation = replace(TOO_MANY, exchanges=(replace(exchange, request=asked),))
    test = snippet(samples.report(), violation)
    assert "secrets={'GATEWAY': os.environ['GATEWAY']}" in test
    compile(test, "test_again.py", "exec")
