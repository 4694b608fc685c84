"""Lets clients do the tasks at a target, each in a process of its own."""

import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx

from ..checks.violations import shorten
from ..client.attempts import API_KEY, BASE_URL, read
from ..client.processes import run_process
from ..exchanges import Answer, Credential, Exchange
from ..redaction import blot_text
from ..targets import HttpTarget, UnreachableError
from ..transport import is_loopback
from ..wording import counted
from .clients import Client
from .findings import Found, Row
from .installing import InstallError, command, install, needed_variables
from .tasks import TASKS, Outcome, Task, compare, refusal

#: Names the variable with further headers, a JSON object.
HEADERS = "RERANK_HEADERS"
#: Seconds that a client may take to start, besides those for its answer.
STARTING = 60.0
#: What of the user's environment a client gets: where programs are, and how networks are reached.
_KEPT = (
    *("PATH", "SYSTEMROOT", "LANG", "LC_ALL", "LC_CTYPE"),
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"),
)


@dataclass(frozen=True)
class Session:
    """Where clients are installed, and what they are told."""

    target: HttpTarget
    model: str
    key: str = field(repr=False)
    #: Seconds for one answer.
    timeout: float
    folder: Path
    #: More headers for the server; a value such as `$NAME` is one of its secrets.
    headers: tuple[tuple[str, str], ...] = ()
    secrets: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)

    def ask(self, task: Task) -> Exchange:
        """Send the plain request for a task."""
        request = replace(task.request(self.model), headers=self.headers)
        try:
            answer = self.target.send(request)
        except UnreachableError as error:
            answer = Answer(0, {}, b"", cut=str(error))
        return Exchange(request, answer)

    def ask_all(self) -> tuple[dict[str, Exchange], dict[str, str]]:
        """What the target answers for each task, and of which tasks nothing can be compared."""
        own: dict[str, Exchange] = {}
        skipped: dict[str, str] = {}
        for task in TASKS:
            own[task.id] = self.ask(task)
            if why := refusal(task, own[task.id]):
                skipped[task.id] = why
            if TASKS[0].id in skipped:
                break
        return own, skipped

    def row(self, client: Client, own: Mapping[str, Exchange], skipped: Mapping[str, str]) -> Row:
        """Install a client, and let it do all tasks."""
        try:
            install(client, self.folder, self._for_installing())
            words = command(client, self.folder)
        except InstallError as error:
            trouble = Found(Outcome.NOT_TRIED, self._blot(str(error)))
            return Row(client, {task.id: trouble for task in TASKS})
        found: dict[str, Found] = {}
        with tempfile.TemporaryDirectory() as home:
            for task in TASKS:
                if task.id in skipped:
                    found[task.id] = Found(Outcome.NOT_APPLICABLE, skipped[task.id])
                else:
                    found[task.id] = self._found(client, words, task, own[task.id], home)
        return Row(client, found)

    def _found(
        self, client: Client, words: Sequence[str], task: Task, own: Exchange, home: str
    ) -> Found:
        key = self.key if task.credential is Credential.KEY else _wrong_key()
        host = httpx.URL(self.target.base_url).host
        environment = {
            **_kept(os.environ),
            # What is on this machine is there, whatever proxy leads out of it.
            **({"NO_PROXY": host, "no_proxy": host} if is_loopback(host) else {}),
            **needed_variables(client, self.folder),
            # Libraries keep things at home.
            "HOME": home,
            "USERPROFILE": home,
            "TMPDIR": home,
            BASE_URL: self.target.base_url,
            API_KEY: key,
            **({HEADERS: json.dumps(self._headers())} if self.headers else {}),
        }
        line = json.dumps(task.for_client(self.model, self.timeout), ensure_ascii=False) + "\n"
        seconds = self.timeout + STARTING
        try:
            output = run_process(words, environment, line, seconds)
        except OSError as error:
            return Found(Outcome.NOT_TRIED, f"{words[0]} cannot be run: {error.strerror}")
        if output.stopped:
            return Found(Outcome.FAILS, f"gave no answer within {counted(seconds, 'second')}")
        answer, silence = read(self._blot(output.printed))
        if answer is None:
            last = (self._blot(output.complained).strip().splitlines() or [""])[-1]
            says = f"its driver {silence}; its last line on standard error: {last}"
            return Found(Outcome.NOT_TRIED, shorten(says))
        return Found(*compare(task, own, answer))

    def _for_installing(self) -> dict[str, str]:
        """The user's environment, since it may say where packages are; without the key."""
        return dict(_without_python(os.environ, (self.key, *self.secrets.values())))

    def _headers(self) -> dict[str, str]:
        known = {f"${name}": value for name, value in self.secrets.items()}
        return {name: known.get(value, value) for name, value in self.headers}

    def _blot(self, text: str) -> str:
        return blot_text(text, self.key, *self.secrets.values())


def _wrong_key() -> str:
    return str(Credential.INVALID.value).removeprefix("Bearer ")


def _kept(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.upper() in _KEPT}


def _without_python(
    environment: Mapping[str, str], secrets: Sequence[str]
) -> Iterator[tuple[str, str]]:
    """What does not steer another Python, and does not hold a secret."""
    for name, value in environment.items():
        if not name.startswith("PYTHON") and not any(secret in value for secret in secrets):
            yield name, value
