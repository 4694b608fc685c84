"""The mock that clients are graded against: a process of its own, steered by its `/__admin`.

Nothing of the mock is imported: what is done here, a program in any language can do.
"""

import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import httpx

from ..contract import AnyJson
from .scenarios import ClientScenario

#: Environment variable that hands the token of `/__admin` to the mock.
_TOKEN = "RERANK_MOCK_ADMIN_TOKEN"  # noqa: S105 - the name of a variable
#: How the names of variables begin that are options of the mock.
_OPTIONS = "RERANK_MOCK_"
#: Seconds that a call may take: the mock may be asked about many requests at once.
_PATIENCE = 60.0
_READY = "rerank-mock ready at "
#: Addresses that stand for all of this machine, and how it is reached from itself.
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound

# Beside this room, in the checkout and in the wheel.
_MODULE = f"{__package__}".rpartition("contract_tests")[0] + "mockserver"
#: Where Python finds it, from whichever folder it is started.
_PATH = Path(__file__).parents[_MODULE.count(".") + 2]


#: Runs a module until standard input ends: with the grading, however that ends.
_RUN = """
import os, runpy, signal, sys, threading
def watch():
    os.read(0, 1)
    os.kill(os.getpid(), signal.SIGTERM)
threading.Thread(target=watch, daemon=True).start()
module = sys.argv.pop(1)
runpy.run_module(module, run_name="__main__", alter_sys=True)
"""


class MockError(Exception):
    """The mock did not start, or refused what a scenario asks of it."""


class Mock:
    """A mock that runs between entry and exit of a `with` block."""

    #: Where clients find it, ending in `/v1`.
    base_url: str

    def __init__(self, host: str = "127.0.0.1", port: int = 0, revision: str | None = None) -> None:
        self._command = [sys.executable, "-c", _RUN, _MODULE, "serve", "--quiet"]
        self._command += ["--host", host, "--port", str(port), "--admin-token-env", _TOKEN]
        if revision is not None:
            self._command += ["--revision", revision]
        self._token = secrets.token_urlsafe()

    def __enter__(self) -> "Mock":
        paths = [str(_PATH), os.environ.get("PYTHONPATH", "")]
        # Options that are set for a mock of the user's own would change the grades.
        environment = {k: v for k, v in os.environ.items() if not k.startswith(_OPTIONS)}
        environment |= {"PYTHONPATH": os.pathsep.join(filter(None, paths)), _TOKEN: self._token}
        self._process = subprocess.Popen(  # noqa: S603 - our own module
            self._command,
            env=environment,
            # Held open, never written to.
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            # Ctrl-C is meant for the grading, which asks the mock for the journal then.
            start_new_session=True,
        )
        assert self._process.stdout
        line = self._process.stdout.readline().strip()
        if not line.startswith(_READY):
            _, complained = self._process.communicate()
            raise MockError(complained.strip() or "the mock did not start")
        self.base_url = line.removeprefix(_READY)
        # Bound without listening: connections are refused, and no other process gets the port.
        self._nobody = socket.socket()
        self._nobody.bind(("127.0.0.1", 0))
        url = httpx.URL(self.base_url)
        self._admin = httpx.Client(
            base_url=url.copy_with(host=_EVERYWHERE.get(url.host, url.host), path="/__admin"),
            headers={"Authorization": f"Bearer {self._token}"},
            trust_env=False,
            timeout=_PATIENCE,
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._admin.close()
        self._nobody.close()
        self._process.terminate()
        self._process.communicate()

    def prepare(self, scenario: ClientScenario) -> str:
        """Open the account of a scenario, named after it, and arm what it meets; return its key."""
        key = self.open_account(scenario.id, **scenario.mock.get("account", {}))
        if "pins" in scenario.mock:
            self._call("POST", "/pins", {"account": scenario.id, "pins": scenario.mock["pins"]})
        if "scenario" in scenario.mock:
            self.arm(scenario.id, scenario.mock["scenario"])
        return key

    def open_account(self, name: str, **terms: AnyJson) -> str:
        """Open an account; return its key, which is generated where the terms name no `keys`."""
        opened = self._call("POST", "/accounts", {"name": name, **terms})
        return str(opened["key"] if "key" in opened else terms["keys"][0])

    def change_account(self, name: str, **terms: AnyJson) -> None:
        """Change what an account may do, and how it is answered."""
        self._call("PATCH", f"/accounts/{name}", terms)

    def arm(self, account: str, scenario: AnyJson) -> None:
        """Arm a scenario for the next requests of an account."""
        self._call("POST", "/scenarios", {"account": account, "scenario": scenario})

    def disarm(self, account: str) -> None:
        """Answer the next requests of an account as usual."""
        self._call("DELETE", "/scenarios", query={"account": account})

    def address(self, scenario: ClientScenario) -> str:
        """The base URL that the client of a scenario is given."""
        if scenario.address == "nobody":
            return f"http://127.0.0.1:{self._nobody.getsockname()[1]}/v1"
        return f"{self.base_url}/" if scenario.address == "trailing_slash" else self.base_url

    def seen(self) -> int:
        """How many requests came so far."""
        return int(self._call("GET", "/health")["exchanges"])

    def entries(self, **search: str | int) -> list[AnyJson]:
        """The entries of the journal that a search finds, oldest first."""
        rows: list[AnyJson] = self._call("GET", "/journal", query=search)["entries"]
        return rows

    def archived(self, after: int) -> list[AnyJson]:
        """The exchanges with a greater number, as entries of HAR, oldest first."""
        archive = self._call("GET", "/journal.har", query={"after": after})
        entries: list[AnyJson] = archive["log"]["entries"]
        return entries

    def advise(self, requests: Sequence[AnyJson]) -> list[AnyJson]:
        """What the mock advises on each of the requests, which it does not answer."""
        advice: list[AnyJson] = self._call("POST", "/advise", {"requests": requests})["advice"]
        return advice

    def _call(self, method: str, path: str, body: AnyJson = None, query: AnyJson = None) -> AnyJson:
        try:
            answer = self._admin.request(method, path, json=body, params=query)
        except httpx.TransportError as error:
            raise MockError(f"the mock is gone: {error}") from None
        if answer.is_error:
            refused = answer.json()
            raise MockError(f"{method} {path}: {refused['path']}: {refused['reason']}")
        return answer.json()
