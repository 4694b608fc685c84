"""The recipes of the guide on continuous integration: what they type is typed."""

import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.docs.guides import ROOT, blocks
from tests.packaging.conftest import fresh_shell

GUIDE = (ROOT / "docs/continuous-integration.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))


def jobs(markdown: str) -> list[dict[str, Any]]:
    return [yaml.safe_load(block.text) for block in blocks(markdown) if block.language == "yaml"]


ON_GITHUB, ON_GITLAB = jobs(GUIDE)
(IN_README,) = jobs(README)
(FOR_BEGINNERS,) = jobs((ROOT / "docs/first-five-minutes.md").read_text(encoding="utf-8"))
(IN_SHELL,) = (block.text for block in blocks(GUIDE) if block.text.startswith("set -eu\n"))
RECIPES = {"gitlab": "\n".join(["set -e", *ON_GITLAB["contract"]["script"]]), "shell": IN_SHELL}

#: One requirement alone, so that a run takes no longer than it must.
ONE = "authorization.required"
#: What the recipes call: an installation that is there already, a judge that tries one requirement,
#: and a server. `python3 -m venv` makes a folder that has the first two.
COMMANDS = {
    "pip": "exit 0",
    "rerank-contract": f'exec "{sys.executable}" -m contract_tests "$@" --only {ONE}',
    "python3": 'mkdir -p "$3" && ln -s "$COMMANDS" "$3/bin"',
    "start-my-server": f'exec "{sys.executable}" -m tests.independent_server --key "$KEY" "$@"',
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "key", "code"),
    [("gitlab", "sk-mine", 0), ("shell", "sk-mine", 0), ("shell", "sk-other", 3)],
)
def test_a_recipe_judges_the_server_that_it_starts(
    name: str, key: str, code: int, tmp_path: Path
) -> None:
    commands = tmp_path / "commands"
    commands.mkdir()
    for command, script in COMMANDS.items():
        (commands / command).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        (commands / command).chmod(0o755)
    (tmp_path / "start-my-server").symlink_to(commands / "start-my-server")
    path = fresh_shell()["PATH"]
    environment = {
        "PATH": f"{commands}:{path}",
        "PYTHONPATH": str(ROOT),
        "COMMANDS": str(commands),
        "KEY": "sk-mine",
        "SILICONFLOW_API_KEY": key,
        "RERANK_CONTRACT": str(ROOT),
    }
    with socket.create_server(("127.0.0.1", 0)) as free:
        recipe = re.sub(r"\b8000\b", str(free.getsockname()[1]), RECIPES[name])

    done = subprocess.run(
        # GitLab ends what a job has left in the background.
        ["sh", "-c", f"{recipe}\n" if name == "shell" else f"trap 'kill $!' EXIT\n{recipe}\n"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        check=False,
        encoding="utf-8",
    )

    assert done.returncode == code, done.stdout + done.stderr
    kept = {"junit.xml", "report.html"}
    assert {path.name for path in tmp_path.iterdir()} >= kept
    assert set(ON_GITLAB["contract"]["artifacts"]["paths"]) == kept


@pytest.mark.parametrize("workflow", [ON_GITHUB, IN_README, FOR_BEGINNERS])
def test_a_workflow_gives_the_action_inputs_that_it_has(workflow: dict[str, Any]) -> None:
    (job,) = workflow["jobs"].values()
    (step,) = (step for step in job["steps"] if "rerank-contract@" in step.get("uses", ""))
    required = {name for name, row in ACTION["inputs"].items() if row.get("required")}
    assert required <= step["with"].keys() <= ACTION["inputs"].keys()


def test_the_guide_tells_of_each_input_and_its_default() -> None:
    table = GUIDE.partition("| input |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| `([\w-]+)` \| .* \| (.*?) ?\|$", table, re.MULTILINE)
    told = {name: default.strip("`") for name, default in rows}
    assert told == {name: row.get("default", "") for name, row in ACTION["inputs"].items()}


@pytest.mark.parametrize("recipe", [ON_GITHUB["jobs"]["contract"], ON_GITLAB["contract"]])
def test_a_job_ends_by_itself(recipe: dict[str, Any]) -> None:
    assert recipe.get("timeout-minutes", recipe.get("timeout")) in (15, "15 minutes")
    assert "timeout 900 " in IN_SHELL


@pytest.mark.parametrize(
    "guide", [ROOT / "README.md", *ROOT.glob("docs/*.md")], ids=lambda path: path.name
)
def test_a_placeholder_is_explained(guide: Path) -> None:
    text = guide.read_text(encoding="utf-8")
    explained = re.search(r"in place of `?OWNER|OWNER: the account", text, re.IGNORECASE)
    assert "OWNER" not in text or explained
