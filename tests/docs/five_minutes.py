"""Types what the guide on the first five minutes says, installation too, and takes the time."""

import shlex
import sys
import tempfile
import time
from pathlib import Path

from .guides import ROOT, Block, blocks
from .test_examples import differing

GUIDE = ROOT / "docs/first-five-minutes.md"


def typed(block: Block) -> Block:
    """Return a block that is for the reader to run as one that is run."""
    if block.language != "sh":
        return block
    given = [f"export RERANK_CONTRACT={shlex.quote(str(ROOT))} PIP_DISABLE_PIP_VERSION_CHECK=1"]
    lines = [*given, *block.text.splitlines()]
    return Block("console", None, "".join(f"$ {line}\n" for line in lines))


def main() -> int:
    """Follow the guide in an empty folder; return 0 if all printed what it was to."""
    guide = [typed(block) for block in blocks(GUIDE.read_text(encoding="utf-8"))]
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        differences = differing(guide, Path(folder))
        took = time.monotonic() - began
    print("\n".join([*differences, f"{took / 60:.1f} minutes"]))
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
