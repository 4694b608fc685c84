"""What the judge makes of the second server and of each of its faults, as in `verdicts.json`.

`python -m tests.second_server` writes it, some fifteen minutes long.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from .server import Server

HERE = Path(__file__).parent
VERDICTS = HERE / "verdicts.json"
#: What the server without a fault is called.
PLAIN = "as it is"
#: Outcomes that say nothing of the server.
UNTRIED = ("inconclusive", "skipped", "off", "broken")
_KEY = "sk-of-the-second-server"


def recorded() -> dict[str, Any]:
    """Return the recorded verdicts, by the name of the fault."""
    read: dict[str, Any] = json.loads(VERDICTS.read_text(encoding="utf-8"))
    return read


def judged(fault: str | None) -> dict[str, list[str]]:
    """Judge the server with a fault, or as it is; return the requirements by outcome."""
    keys = {"SILICONFLOW_API_KEY": _KEY, "SECOND_KEY": f"{_KEY}-2"}
    # A fault is shown by the first requirements that it breaks; only the whole shows what is kept.
    effort = "smoke" if fault else "standard"
    with TemporaryDirectory() as folder, Server([*keys.values()], fault, []) as server:
        report = Path(folder, "report.json")
        done = subprocess.run(
            [
                *(sys.executable, "-m", "contract_tests", "check", f"--effort={effort}"),
                *(f"--target={server.base_url}", "--second-api-key-env=SECOND_KEY"),
                f"--report-json={report}",
            ],
            check=False,  # the verdict is the exit code
            cwd=HERE.parents[1],
            env={**os.environ, **keys},
            capture_output=True,
            text=True,
        )
        if not report.exists():
            raise RuntimeError(done.stdout + done.stderr)
        rows = json.loads(report.read_text(encoding="utf-8"))["requirements"]
    outcomes = ("failed", "differs") if fault else ("failed", "differs", *UNTRIED)
    return {
        outcome: [row["id"] for row in rows if row["outcome"] == outcome] for outcome in outcomes
    }
