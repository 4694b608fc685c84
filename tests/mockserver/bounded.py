"""Work that must end, or must not grow.

What must end is done in a process of its own, which the system ends if it takes too much.
"""

import inspect
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

ROOT = Path(__file__).parents[2]

#: Hundreds of times what the work takes, and a small part of what it took when it had no bound.
CPU_SECONDS = 30
MEMORY_BYTES = 2 * 1024**3


def run_bounded(code: str) -> str:
    """Run Python code in the checkout; return what it prints. Raises where it passes a bound."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        preexec_fn=_limit,
        check=False,
    )
    if done.returncode:
        raise AssertionError(f"ended with {done.returncode}:\n{done.stderr[-2000:]}")
    return done.stdout


def work_of(call: Callable[[], object]) -> int:
    """Return how many instructions of Python a call takes; what C does at once counts as one."""
    count = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:  # noqa: ANN401 - as `sys.settrace` has it
        nonlocal count
        frame.f_trace_opcodes = True
        count += event == "opcode"
        return trace

    before = sys.gettrace()
    # CPython 3.12 traces opcodes only if a frame asked for it before.
    here = inspect.currentframe()
    assert here is not None
    here.f_trace_opcodes = True
    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(before)
    return count


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
