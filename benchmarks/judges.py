"""The judge beside Schemathesis: CPU of the tool per request that it sends to the served mock."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from tempfile import TemporaryDirectory

import httpx

from mockserver.state.store import DEFAULT_KEY

from .measuring import Comparison, Side
from .peers import FOLDER
from .served import ROOT, Connection, mock_served
from .starting import children

ROUNDS = 5
#: So many requests as the judge sends, for each tool to share its start among as many.
EXAMPLES = 760

JUDGE = "the judge: `rerank-contract check`, effort `standard`"
SCHEMATHESIS = "Schemathesis on the same app"
#: The most CPU that the judge is to take, as a share of that of Schemathesis.
GOAL = 0.2


def judges() -> Iterator[Comparison]:
    """Compare what a request costs the judge with what it costs Schemathesis."""
    with mock_served() as mock:
        yield Comparison(
            JUDGE,
            SCHEMATHESIS,
            "those that each makes up",
            tool(judging(mock.port), mock),
            tool(testing(mock.port), mock),
            GOAL,
            ROUNDS,
        )


def judging(port: int) -> Sequence[str]:
    """Return the command of the judge."""
    target = ("--target", f"http://127.0.0.1:{port}/v1", "--effort", "standard")
    return (sys.executable, "-m", "rerank_contract.contract_tests", "check", *target)


def testing(port: int) -> Sequence[str]:
    """Return the command of Schemathesis."""
    return (
        str(FOLDER / "bin/schemathesis"),
        "run",
        str(ROOT / "schemas/openapi.json"),
        f"--url=http://127.0.0.1:{port}/v1",
        f"--header=Authorization: Bearer {DEFAULT_KEY}",
        "--include-path=/rerank",
        "--phases=fuzzing",
        f"--max-examples={EXAMPLES}",
        "--seed=1",
        # The document lets every name of a model pass, and the mock refuses those that it lacks.
        "--exclude-checks=positive_data_acceptance",
    )


def tool(command: Sequence[str], mock: Connection) -> Side:
    """Return the runs of a tool, which must find no fault, and the CPU of its processes alone."""
    before = seen(mock)
    run(command)
    return Side(partial(run, command), children, seen(mock) - before)


def run(command: Sequence[str]) -> None:
    """Run a command in an empty folder: Schemathesis would begin with what it has kept there."""
    environment = {**os.environ, "SILICONFLOW_API_KEY": DEFAULT_KEY}
    with TemporaryDirectory() as folder:
        subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)


def seen(mock: Connection) -> int:
    """Return how many requests a mock has seen."""
    journal = httpx.get(f"http://127.0.0.1:{mock.port}/__admin/journal", params={"limit": 0})
    requests: int = journal.json()["seen"]
    return requests
