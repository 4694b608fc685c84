"""The action of GitHub, step by step: its scripts are run with the environment of a runner."""

import sys
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
import yaml

from tests.independent_server import IndependentServer
from tests.workflows import evaluate, expressions, run_step

from .conftest import ROOT, fresh_shell, make_environment

ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
STEPS: list[dict[str, Any]] = ACTION["runs"]["steps"]
SCRIPTS = {step["name"]: step for step in STEPS if "run" in step}
#: One requirement alone, so that a run takes no longer than it must.
ONE = "--only=endpoint.trailing_slash"


class Runner:
    """Runs the scripts of the action, with what GitHub provides."""

    def __init__(self, folder: Path, action: Path = ROOT) -> None:
        self.workspace, self.temporary = folder / "workspace", folder / "temporary"
        self.workspace.mkdir()
        self.temporary.mkdir()
        self._summary, self._output = folder / "summary.md", folder / "output"
        self._environment = fresh_shell() | {
            "RUNNER_TEMP": str(self.temporary),
            "GITHUB_ACTION_PATH": str(action),
            "GITHUB_STEP_SUMMARY": str(self._summary),
            "GITHUB_OUTPUT": str(self._output),
        }
        #: What the step has printed that was run last.
        self.printed = ""

    def run(self, name: str, **inputs: str) -> int:
        """Run a step; an input's `_` stands for a hyphen."""
        values = {f"inputs.{key}": row.get("default", "") for key, row in ACTION["inputs"].items()}
        values |= {f"inputs.{key.replace('_', '-')}": value for key, value in inputs.items()}
        values["steps.python.outputs.python-path"] = sys.executable
        step = SCRIPTS[name]
        given = {key: evaluate(value, values) for key, value in step["env"].items()}
        done = run_step(step, self.workspace, self._environment | given)
        self.printed = done.stdout + done.stderr
        return done.returncode

    @property
    def outputs(self) -> dict[str, str]:
        lines = self._output.read_text(encoding="utf-8").splitlines()
        return dict(line.split("=", 1) for line in lines)

    @property
    def summary(self) -> str:
        return self._summary.read_text(encoding="utf-8")

    @property
    def report(self) -> dict[str, str]:
        folder = Path(self.outputs["report"])
        return {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    """A runner on which the step that installs has been run."""
    found = Runner(tmp_path)
    (found.temporary / "rerank-contract").symlink_to(sys.prefix)
    return found


@pytest.mark.slow(20)
def test_what_the_first_step_installs_judges_in_the_second(tmp_path: Path, tree: Path) -> None:
    # pip leaves its own files in the tree that it builds from.
    runner = Runner(tmp_path, copytree(tree, tmp_path / "action"))
    # The dependencies are there already: nothing is downloaded, and their versions are compared.
    make_environment(runner.temporary / "rerank-contract")

    assert runner.run("Install") == 0, runner.printed

    with IndependentServer() as server:
        code = runner.run("Check", target=server.base_url, api_key=server.api_key, options=ONE)
    assert code == 0, runner.printed
    assert runner.outputs["verdict"] == "conforms"
    assert runner.outputs["exit-code"] == "0"


@pytest.mark.slow
def test_a_violation_is_annotated_and_reported_and_fails_the_job(runner: Runner) -> None:
    with IndependentServer() as server:
        code = runner.run(
            "Check",
            target=server.base_url,
            api_key=server.api_key,
            options=f"--strict\n{ONE}\n--write-baseline=known.json",
        )
        assert (code, runner.outputs["exit-code"]) == (1, "1")
        assert runner.outputs["verdict"] == "violates"
        assert "::error title=endpoint.trailing_slash::" in runner.printed
        assert "endpoint.trailing_slash" in runner.summary
        assert runner.report.keys() == {"report.html", "report.json", "junit.xml"}
        assert server.api_key not in "".join([runner.printed, *runner.report.values()])

        code = runner.run(
            "Check",
            target=server.base_url,
            api_key=server.api_key,
            options=f"--strict\n{ONE}",
            baseline="known.json",
        )
    assert (code, runner.outputs["verdict"]) == (0, "conforms")
    assert "::error" not in runner.printed


def test_an_input_is_never_a_command(runner: Runner) -> None:
    inputs = {name.replace("-", "_"): "$(touch run); `touch run`" for name in ACTION["inputs"]}

    assert runner.run("Check", **inputs) == 2

    assert list(runner.workspace.iterdir()) == []
    assert "verdict" not in runner.outputs
    assert [name for name, step in SCRIPTS.items() if expressions(step["run"])] == []


@pytest.mark.slow
def test_a_server_that_never_comes_up_is_waited_for_a_bounded_time(runner: Runner) -> None:
    code = runner.run("Check", target="http://127.0.0.1:9/v1", api_key="sk-any", wait="0.1")

    assert (code, runner.outputs["verdict"]) == (3, "inconclusive")


def test_the_report_is_kept_whatever_the_verdict() -> None:
    upload = STEPS[-1]
    assert upload["uses"].startswith("actions/upload-artifact@")
    assert upload["if"].startswith("always() && ")
    assert upload["with"]["path"] == "${{ steps.check.outputs.report }}"


def test_each_expression_names_an_input_or_an_output() -> None:
    text = (ROOT / "action.yml").read_text(encoding="utf-8")
    written = {f"steps.check.outputs.{name}" for name in ACTION["outputs"]}
    known = {f"inputs.{name}" for name in ACTION["inputs"]}
    assert set(expressions(text)) <= known | written | {"steps.python.outputs.python-path"}
    assert {f"inputs.{name}" for name in ACTION["inputs"] if f"inputs.{name} " in text} == known


def test_the_pins_of_the_runtime_are_those_that_are_tested() -> None:
    tested = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    runtime = (ROOT / "constraints-runtime.txt").read_text(encoding="utf-8")
    pins = {line.split()[0] for line in runtime.splitlines() if "==" in line}
    assert pins <= {line.split()[0] for line in tested.splitlines() if "==" in line}
    assert {line for line in runtime.splitlines() if "--hash" in line} <= set(tested.splitlines())
