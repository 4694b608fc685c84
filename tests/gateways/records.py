"""What the judge makes of the gateways, as recorded in `verdicts.json`.

`python -m tests.gateways` writes it: for each gateway the version, the verdict, what fails with
what was expected and came, and the requirements that differ or could not be found out.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from mockserver.testing.contexts import serve_rerank

from .gateways import HERE, ROOT, Gateway

VERDICTS = HERE / "verdicts.json"


def recorded() -> dict[str, Any]:
    """Return the recorded verdicts, by the name of the gateway."""
    read: dict[str, Any] = json.loads(VERDICTS.read_text(encoding="utf-8"))
    return read


def judged(gateway: Gateway, folder: Path) -> dict[str, Any]:
    """Judge a gateway in front of the mock; return what is to be recorded of it."""
    report = folder / "report.json"
    trust = [f"--ca-file={folder / 'authority.pem'}"] if gateway.tls else []
    with (
        serve_rerank(fail_on="nothing") as mock,
        gateway.running(mock.base_url, mock.api_key, folder) as base_url,
    ):
        done = subprocess.run(
            [
                *(sys.executable, "-m", "contract_tests", "check", "--effort=smoke"),
                *(f"--target={base_url}", f"--report-json={report}", *trust),
            ],
            check=False,  # the verdict is the exit code
            cwd=ROOT,
            env={**os.environ, "SILICONFLOW_API_KEY": mock.api_key},
            capture_output=True,
            text=True,
        )
    if not report.exists():
        raise RuntimeError(done.stdout + done.stderr)
    read = json.loads(report.read_text(encoding="utf-8"))
    rows = read["requirements"]
    return {
        "version": gateway.version(),
        "verdict": read["verdict"],
        **{
            outcome: [row["id"] for row in rows if row["outcome"] == outcome]
            for outcome in ("failed", "differs", "inconclusive", "skipped", "broken")
        },
    }
