"""What fails the test of a client, and the messages."""

import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from mockserver.advice.catalogue import RULES
from mockserver.serving.respx_router import BASE_URL
from mockserver.state.store import DEFAULT_KEY, State
from mockserver.testing.expectations import ExpectationError, Expectations
from mockserver.testing.fixtures import RerankMock
from tests.mockserver.asking import HEADERS, ask, fields

BREACH = fields(top_n=0)
MISTAKE = fields(top_k=1)
REMARK = fields(top_n=None)


def mock_after(*bodies: object, key: str = DEFAULT_KEY) -> RerankMock:
    state = State(keys=[key])
    for body in bodies:
        ask(state, body, headers={**HEADERS, "authorization": f"Bearer {key}"})
    return RerankMock(BASE_URL, key, state)


def message_for(mock: RerankMock, **options: object) -> str:
    return Expectations().changed(options).of_calls(mock, "<{}>".format)


@pytest.mark.parametrize(
    ("fail_on", "ids"),
    [
        ("nothing", set[str]()),
        ("breach", {"top_n_below_one"}),
        ("mistake", {"top_n_below_one", "unknown_field"}),
        ("remark", {"top_n_below_one", "unknown_field", "null_field"}),
    ],
)
def test_advice_counts_from_the_severity_that_is_chosen(fail_on: str, ids: set[str]) -> None:
    message = message_for(mock_after(fields(), BREACH, MISTAKE, REMARK), fail_on=fail_on)
    names = {rule.id for rule in RULES}
    assert {name for name in names if name in message} == ids
    assert bool(message) is bool(ids)


@pytest.mark.parametrize(
    ("body", "head"),
    [
        (BREACH, "the client broke the contract: top_n_below_one\n"),
        (MISTAKE, "the client made a mistake: unknown_field\n"),
        (REMARK, "the client could do better: null_field\n"),
    ],
)
def test_the_worst_comes_first(body: object, head: str) -> None:
    assert message_for(mock_after(body), fail_on="remark").startswith(head)


def test_what_is_allowed_is_not_reported() -> None:
    mock = mock_after(BREACH, MISTAKE)
    assert "top_n_below_one" not in message_for(mock, fail_on="mistake", allow=["top_n_below_one"])
    assert "unknown_field" in message_for(mock, fail_on="mistake", allow=["top_n_below_one"])
    assert not message_for(mock, allow={"top_n_below_one"})


def test_the_message_shows_the_call_its_body_and_what_to_do() -> None:
    assert message_for(mock_after(fields(), BREACH, fields(query="Pear", top_n=0), BREACH)) == (
        "the client broke the contract: top_n_below_one\n"
        "\n"
        "call 2: POST /v1/rerank -> 400 parameter_rule\n"
        '  sent    {"model": "BAAI/bge-reranker-v2-m3", "query": "Apple", "documents": '
        '["banana", "an apple", "fruit"], "top_n": 0}\n'
        "  breach  top_n_below_one: `top_n` is less than 1.\n"
        "  hint    `top_n` is 0: leave it out to get all documents\n"
        "  again   in calls 3, 4\n"
        "\n"
        'If this is intended, add: <allow=["top_n_below_one"]>'
    )


def test_a_long_list_is_cut() -> None:
    mock = mock_after(*(fields(top_n=-number) for number in range(40)))
    message = message_for(mock)
    assert message.count("call ") == 10
    assert message.split("\n\n")[-2] == "and 30 more"
    assert message_for(mock_after(*[BREACH] * 40)).count("\n") < 10


@pytest.mark.parametrize("key", [DEFAULT_KEY, "sk-" + "0123456789abcdef" * 2])
def test_no_key_is_in_the_message(key: str) -> None:
    message = message_for(mock_after(fields(query=key, top_n=0), key=key))
    assert "[redacted]" in message
    assert key not in message


def test_a_call_without_a_key_is_reported() -> None:
    mock = mock_after()
    ask(mock.state, fields(), headers={})
    assert "key_missing" in message_for(mock)


# Scenarios


def unmet(scenario: object, requests: int, **options: object) -> str:
    mock = mock_after()
    mock.arm(scenario)
    for _ in range(requests):
        ask(mock.state, fields())
    return Expectations().changed(options).of_scenarios(mock, "<{}>".format)


@pytest.mark.parametrize(
    ("scenario", "requests", "is_met"),
    [
        ("overloaded", 0, False),
        ("overloaded", 1, True),
        ("overloaded_forever", 0, False),
        ("overloaded_forever", 1, True),
        # Two errors, then success: one error is enough of the first step.
        ("overloaded_then_success", 2, False),
        ("overloaded_then_success", 3, True),
        ({"name": "a", "steps": [{"error": "overloaded", "times": 5}]}, 1, True),
        ({"name": "a", "steps": [{"error": "overloaded", "times": 5, "share": 1e-9}]}, 5, False),
    ],
)
def test_a_step_is_met_once_it_struck(scenario: object, requests: int, *, is_met: bool) -> None:
    assert bool(unmet(scenario, requests)) is not is_met
    assert not unmet(scenario, requests, assert_all_met=False)


def test_the_message_shows_the_step_and_how_many_requests_there_were() -> None:
    assert unmet("overloaded_then_success", 1) == (
        "an armed step was never reached\n"
        "\n"
        "scenario 'overloaded_then_success', step 2 {}: the scenario got 1 request\n"
        "\n"
        "If this is intended, add: <assert_all_met=False>"
    )


def test_what_is_disarmed_need_not_be_met() -> None:
    mock = mock_after()
    mock.arm("overloaded")
    mock.state.disarm(mock.account.name)
    assert not Expectations().of_scenarios(mock, str)


# Options


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"fail_on": "breech"},
            "fail_on must be one of remark, mistake, breach, nothing, not 'breech'",
        ),
        ({"fail_on": ["breach"]}, "fail_on must be one of "),
        ({"allow": "null_field"}, "allow must be a list of advice ids"),
        ({"allow": 1}, "allow must be a list of advice ids"),
        ({"allow": ["nul_field"]}, "allow: unknown advice 'nul_field'; did you mean 'null_field'?"),
        ({"allow": [["null_field"]]}, "allow: unknown advice "),
        ({"assert_all_met": "no"}, "assert_all_met must be True or False, not 'no'"),
        ({"assert_called": 1}, "assert_called must be True or False, not 1"),
    ],
)
def test_an_invalid_option_is_reported(options: dict[str, object], message: str) -> None:
    with pytest.raises(ExpectationError) as caught:
        Expectations().changed(options)
    assert message in str(caught.value)


# In a run of pytest


@pytest.fixture
def run(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., pytest.RunResult]:
    """Run pytest on a test module, in this process unless it has workers."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))
    monkeypatch.setenv("COLUMNS", "200")
    # Where one is set, pytest repeats whole messages in its summary.
    for name in ("CI", "BUILD_NUMBER"):
        monkeypatch.delenv(name, raising=False)

    def run(source: str, *arguments: str, ini: str = "") -> pytest.RunResult:
        pytester.makeini(f"[pytest]\naddopts = --strict-markers\n{ini}")
        pytester.makepyfile(HEAD + source)
        plugins = ("-p", "no:rerank_mock", "-p", "mockserver.testing.plugin")
        start = pytester.runpytest_subprocess if "-n" in arguments else pytester.runpytest_inprocess
        with warnings.catch_warnings():
            # Those of a new process, where none is an error.
            warnings.resetwarnings()
            return start(*plugins, "-p", "no:cacheprovider", *arguments)

    return run


HEAD = """
import httpx
import pytest
import unittest

def post(mock, key=None, **fields):
    body = {"model": "BAAI/bge-reranker-v2-m3", "query": "a", "documents": ["a", "b"], **fields}
    headers = {"Authorization": f"Bearer {key or mock.api_key}"} if key != "" else {}
    return httpx.post(f"{mock.base_url}/rerank", json=body, headers=headers)

"""


@pytest.mark.slow
@pytest.mark.parametrize("fixture", ["rerank_mock", "rerank_server"])
def test_a_test_fails_for_its_client(run: Callable[..., pytest.RunResult], fixture: str) -> None:
    source = """
def test_good(FIXTURE):
    assert post(FIXTURE).status_code == 200

def test_wrong_key(FIXTURE):
    assert post(FIXTURE, key="sk-wrong").status_code == 401

def test_breach(FIXTURE):
    post(FIXTURE, top_n=0)

def test_keyless(FIXTURE):
    post(FIXTURE, key="")

def test_unmet(FIXTURE):
    FIXTURE.arm("overloaded")

def test_both(FIXTURE):
    FIXTURE.arm("overloaded_then_success")
    post(FIXTURE, top_n=0)

def test_mistake(FIXTURE):
    post(FIXTURE, top_k=1)

@pytest.mark.rerank_mock(fail_on="mistake")
def test_mistake_that_counts(FIXTURE):
    post(FIXTURE, top_k=1)

@pytest.mark.rerank_mock(allow=["top_n_below_one"])
class TestMeant:
    def test_breach_that_is_allowed(self, FIXTURE):
        post(FIXTURE, top_n=0)

    @pytest.mark.rerank_mock(allow=[])
    def test_nearer_marker(self, FIXTURE):
        post(FIXTURE, top_n=0)

    @pytest.mark.rerank_mock(assert_all_met=False)
    def test_both_markers(self, FIXTURE):
        FIXTURE.arm("overloaded_forever")

@pytest.mark.usefixtures("FIXTURE")
class TestOfUnittest(unittest.TestCase):
    @pytest.fixture(autouse=True)
    def take(self, FIXTURE):
        self.mock = FIXTURE

    def test_breach_in_unittest(self):
        post(self.mock, top_n=0)
""".replace("FIXTURE", fixture)
    result = run(source, "-rA", "-n", "2")
    result.assert_outcomes(passed=4, failed=8, warnings=1)
    result.stdout.fnmatch_lines_random(
        [
            "FAILED *::test_breach - *the client broke the contract: top_n_below_one",
            "FAILED *::test_wrong_key - *the client broke the contract: key_unknown",
            "FAILED *::test_keyless - *the client broke the contract: key_missing",
            "FAILED *::test_unmet - *an armed step was never reached",
            "FAILED *::test_both - *the client broke the contract: top_n_below_one",
            "an armed step was never reached",
            "FAILED *::test_mistake_that_counts - *the client made a mistake: unknown_field",
            "FAILED *::test_nearer_marker - *",
            "FAILED *::test_breach_in_unittest - *the client broke the contract: *",
            'If this is intended, add: @pytest.mark.rerank_mock(allow=[[]"top_n_below_one"[]])',
            "If this is intended, add: @pytest.mark.rerank_mock(assert_all_met=False)",
        ]
    )
    result.stdout.no_fnmatch_line("*Traceback*")


def test_a_failure_of_the_test_is_not_drowned(run: Callable[..., pytest.RunResult]) -> None:
    result = run(
        """
def test_fails_and_breaks(rerank_mock):
    rerank_mock.arm("overloaded")
    rerank_mock.arm("overloaded")
    post(rerank_mock, top_n=0)
    assert 1 == 2

def test_fails_before_a_call(rerank_mock):
    rerank_mock.arm("overloaded")
    assert 3 == 4

def test_fails_alone(rerank_mock):
    assert 5 == 6

@pytest.mark.rerank_mock(assert_called=True)
def test_fails_where_a_call_is_required(rerank_mock):
    assert 7 == 8

def test_skips(rerank_mock):
    rerank_mock.arm("overloaded")
    pytest.skip("no time")

@pytest.mark.xfail(strict=True)
def test_is_expected_to_fail(rerank_mock):
    post(rerank_mock, top_n=0)
"""
    )
    result.assert_outcomes(failed=4, skipped=1, xfailed=1)
    result.stdout.fnmatch_lines(
        [
            "E *assert 1 == 2",
            "*- Captured rerank_mock call -*",
            "call 1: POST /v1/rerank -> 503 overloaded",
            "  breach  top_n_below_one: *",
            "E *assert 3 == 4",
            "*- Captured rerank_mock call -*",
            "no calls: only httpx and httpx2 are intercepted; *take rerank_server, *",
            "E *assert 5 == 6",
            "no calls: only httpx and httpx2 are intercepted; *",
            "E *assert 7 == 8",
            "*- Captured rerank_mock call -*",
            "no calls: only httpx and httpx2 are intercepted; *",
            "FAILED *::test_fails_and_breaks - assert 1 == 2",
            "FAILED *::test_fails_alone - assert 5 == 6",
        ]
    )
    assert result.stdout.str().count("Captured rerank_mock call") == 4
    assert result.stdout.str().count("no calls: only httpx") == 3
    result.stdout.no_fnmatch_line("*never reached*")


def test_what_is_called_while_the_fixtures_of_a_test_are_torn_down_is_judged_too(
    run: Callable[..., pytest.RunResult],
) -> None:
    result = run(
        """
@pytest.fixture(params=["rerank_mock", "rerank_server"])
def mock(request):
    return request.getfixturevalue(request.param)

@pytest.fixture
def polite(mock):
    yield
    post(mock)

@pytest.fixture
def rude(mock):
    yield
    post(mock, top_n=0)

@pytest.fixture
def mistaken(mock):
    yield
    post(mock, top_k=1)

def test_polite(mock, polite):
    post(mock)

def test_rude(mock, rude):
    post(mock)

def test_rude_only_once(mock, polite):
    post(mock, top_n=0)

@pytest.mark.rerank_mock(allow=["top_n_below_one"])
def test_rude_as_intended(rude):
    pass

def test_mistaken(mistaken):
    pass

def test_mistaken_only_once(mock, polite):
    post(mock, top_k=1)
"""
    )
    result.assert_outcomes(passed=10, failed=2, errors=2, warnings=4)
    result.stdout.fnmatch_lines(
        [
            "*_ ERROR at teardown of test_rude[[]rerank_mock[]] _*",
            "after the test, the client broke the contract: top_n_below_one",
            "call 2: POST /v1/rerank -> 400 parameter_rule",
            'If this is intended, add: @pytest.mark.rerank_mock(allow=[[]"top_n_below_one"[]])',
            "*AdviceWarning: the client made a mistake: unknown_field",
        ]
    )


MISTAKEN = """
def test_mistaken(rerank_mock):
    post(rerank_mock)
    post(rerank_mock, top_k=1)
    post(rerank_mock, top_k=1, top_n=None)
"""


def test_a_mistake_is_a_warning_with_its_hint(run: Callable[..., pytest.RunResult]) -> None:
    result = run(MISTAKEN)
    result.assert_outcomes(passed=1, warnings=1)
    result.stdout.fnmatch_lines(
        [
            "test_*.py::test_mistaken",
            "*test_*.py:11: AdviceWarning: the client made a mistake: unknown_field",
            "*call 2: POST /v1/rerank -> 200 answered",
            "*hint    `top_k`: did you mean `top_n`[?]",
            "*again   in call 3",
        ]
    )
    result.stdout.no_fnmatch_line("*null_field*")


@pytest.mark.parametrize("category", ["error", "error::mockserver.AdviceWarning"])
def test_a_warning_that_is_an_error_fails_the_test_once(
    run: Callable[..., pytest.RunResult], category: str
) -> None:
    result = run(MISTAKEN, "-W", category)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "the client made a mistake: unknown_field",
            "*hint    `top_k`: did you mean `top_n`[?]",
            "*- Captured rerank_mock call -*",
            "call 1: POST /v1/rerank -> 200 answered",
            "call 2: POST /v1/rerank -> 200 answered",
            "  mistake unknown_field: *did you mean `top_n`[?]",
            "call 3: *",
            "  remark  null_field: *",
        ]
    )
    result.stdout.no_fnmatch_line("*Traceback*")
    assert result.stdout.str().count("If this is intended") == 1


def test_a_client_that_never_called_fails_only_where_it_must(
    run: Callable[..., pytest.RunResult],
) -> None:
    source = """
def test_never(FIXTURE):
    pass

@pytest.mark.rerank_mock(assert_called=True)
def test_must(FIXTURE):
    pass
"""
    result = run(
        source.replace("FIXTURE", "rerank_mock")
        + source.replace("FIXTURE", "rerank_server").replace("test_", "test_server_")
    )
    result.assert_outcomes(passed=2, failed=2)
    result.stdout.fnmatch_lines(
        [
            "no request reached the mock: only httpx and httpx2 are *take rerank_server, *",
            "If this is intended, add: @pytest.mark.rerank_mock(assert_called=False)",
            "no request reached the mock: the base URL for the client is http://127.0.0.1:*/v1",
        ]
    )
    result.stdout.no_fnmatch_line("*Captured rerank_mock call*")


@pytest.mark.parametrize("start", ["mock_rerank", "serve_rerank"])
def test_what_tests_share_names_the_test_that_did_it(
    run: Callable[..., pytest.RunResult], start: str
) -> None:
    result = run(
        f"""
from mockserver import {start}

@pytest.fixture(scope="module")
def shared():
    with {start}() as mock:
        yield mock

def test_good(shared):
    post(shared)

def test_bad(shared):
    post(shared, top_n=0)

def test_worse(shared):
    post(shared, top_n=0)
    shared.arm("overloaded")
    shared.pin_scores({{"c": 1}}, query="b")
    shared.arm("overloaded")
    post(shared)

def test_last(shared):
    pass
"""
    )
    result.assert_outcomes(passed=4, errors=1)
    result.stdout.fnmatch_lines(
        [
            "*_ ERROR at teardown of test_last _*",
            "E *the client broke the contract: top_n_below_one",
            "E *call 2: POST /v1/rerank -> 400 parameter_rule",
            "E *test    test_*.py::test_bad",
            "E *again   in call 3",
            "E *also in test_*.py::test_worse",
            "E *scenario 'overloaded', *: the scenario got 0 requests, armed in *::test_worse",
            "E *pin *: no request had this query, pinned in test_*.py::test_worse",
        ]
    )


def test_what_one_test_does_names_no_test(run: Callable[..., pytest.RunResult]) -> None:
    result = run(
        """
from mockserver import mock_rerank

def test_alone():
    with mock_rerank() as mock:
        post(mock, top_n=0)
"""
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E *call 1: POST /v1/rerank -> 400 parameter_rule", "E *sent *"])
    result.stdout.no_fnmatch_line("*test    test_*")


def test_a_pin_that_matches_nothing_fails_the_test(run: Callable[..., pytest.RunResult]) -> None:
    result = run(
        """
def test_pinned(rerank_mock):
    rerank_mock.pin_order("b", "c")
    rerank_mock.pin_scores({"d": 0.5})
    post(rerank_mock)
"""
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "a pin matched no request",
            'pin {"scores": {"d": 0.5}}: no request had any of these documents',
            "If this is intended, add: @pytest.mark.rerank_mock(assert_all_met=False)",
        ]
    )
    result.stdout.no_fnmatch_line('pin {"order"*')


def test_a_project_may_set_other_expectations(run: Callable[..., pytest.RunResult]) -> None:
    result = run(
        """
def test_mistake(rerank_mock):
    post(rerank_mock, top_k=1)

def test_breach(rerank_mock):
    post(rerank_mock, top_n=0)

def test_unmet(rerank_mock):
    rerank_mock.arm("overloaded")

@pytest.mark.rerank_mock(fail_on="breach", assert_all_met=True)
def test_marker_goes_first(rerank_mock):
    rerank_mock.arm("overloaded_forever")
    post(rerank_mock, top_k=1)
""",
        ini=(
            "rerank_mock_fail_on = mistake\n"
            "rerank_mock_allow = top_n_below_one null_field\n"
            "rerank_mock_assert_all_met = false\n"
        ),
    )
    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines(["FAILED *::test_mistake - *"])


def test_an_invalid_marker_is_reported_once_and_before_the_test_runs(
    run: Callable[..., pytest.RunResult],
) -> None:
    result = run(
        """
@pytest.mark.rerank_mock(fail_on="breech")
def test_value(rerank_mock):
    print("it ran")

@pytest.mark.rerank_mock("breach")
def test_position(rerank_mock):
    print("it ran")

@pytest.mark.rerank_mock(allowed=[])
def test_name(rerank_server):
    print("it ran")

@pytest.mark.rerank_mock(hostil=[])
def test_own_name(rerank_server):
    print("it ran")

@pytest.mark.rerank_mock(xyz=[])
def test_strange_name(rerank_server):
    print("it ran")
""",
        "-s",
    )
    result.assert_outcomes(errors=5)
    where = "@pytest.mark.rerank_mock: "
    result.stdout.fnmatch_lines(
        [
            f"{where}fail_on must be one of *, not 'breech'",
            f"{where}takes keyword arguments only: fail_on, *",
            f"{where}unknown option 'allowed'; did you mean 'allow'[?]",
            f"{where}unknown option 'hostil'; did you mean 'hostile'[?]",
            f"{where}unknown option 'xyz'; there are fail_on, allow, *",
        ]
    )
    result.stdout.no_fnmatch_line("*During handling*")
    result.stdout.no_fnmatch_line("*it ran*")
    result.stdout.no_fnmatch_line("*Traceback*")


def test_an_invalid_ini_option_is_named(run: Callable[..., pytest.RunResult]) -> None:
    result = run("def test_it(rerank_mock): pass", ini="rerank_mock_allow = nul_field")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        ["ini option rerank_mock_allow: unknown advice 'nul_field'; did you mean 'null_field'[?]"]
    )
    result.stdout.no_fnmatch_line("*Traceback*")


@pytest.mark.parametrize(
    ("ini", "complaint"),
    [
        ("revision = 2024-1", "revision 2024-1: *2024-11*"),
        ("assert_all_met = maybe", "assert_all_met must be true or false"),
        ("seed = one", "seed must be an integer, not 'one'"),
        ("base_url = https://gateway.example", "base_url must be a URL that ends in /v1, not *"),
        ("hostile = shape", "hostile*shapes*"),
    ],
)
def test_each_wrong_value_of_an_ini_option_is_one_sentence(
    run: Callable[..., pytest.RunResult], ini: str, complaint: str
) -> None:
    result = run("def test_it(rerank_mock): pass", ini=f"rerank_mock_{ini}")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"ini option rerank_mock_{complaint}"])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_the_mock_answers_where_the_project_says(run: Callable[..., pytest.RunResult]) -> None:
    result = run(
        """
def test_base_url(rerank_mock):
    assert rerank_mock.base_url == "https://gateway.example/v1"
    assert post(rerank_mock).status_code == 200

def test_other_hosts(rerank_mock):
    httpx.get("https://api.siliconflow.cn/v1/models")

@pytest.mark.rerank_server(allow=["null_field"], fail_on="remark")
def test_either_marker(rerank_mock):
    post(rerank_mock, top_n=None)
""",
        ini=(
            "rerank_mock_base_url = https://gateway.example/v1\n"
            "rerank_mock_allow = key_missing,null_field"
        ),
    )
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(
        ["*NotMockedError: GET https://api.siliconflow.cn/v1/models would*"]
    )


def test_the_marker_is_declared(run: Callable[..., pytest.RunResult]) -> None:
    run("", "--markers").stdout.fnmatch_lines(["@pytest.mark.rerank_mock(fail_on='breach', *"])
