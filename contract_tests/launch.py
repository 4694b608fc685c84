"""Starts `rerank-contract`; Ctrl-C while its modules are loaded is no traceback."""

import sys


def main() -> int:
    """Run the command; 3 if it was interrupted."""
    try:
        from .__main__ import main as run  # noqa: PLC0415 - takes a second

        return run()
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 3
