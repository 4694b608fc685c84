"""The options of a run, and what is found out about them before anything is sent."""

import argparse
from pathlib import Path

import pytest

from contract_tests.__main__ import main
from contract_tests.command.options import declare, judging_words, problem, selects, words
from contract_tests.command.outputs import files
from contract_tests.report.writers import WRITERS
from tests.contract_tests.newest import REQUIREMENTS


def parsed(*given: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    declare(parser.add_argument)
    return parser.parse_args(given)


@pytest.mark.parametrize(
    ("wanted", "requirement", "means"),
    [
        ("request.top_n.count", "request.top_n.count", True),
        ("request.top_n", "request.top_n.count", True),
        ("request", "request.top_n.count", True),
        ("request.top", "request.top_n.count", False),
        ("request.top_n.count.more", "request.top_n.count", False),
        ("top_n", "request.top_n.count", False),
    ],
)
def test_only_means_an_id_or_the_front_of_ids(
    wanted: str, requirement: str, *, means: bool
) -> None:
    assert selects(wanted, requirement) is means


@pytest.mark.parametrize("name", REQUIREMENTS)
def test_every_requirement_can_be_asked_for(name: str) -> None:
    assert problem(parsed(f"--only={name}")) is None


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            "--only=request.topn",
            "--only: no requirement is called request.topn; did you mean request.top_n?",
        ),
        ("--only=zzz", "--only: no requirement is called zzz"),
        ("--target=localhost:80", "--target: localhost:80 is neither one of mock, server"),
        ("--target=https://user:secret@host/v1", "--target: leave the name and password out"),
        (
            "--target=https://host/v1",
            "$NO_SUCH_VARIABLE is not set: set it to the key of https://host/v1",
        ),
        *(
            (f"--{name}=no/folder/file", f"--{name}: the folder no/folder does not exist")
            for name in WRITERS
        ),
        *((f"--{name}=.", f"--{name}: . is a folder") for name in WRITERS),
        ("--har=no/folder/a.har", "--har: the folder no/folder does not exist"),
        ("--write-baseline=.", "--write-baseline: . is a folder"),
        ("--baseline=missing.json", "--baseline: missing.json cannot be read: No such file"),
    ],
)
def test_a_mistake_is_told_in_one_sentence(given: str, said: str) -> None:
    told = problem(parsed("--api-key-env=NO_SUCH_VARIABLE", given))
    assert told
    assert told.startswith(said)
    assert "secret" not in told
    assert "\n" not in told


def test_two_outputs_do_not_share_a_file() -> None:
    told = problem(parsed("--report-html=run.har", "--har=./run.har"))
    assert told == "--har: run.har is the file of --report-html too; name another"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("--target=127.0.0.1:8787/v1", "; did you mean http://127.0.0.1:8787/v1?"),
        ("--target=localhost:8787", "; did you mean http://localhost:8787?"),
        ("--target=sever", "; did you mean server?"),
        ("--header=X-Tenant", "--header: 'X-Tenant' is not of the form 'Name: value'"),
        ("--header=X Tenant: a", "'X Tenant' is not the name of a header"),
        ("--header=X-Tenant: \x1b", "is not of the form"),
        ("--header=Authorization: a", "the variable that --api-key-env names"),
        ("--header=X-Api-Key: abc", "use --header-env X-Api-Key=NAME"),
        ("--header-env=X-Api-Key", "is not of the form 'Name=VARIABLE'"),
        ("--header-env=X-Api-Key=NOBODY", "$NOBODY is not set: set it to the value of X-Api-Key"),
        ("--header-env=Content-Type=NOBODY", "--header-env: Content-Type cannot be set"),
        ("--ca-file=no/such.pem", "--ca-file: no/such.pem has no certificates to trust: No such"),
        ("--ca-file=pyproject.toml", "has no certificates to trust: not a PEM file"),
        ("--capabilities=no/such.json", "--capabilities: no/such.json cannot be read"),
        ("--model=mine=BAAI/bge-reranker-v2-m4", "did you mean BAAI/bge-reranker-v2-m3?"),
        ("--mutant=ignore top_n", "did you mean ignores top_n?"),
    ],
)
def test_a_mistake_comes_with_what_may_have_been_meant(
    given: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NOBODY", raising=False)
    told = problem(parsed(given))
    assert told
    assert said in told
    assert "\n" not in told


@pytest.mark.parametrize(
    "given",
    [
        "sk-secret",
        "check sk-secret",
        "check --api-key sk-secret",
        "check --target http://127.0.0.1:9/v1 --api-key-env sk-secret",
        "check --target http://127.0.0.1:9/v1 --header-env X-Key=sk-secret",
        "client --key sk-secret -- true",
        "list --explain sk-secret",
    ],
)
def test_a_key_in_a_wrong_place_is_not_repeated(
    given: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SILICONFLOW_API_KEY", "another")
    with pytest.raises(SystemExit) as ended:
        main(given.split())
    said = capsys.readouterr()
    assert ended.value.code == 2
    assert "rerank-contract: error: " in said.err
    assert "secret" not in said.err + said.out


def test_a_secret_in_the_url_of_the_target_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SILICONFLOW_API_KEY", "sk-of-these-tests")
    for target in ("http://host/v1?key=hunter2", "http://me:hunter2@host/v1"):
        told = problem(parsed(f"--target={target}"))
        assert told
        assert "out of the URL: every report prints it" in told
        assert "hunter2" not in told


@pytest.mark.parametrize(
    ("proxy", "said"),
    [
        ("socks5://proxy", "only proxies at an http or https URL can be used"),
        ("http://me:secret@proxy", "leave the name and password out"),
        ("http://proxy:port", "is not a URL"),
    ],
)
def test_a_proxy_that_cannot_be_used_is_told(
    proxy: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SILICONFLOW_API_KEY", "sk-of-these-tests")
    told = problem(parsed("--target=https://host/v1", f"--proxy={proxy}"))
    assert told
    assert said in told
    assert "secret" not in told


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("--request-timeout=0", "0 is not a number of seconds above 0\n"),
        ("--wait=-1", "-1 is not a number of seconds\n"),
        ("--wait=soon", "soon is not a number of seconds\n"),
        ("--wait=nan", "nan is not a number of seconds\n"),
    ],
)
def test_seconds_are_a_number(given: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parsed(given)
    assert said in capsys.readouterr().err
    assert parsed("--wait=0").wait == 0


def test_a_summary_that_cannot_be_written_is_told_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "no/such/folder/file")
    assert problem(parsed()) is None
    assert problem(parsed("--github")) == (
        "$GITHUB_STEP_SUMMARY: the folder no/such/folder does not exist"
    )


GIVEN = (
    *("--target=server", "--effort=smoke", "--seed=3", "--max-requests=9", "--github"),
    *("--only=request.top_n", "--only=response", "--model=a/b", "--model=c d"),
    *("--baseline=a.json", "--write-baseline=b.json", "--show-tests"),
    *("--fail-on-difference", "--mutant=ignores top_n", "--report-json=report.json"),
)


def test_options_survive_being_said_again() -> None:
    options = parsed(*GIVEN)
    assert parsed(*words(options)) == options


def test_to_judge_again_needs_no_reports_and_no_choice() -> None:
    again = parsed(*judging_words(parsed(*GIVEN)))
    assert (again.only, again.github, files(again)) == ([], False, {})
    assert (again.baseline, again.write_baseline, again.show_tests) == (None, None, False)
    assert (again.seed, again.mutant, again.model) == (3, "ignores top_n", ["a/b", "c d"])
    assert {"--target=mock", "--seed=0"} <= set(judging_words(parsed()))


def test_the_command_has_names_that_pytest_has_for_something_else() -> None:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    declare(parser.add_argument, ours=True)
    given = parser.parse_args(["--strict", "--junitxml=junit.xml", "--timeout=5"])
    assert given.fail_on_difference
    assert given.request_timeout == 5
    assert files(given) == {"--report-junit": Path("junit.xml")}
    assert parsed(*words(given)) == given


def test_files_are_known_by_their_format() -> None:
    assert files(parsed("--badge-svg=a.svg")) == {"--badge-svg": Path("a.svg")}
