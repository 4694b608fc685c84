"""The nightly workflow of the guide, step by step: its commands are run by a shell."""

import json
import os
import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from mockserver.behaviour import load_behaviour
from mockserver.testing.contexts import serve_rerank
from tests.docs.guides import ROOT, blocks
from tests.workflows import run_step

GUIDE = (ROOT / "docs/comparing.md").read_text(encoding="utf-8")
(WORKFLOW,) = (yaml.safe_load(block.text) for block in blocks(GUIDE) if block.language == "yaml")
STEPS: list[dict[str, Any]] = WORKFLOW["jobs"]["compare"]["steps"]
#: Stands for the command of GitHub: it keeps what it is asked, and has the artifact of a night.
GH = """\
#!/bin/sh
echo "$@" >> asked.txt
case "$1 $2" in
  "run list") if [ -d artifact ]; then echo 7; fi;;
  "run download") cp artifact/* before/;;
esac
"""


class Runner:
    """Runs the steps of nights, one after the other."""

    def __init__(self, folder: Path, base_url: str, key: str) -> None:
        self.folder = folder
        #: Step -> what it printed.
        self.printed: dict[str, str] = {}
        (folder / "bin").mkdir()
        (folder / "bin" / "gh").write_text(GH, encoding="utf-8")
        (folder / "bin" / "gh").chmod(0o755)
        self._environment = {
            "PATH": f"{folder / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(folder),
            "TARGET": base_url,
            "SILICONFLOW_API_KEY": key,
            "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
        }

    def run(self, *names: str) -> dict[str, int]:
        """Run the steps of those names; return how each ended."""
        return {name: self._code(name) for name in names}

    def _code(self, name: str) -> int:
        (step,) = (step for step in STEPS if step.get("name") == name)
        done = run_step(step, self.folder, self._environment)
        self.printed[name] = done.stdout
        return done.returncode

    def night_ends(self) -> None:
        """Keep what was seen as the artifact, and clean up."""
        shutil.rmtree(self.folder / "artifact", ignore_errors=True)
        shutil.copytree(self.folder / "now", self.folder / "artifact")
        shutil.rmtree(self.folder / "before")
        for name in ("changes.md", "asked.txt", "summary.md"):
            (self.folder / name).unlink(missing_ok=True)

    def text(self, name: str) -> str:
        path = self.folder / name
        return path.read_text(encoding="utf-8") if path.exists() else ""


GET, SEE, TELL = "Get what the last night saw", ("Observe", "Judge"), ("Compare", "Open an issue")


@pytest.mark.slow
def test_an_issue_is_opened_in_the_night_in_which_the_service_changes(tmp_path: Path) -> None:
    with serve_rerank(fail_on="nothing", behaviour="observed") as mock:
        runner = Runner(tmp_path, mock.base_url, mock.api_key)
        first = runner.run(GET, *SEE, *TELL)
        assert set(first.values()) == {0}, first
        assert "issue" not in runner.text("asked.txt")
        assert_cost_is_that_of_the_guide(tmp_path, runner.printed["Observe"])

        runner.night_ends()
        assert set(runner.run(GET, *TELL).values()) == {0}
        assert runner.text("summary.md").count("## No difference in ") == 3
        assert "issue" not in runner.text("asked.txt")

        runner.night_ends()
        mock.state.behaviour = replace(load_behaviour("observed"), top_n_beyond_documents="refuse")
        second = runner.run(GET, "Observe", *TELL)
        assert second == {GET: 0, "Observe": 0, "Compare": 1, "Open an issue": 0}
    assert "issue create --title The rerank service has changed" in runner.text("asked.txt")
    assert "| top\\_n\\_beyond\\_documents | all | refuse | breaks clients |" in runner.text(
        "changes.md"
    )
    assert mock.api_key not in "".join(path.read_text() for path in (tmp_path / "now").iterdir())


def assert_cost_is_that_of_the_guide(folder: Path, observed: str) -> None:
    """Hold the guide to what the two commands say that they have spent."""
    spent = re.search(r" by revision \S+: (\d+) requests, (\d+) tokens, ([\d.]+) CNY", observed)
    stated = re.search(r"about (\d+) requests and ([\d,]+) tokens .* CNY ([\d.]+), or", GUIDE)
    assert spent is not None
    assert stated is not None
    judged = json.loads((folder / "now/report.json").read_bytes())
    names = ("requests_sent", "tokens", "cost")
    for name, seen, said in zip(names, spent.groups(), stated.groups(), strict=True):
        whole = float(seen) + float(judged[name])
        assert whole == pytest.approx(float(said.replace(",", "")), rel=0.1), name


def test_each_step_that_is_run_has_a_name() -> None:
    assert [step["name"] for step in STEPS if "run" in step] == ["Install", GET, *SEE, *TELL]
