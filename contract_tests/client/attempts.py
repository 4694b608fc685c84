"""Lets a client attempt scenarios: runs a command for each, or prints a list and waits.

The client reads `RERANK_BASE_URL` and `RERANK_API_KEY` from its environment and a task from its
standard input, and prints what it made of it: `schemas/client/` has the forms.
"""

import contextlib
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import TextIO, cast

import jsonschema

from ..contract import AnyJson
from ..redaction import blot_text
from ..wording import counted
from .grading import Attempt
from .mock_process import Mock
from .processes import run_process
from .reading import read_json
from .scenarios import FOLDER, ClientScenario

BASE_URL = "RERANK_BASE_URL"
API_KEY = "RERANK_API_KEY"
_UNPROXIED = "127.0.0.1,localhost"


@cache
def _answer_validator() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(
        json.loads((FOLDER / "answer.schema.json").read_text(encoding="utf-8"))
    )


class CommandError(Exception):
    """The command of the client cannot be run."""


def run(mock: Mock, scenario: ClientScenario, command: Sequence[str]) -> Attempt:
    """Run a command for a scenario; raises `CommandError` where it cannot be started."""
    key, before = mock.prepare(scenario), mock.seen()
    environment = {
        **os.environ,
        BASE_URL: mock.address(scenario),
        API_KEY: key,
        # The mock is on this machine, whatever proxy leads out of it.
        "NO_PROXY": _UNPROXIED,
        "no_proxy": _UNPROXIED,
    }
    task = json.dumps(scenario.task, ensure_ascii=False) + "\n"
    try:
        printed, complained, stopped = run_process(command, environment, task, scenario.seconds)
    except OSError as error:
        raise CommandError(f"`{command[0]}` cannot be run: {error.strerror}") from None
    silence = ""
    if stopped:
        silence = f"was still running after {counted(scenario.seconds, 'second')} and was stopped"
    printed, complained = blot_text(printed, key), blot_text(complained, key)
    answer = None
    if not silence:
        answer, silence = read(printed)
    if answer is None and complained.strip():
        silence = (
            f"{silence}; its last line on standard error: {complained.strip().splitlines()[-1]}"
        )
    # Requests without a valid key have no account: those that came meanwhile are the client's.
    rows = [row for row in mock.entries(after=before) if row["account"] in (scenario.id, None)]
    return Attempt(answer, silence, rows)


def wait(
    mock: Mock, scenarios: Iterable[ClientScenario], tasks: TextIO, answers: Iterable[str]
) -> Iterator[tuple[ClientScenario, Attempt]]:
    """Print every task with its address and key, read answers to their end, and yield attempts.

    A scenario that got neither a request nor an answer was not tried.
    """
    waiting = list(scenarios)
    keys = {scenario.id: mock.prepare(scenario) for scenario in waiting}
    given: dict[str, tuple[AnyJson, str]] = {}
    strays: list[str] = []
    # Ctrl-C ends the answers.
    with contextlib.suppress(KeyboardInterrupt):
        for scenario in waiting:
            address = {"base_url": mock.address(scenario), "api_key": keys[scenario.id]}
            line = json.dumps({**address, "task": scenario.task}, ensure_ascii=False)
            print(line, file=tasks, flush=True)
        for line in filter(None, map(str.strip, answers)):
            row = _object(line)
            name = row and row.get("id")
            if name in keys:
                given[name] = _checked(_object(blot_text(line, keys[name])))
            else:
                strays.append(line)
    for scenario in waiting:
        nothing = (None, "sent requests, but reported no answer")
        answer, silence = given.get(scenario.id, nothing)
        rows = mock.entries(account=scenario.id)
        if scenario.id not in given and not rows:
            answer = {"not_applicable": "neither a request nor an answer came"}
        yield scenario, Attempt(answer, silence, rows)
    if strays:
        stray = blot_text(strays[0], *keys.values())[:80]
        raise CommandError(f"this answer is not JSON with the id of a scenario: {stray}")


def read(printed: str) -> tuple[AnyJson, str]:
    """Find the answer of a client, the last line of JSON; or None, and why there is none."""
    for line in reversed(printed.splitlines()):
        answer = _object(line)
        if answer is not None:
            return _checked(answer)
    return None, "printed no line that is a JSON object"


def _object(line: str) -> AnyJson:
    try:
        value = read_json(line)
    except ValueError:
        return None
    return cast("AnyJson", value) if isinstance(value, dict) else None


def _checked(answer: AnyJson) -> tuple[AnyJson, str]:
    kinds = ("ranking", "error", "not_applicable")
    if sum(kind in answer for kind in kinds) != 1:
        return None, f"printed JSON that needs exactly one of {', '.join(kinds)}"
    for error in _answer_validator().iter_errors(answer):  # pyright: ignore[reportUnknownMemberType] - untyped overload
        # Of the three forms the one that it has is the one to explain.
        form = next(number for number, kind in enumerate(kinds) if kind in answer)
        cause = next(found for found in error.context or () if found.schema_path[0] == form)
        return None, f"printed JSON that is not an answer: {cause.json_path}: {cause.message}"
    return answer, ""
