"""Runs of the judge inside this process, and what came of them."""

import json
import os
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from contract_tests import conftest
from contract_tests.__main__ import main
from contract_tests.command.selection import requirements_of
from contract_tests.contract import AnyJson
from contract_tests.exchanges import Answer, Request
from contract_tests.judging.limits import Patience
from contract_tests.mutants.operators import Answerer, Sender
from tests.contract_tests.newest import NEWEST

ROOT = Path(__file__).parents[2]
ROOM = ROOT / "contract_tests"
#: Plugins that the short life of a run does not need.
UNUSED = ("cacheprovider", "xdist", "unraisableexception", "threadexception")


@dataclass(frozen=True)
class Judged:
    """What one run came to."""

    code: int
    report: AnyJson
    #: What was sent, in that order.
    requests: list[Request]
    #: Seconds that the judge would have slept.
    slept: list[float]

    @property
    def verdict(self) -> str:
        return str(self.report["verdict"])

    def that(self, outcome: str) -> set[str]:
        """Ids of the requirements with that outcome."""
        return {row["id"] for row in self.report["requirements"] if row["outcome"] == outcome}

    def row(self, requirement: str) -> AnyJson:
        """Find the entry of a requirement."""
        return next(row for row in self.report["requirements"] if row["id"] == requirement)


class Witness:
    """A plugin that watches the requests, stands in for the target at will, and never sleeps."""

    def __init__(self, instead: Answerer | None) -> None:
        self.requests: list[Request] = []
        self.slept: list[float] = []
        self._instead = instead

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        config.stash[conftest.RUN].connection.patience = Patience(sleep=self.slept.append)
        config.stash[conftest.WRAPPERS].append(self._answer)
        # Nobody reads what it says, which is half of the cost of a short run.
        config.pluginmanager.unregister(name="terminalreporter")

    def _answer(self, send: Sender, request: Request) -> Answer:
        self.requests.append(request)
        return self._instead(send, request) if self._instead else send(request)


def named(item: pytest.Item) -> set[str]:
    """Ids of the requirements that a test names."""
    return set(requirements_of(item, NEWEST))


def judge_here(
    folder: Path,
    *arguments: str,
    instead: Answerer | None = None,
    plugins: Sequence[object] = (),
    modules: Sequence[Path] = (ROOM,),
) -> Judged:
    """Run pytest on the room; ``instead`` answers in place of the target, and may ask it."""
    path = folder / "report.json"
    path.unlink(missing_ok=True)
    witness = Witness(instead)
    room = [*map(str, modules), "-q", "-s", "--assert=plain", *(f"-pno:{name}" for name in UNUSED)]
    code = pytest.main([*room, f"--report-json={path}", *arguments], plugins=[witness, *plugins])
    report: AnyJson = json.loads(path.read_text("utf-8")) if path.exists() else {}
    return Judged(int(code), report, witness.requests, witness.slept)


def command_here(folder: Path, *words: str, **environment: str) -> "CompletedProcess[str]":
    """Do in this process what the command does in that folder, with both outputs in one."""
    printed = StringIO()
    with (
        pytest.MonkeyPatch.context() as patch,
        redirect_stdout(printed),
        redirect_stderr(printed),
    ):
        patch.chdir(folder)
        # The run is not one of this test: pytest takes the variable away when the run ends.
        patch.delenv("PYTEST_CURRENT_TEST")
        for name in [name for name in os.environ if name.startswith("GITHUB_")]:
            patch.delenv(name)
        for name, value in environment.items():
            patch.setenv(name, value)
        try:
            code = main(words)
        except SystemExit as ended:
            code = int(ended.code or 0)
    return CompletedProcess(words, code, printed.getvalue())
