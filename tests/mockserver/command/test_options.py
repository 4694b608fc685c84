"""Options on the command line and in the environment, and what is said of wrong ones."""

import json
import os
from pathlib import Path

import pytest

from mockserver.command import serving
from mockserver.command.parser import CommandError, Parser
from mockserver.command.serving import Serving
from tests.mockserver.command.commands import status_of


def options(*words: str, **variables: str) -> Serving:
    """Return the options of `serve`; names of variables have no prefix."""
    parser = Parser()
    serving.declare(parser)
    environment = {f"RERANK_MOCK_{name}": value for name, value in variables.items()}
    return Serving(**{**parser.variables(environment), **vars(parser.parse_args(words))})


#: Each option, and a value for it other than the default.
VALUES = {
    "--host": "127.0.0.2",
    "--port": "1",
    "--key": "sk-a",
    "--key-file": "keys",
    "--unlimited": None,
    "--behaviour": "strict",
    "--hostile": "shapes",
    "--seed": "-1",
    "--revision": "2024-11",
    "--admin-token-env": "TOKEN",
    "--state": "state.json",
    "--workers": "2",
    "--replay": "run.har",
    "--unrecorded": "answer",
    "--har": "run.har",
    "--quiet": None,
    "--log-json": None,
}


def test_every_option_has_a_value_here() -> None:
    parser = Parser()
    serving.declare(parser)
    actions = parser._option_string_actions
    assert {name for name in actions if name.startswith("--")} == {*VALUES, "--help"}


@pytest.mark.parametrize(("option", "value"), VALUES.items())
def test_every_option_may_be_a_variable(option: str, value: str | None) -> None:
    variable = option.removeprefix("--").replace("-", "_").upper()
    given = options(*[option, *([value] if value else [])])
    assert given != Serving()
    assert options(**{variable: value or "1"}) == given
    assert options(**{variable: ""}) == Serving()


def test_the_command_line_wins() -> None:
    given = options("--port", "2", "--key", "sk-b", "--log-json", PORT="1", KEY="sk-a", QUIET="1")
    assert given == Serving(port=2, key=["sk-b"], log="json")


def test_what_is_repeatable_is_split_at_spaces_in_a_variable() -> None:
    given = options(KEY="sk-a sk-b", HOSTILE="shapes faults")
    assert (given.key, given.hostile) == (["sk-a", "sk-b"], ["shapes", "faults"])
    assert options("--key", "sk-a", "--key", "sk-b").key == ["sk-a", "sk-b"]


@pytest.mark.parametrize("value", ["0", "false", "No"])
def test_a_variable_switches_an_option_off(value: str) -> None:
    assert options(QUIET=value, UNLIMITED=value) == Serving()


@pytest.mark.parametrize(
    ("variable", "value", "complaint"),
    [
        ("PORT", "x", "RERANK_MOCK_PORT: must be a number from 0 to 65535, not 'x'"),
        ("KEY", "sk-\u00e9", "RERANK_MOCK_KEY: must be printable ASCII without spaces"),
        ("QUIET", "maybe", "RERANK_MOCK_QUIET: must be 1 or 0, not 'maybe'"),
        ("SEED", "one", "RERANK_MOCK_SEED: must be a whole number, not 'one'"),
    ],
)
def test_a_wrong_variable_is_named(variable: str, value: str, complaint: str) -> None:
    with pytest.raises(CommandError) as caught:
        options(**{variable: value})
    assert str(caught.value) == complaint


@pytest.mark.parametrize(
    ("variable", "value", "complaint"),
    [
        ("BEHAVIOUR", "observd", "observd: neither a preset"),
        ("REVISION", "2020-01", "2020-01"),
        ("STATE", "none.json", "none.json: cannot be read: No such file or directory"),
        ("KEY_FILE", "none", "none: cannot be read: No such file or directory"),
        ("ADMIN_TOKEN_ENV", "NO_SUCH", "the environment variable NO_SUCH is not set"),
        ("HOST", "256.0.0.1", "cannot listen on 256.0.0.1 port 8787: "),
    ],
)
def test_so_is_one_whose_value_proves_to_be_wrong(
    variable: str,
    value: str,
    complaint: str,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(f"RERANK_MOCK_{variable}", value)
    assert status_of("serve") == 2
    assert capfd.readouterr().err.startswith(f"rerank-mock: RERANK_MOCK_{variable}: {complaint}")


def test_two_variables_for_one_thing_are_refused() -> None:
    with pytest.raises(CommandError) as caught:
        options(QUIET="1", LOG_JSON="1")
    assert str(caught.value) == "RERANK_MOCK_LOG_JSON: not allowed with RERANK_MOCK_QUIET"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "expected a command: serve, proxy or wait"),
        (["--hlep"], "unrecognized arguments: --hlep; did you mean '--help'?"),
        (["--versoin"], "; did you mean '--version'?"),
        (["--port", "1", "serve"], "--port comes after the command: rerank-mock serve --port\n"),
        (["--key=sk-a", "serve"], "--key comes after the command: rerank-mock serve --key\n"),
        (["--prot", "1", "serve"], "unrecognized arguments: --prot; did you mean '--port'?"),
        (["--xyz"], "unrecognized arguments: --xyz; see rerank-mock --help"),
        (["serve", "--hlep"], "unrecognized arguments: --hlep; did you mean '--help'?"),
        (["serve", "pytest"], "unrecognized arguments: pytest; a command to run follows --"),
        (["start"], "invalid choice: 'start'"),
        (["sevre"], "did you mean 'serve'?"),
        (["serve", "--prot", "1"], "unrecognized arguments: --prot; did you mean '--port'?"),
        (["serve", "--kye", "sk-a"], "unrecognized arguments: --kye; did you mean '--key'?"),
        (["serve", "--behavior=page"], "; did you mean '--behaviour'?"),
        (["wait", "--second", "1", "a", "b"], "; did you mean '--seconds'?"),
        (["wait", "--seconds", "1", "a", "b"], "arguments: b; see rerank-mock wait --help"),
        (["serve", "--hostile", "fault"], "did you mean 'faults'?"),
        (["serve", "--port", "65536"], "must be a number from 0 to 65535, not '65536'"),
        (["serve", "--port", "-1"], "must be a number from 0 to 65535, not '-1'"),
        (["serve", "--host", "256.0.0.1"], "cannot listen on 256.0.0.1 port 8787"),
        (["serve", "--host", "a" * 70], "cannot listen on aaa"),
        (["serve", "--host", "\u00fc"], "argument --host: must be printable ASCII without spaces"),
        (["serve", "--host", ""], "argument --host: must not be empty"),
        (["serve", "--key", ""], "argument --key: must not be empty"),
        (["serve", "--key", "sk mock"], "argument --key: must be printable ASCII without spaces"),
        (["serve", "--key", "sk-\u00e9"], "argument --key: must be printable ASCII without spaces"),
        (["serve", "--quiet", "--log-json"], "--log-json: not allowed with argument --quiet"),
        (["serve", "--behaviour", "observd"], "observd: neither a preset"),
        (["serve", "--behaviour", os.devnull], f"{os.devnull}: is not JSON"),
        (["serve", "--key-file", "none"], "none: cannot be read: No such file or directory"),
        (["serve", "--key-file", os.devnull], f"{os.devnull}: has no key"),
        (["serve", "--unrecorded", "answer"], "--unrecorded needs --replay FILE"),
        (["serve", "--replay", "none.har"], "none.har: cannot be read: No such file or directory"),
        (["serve", "--replay", os.devnull], f"{os.devnull}: is not JSON"),
        (["serve", "--admin-token-env", "NO_SUCH"], "variable NO_SUCH is not set"),
        (["serve", "--"], "expected a command after --"),
        (["wait", "--", "true"], "only serve takes a command after --"),
        (["wait", "--seconds", "nan"], "must be a number from 0 to 86400, not 'nan'"),
        (["wait", "127.0.0.1:8787"], "URL must be one such as http://127.0.0.1:8787/v1, not '127."),
        (["wait", "http://a:x/v1"], "URL must be one such as http://127.0.0.1:8787/v1, not 'http"),
    ],
)
def test_a_wrong_command_line_is_one_line_and_2(
    arguments: list[str], complaint: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert status_of(*arguments) == 2
    output, errors = capfd.readouterr()
    assert output == ""
    assert errors.startswith("rerank-mock: ")
    assert complaint in errors
    assert errors.count("\n") == 1
    assert "sk-" not in errors


def test_a_wrong_key_in_a_file_is_named_by_its_line(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "keys"
    path.write_text("sk-a\n\nsk b\n", encoding="utf-8")
    assert status_of("serve", "--key-file", str(path)) == 2
    complaint = f"rerank-mock: {path}: line 3 must be printable ASCII without spaces\n"
    assert capfd.readouterr().err == complaint


@pytest.mark.parametrize("token", ["", "to ken", "t\u00f6ken"])
def test_a_token_that_no_header_can_carry_is_refused_and_not_repeated(
    token: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", token)
    assert status_of("serve", "--admin-token-env", "TOKEN") == 2
    rule = "must be printable ASCII without spaces" if token else "must not be empty"
    assert capfd.readouterr().err == f"rerank-mock: the environment variable TOKEN {rule}\n"


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_other_machines_reach_no_admin_without_a_token(
    host: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert status_of("serve", "--port", "0", "--host", host) == 2
    assert capfd.readouterr() == (
        "",
        f"rerank-mock: other machines can reach /__admin on {host}:"
        " set a token with --admin-token-env\n",
    )


def test_a_wrong_state_file_is_one_line_and_2(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "state.json"
    path.write_text(json.dumps({"version": 1, "accounts": [{"name": "a"}]}), encoding="utf-8")
    assert status_of("serve", "--state", str(path)) == 2
    complaint = f"rerank-mock: {path}: $.accounts[0]: the member 'keys' is missing\n"
    assert capfd.readouterr() == ("", complaint)


@pytest.mark.parametrize(
    "words",
    [
        ["sk-secret"],
        ["serve", "sk-secret"],
        ["serve", "--kye", "sk-secret"],
        ["serve", "--kye=sk-secret"],
        ["serve", "--key-file", "sk-secret"],
        ["serve", "--admin-token-env", "sk-secret"],
        ["wait", "http://127.0.0.1/v1", "--key", "sk-secret"],
    ],
    ids=" ".join,
)
def test_a_key_in_a_wrong_place_is_not_repeated(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert status_of(*words) == 2
    said = capsys.readouterr()
    assert said.err.startswith("rerank-mock: ")
    assert "secret" not in said.err + said.out


@pytest.mark.parametrize(("name", "meant"), [("PROT", "PORT"), ("KEYS", "KEY"), ("URL", None)])
def test_a_misspelt_variable_is_a_warning(
    name: str,
    meant: str | None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(f"RERANK_MOCK_{name}", "sk-secret")
    assert status_of("serve", "--") == 2
    expected = f"RERANK_MOCK_{name} has no effect; did you mean RERANK_MOCK_{meant}?\n"
    assert (expected in capsys.readouterr().err) == (meant is not None)
