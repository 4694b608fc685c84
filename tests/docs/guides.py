"""The guides, taken apart into what their readers save and type.

A fenced block belongs to a file when the line before it ends with the file's name in backticks and
a colon. A `console` block is a session: a line after `$ ` is typed, what follows is shown.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
GUIDES = [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md"))]

_BLOCK = re.compile(
    r"(?:^[^\n]*`(?P<name>[\w./-]+)`:\n\n)?^ *```(?P<language>\w*)\n(?P<text>.*?)^ *```$",
    re.MULTILINE | re.DOTALL,
)
# A line that ends with a backslash goes on in the next one.
_STEP = re.compile(r"^\$ (?P<command>(?:.*\\\n)*.*)\n(?P<output>(?:(?!\$ ).*\n)*)", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block."""

    language: str
    #: The file that it is to be saved as, if it is.
    name: str | None
    text: str


@dataclass(frozen=True)
class Step:
    """A command, and what the guide says that it prints."""

    command: str
    output: str


def blocks(markdown: str) -> Iterator[Block]:
    """Yield the fenced blocks of a guide."""
    for match in _BLOCK.finditer(markdown):
        yield Block(match["language"], match["name"], match["text"])


def steps(session: str) -> list[Step]:
    """Return the steps of a `console` block."""
    found = [Step(match["command"], match["output"]) for match in _STEP.finditer(session)]
    if "".join(f"$ {step.command}\n{step.output}" for step in found) != session:
        raise ValueError(f"a session begins with `$ `: {session}")
    return found
