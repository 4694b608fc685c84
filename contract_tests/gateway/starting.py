"""Starts the gateway of the user, with what it needs to know of upstream."""

import contextlib
import os
import shlex
import signal
import subprocess
import tempfile
from collections.abc import Generator, Mapping, Sequence
from typing import IO

from ..redaction import blot_text

#: Characters of its output that are repeated where it ends.
_TOLD = 2000


class StartError(Exception):
    """The gateway cannot be started, or has ended."""


class Started:
    """A gateway that runs."""

    def __init__(
        self, process: "subprocess.Popen[bytes]", output: IO[bytes], secrets: Sequence[str]
    ) -> None:
        self._process, self._output, self._secrets = process, output, secrets

    def check(self, within: float = 0.0) -> None:
        """Raise `StartError` where it has ended, or ends within some seconds."""
        try:
            code = self._process.wait(within)
        except subprocess.TimeoutExpired:
            return
        self._output.seek(0)
        said = self._output.read().decode("utf-8", "backslashreplace").strip()
        said = blot_text(said, *self._secrets)[-_TOLD:] or "it printed nothing"
        foreground = "; start it in the foreground" if code == 0 else ""
        raise StartError(f"--start: the gateway ended with {code}: {said}{foreground}")


@contextlib.contextmanager
def started(
    command: str, environment: Mapping[str, str], secrets: Sequence[str]
) -> Generator[Started]:
    """Run a command until the end of the block, with those it has started."""
    with tempfile.TemporaryFile() as output:
        try:
            process = subprocess.Popen(  # noqa: S603 - what the user asked for
                shlex.split(command),
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise StartError(f"--start: {command}: {error.strerror}") from None
        try:
            yield Started(process, output, secrets)
        finally:
            _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    with contextlib.suppress(ProcessLookupError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGTERM)
        else:
            process.terminate()
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            if hasattr(os, "killpg"):
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()
        process.wait()
