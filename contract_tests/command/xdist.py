"""With pytest-xdist each worker judges its share; the controller puts together what they learn.

They share a folder. In it are the amounts of the budget, and what each worker has learnt: written
while tests run, so that it is there after Ctrl-C, too, and of a worker that has died.
"""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from ..contract import AnyJson, Model
from ..judging.limits import Tally
from ..judging.merging import learnt, merge
from ..judging.run import Run
from ..report.model import TITLE
from . import recorder
from .interruption import Interruption, Shield, let_through
from .options import EMBEDDED, positive
from .plan import NONE, TESTS, Part, Tests, plan

#: Seconds between two times that a worker writes down what it has learnt.
OFTEN = 1.0
#: How files end that have which tests there are, and what was learnt.
COLLECTED, LEARNT = "collected", "learnt"


def declare(add: Callable[..., object]) -> None:
    """Declare the option that has several processes judge."""
    add(
        "--jobs",
        type=positive,
        default=1,
        metavar="N",
        help="number of processes that judge at the same time; needs pytest-xdist "
        "(default: %(default)s)",
    )


def problem(jobs: int) -> str | None:
    """Why no more than one process can judge; None where nothing is wrong."""
    if jobs > 1 and find_spec("fcntl") is None:
        return "--jobs is not available on this system: it has no locks that processes share"
    if jobs > 1 and find_spec("xdist") is None:
        return "--jobs needs pytest-xdist: pip install 'rerank-contract[jobs]'"
    return None


def words(jobs: int) -> list[str]:
    """The arguments of pytest that have so many processes judge, the most telling tests first."""
    if jobs == 1:
        return []
    # Else xdist has pytest make a temporary folder for each, and leave it behind.
    plugins = ["-p", "xdist.plugin", "-p", "no:tmpdir"]
    return [*plugins, f"--numprocesses={jobs}", "--maxschedchunk=1"]


def shared_folder(config: pytest.Config) -> Path | None:
    """The folder that all processes of the run share; None where there is one process."""
    if worker(config):
        return Path(_given(config)["folder"])
    is_distributed = config.getoption("dist", "no") != "no" and config.getoption("tx", None)
    if not is_distributed or config.option.collectonly:
        return None
    try:
        folder = TemporaryDirectory(prefix="rerank-contract-")
        config.add_cleanup(folder.cleanup)
        # Their room is taken now: on a disk that becomes full, the limits hold all the same.
        with tally(Path(folder.name)).held():
            return Path(folder.name)
    except OSError as error:
        trouble = f"cannot create a temporary folder: {error.strerror}"
        raise pytest.UsageError(f"--jobs: {trouble}; set TMPDIR to another place") from None


def tally(folder: Path | None) -> Tally:
    """Where the amounts of the budget are kept."""
    return Tally(folder / "amounts.json" if folder else None)


def worker(config: pytest.Config) -> str:
    """The name of this process where it judges a share for a controller; empty elsewhere."""
    return getattr(config, "workerinput", {}).get("workerid", "") if _given(config) else ""


def processes(config: pytest.Config) -> int:
    """How many processes judge."""
    if worker(config):
        return int(getattr(config, "workerinput", {})["workercount"])
    return max(len(config.getoption("tx", None) or ()), 1)


def judged(config: pytest.Config, run: Run) -> tuple[Model, ...]:
    """The models that the controller has found; none where this process finds them itself."""
    return tuple(map(run.contract.model_named, _given(config).get("judged", ())))


def _given(config: pytest.Config) -> AnyJson:
    """What the controller gives to a worker; empty in any other process."""
    return getattr(config, "workerinput", {}).get(TITLE, {})


def begin(
    config: pytest.Config, run: Run, folder: Path, find: Callable[[], Sequence[Model]]
) -> None:
    """Have this process do its part; `find` asks which models are judged."""
    plugins = config.pluginmanager
    if worker(config):
        if _given(config)["stops"]:
            plugins.register(Interruption())
        plugins.register(Worker(config, run, folder))
    else:
        # Found by name: in a checkout the command has a second copy of the class.
        kinds = [type(plugin).__name__ for plugin in plugins.get_plugins()]
        stops = Interruption.__name__ in kinds
        if stops:
            plugins.register(Shield())
        plugins.register(Controller(config, run, folder, find, stops=stops))


class Worker:
    """A plugin that hands over what this process learns."""

    def __init__(self, config: pytest.Config, run: Run, folder: Path) -> None:
        self._run = run
        self._path = folder / worker(config)
        #: When it was last handed over, and how many tests had begun by then.
        self._last, self._begun = 0.0, 0
        #: Kind of file -> why it could not be written; the controller takes it at the end.
        self._lost: dict[str, str] = {}
        output: AnyJson = config
        output.workeroutput[TITLE] = self._lost
        given = _given(config)
        merge(run, given["learnt"])
        run.connection.halted = given["halted"]

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self) -> None:
        """Listen to the signals that a `Shield` has kept from this process until now."""
        let_through()

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Hand over which tests there are."""
        self._write(COLLECTED, json.dumps(asdict(session.config.stash[TESTS])).encode())

    def pytest_runtest_logfinish(self) -> None:
        """Hand over what has been learnt, now and then."""
        if time.monotonic() > self._last + OFTEN and len(self._run.ledger.tests) > self._begun:
            self._hand_over()

    def pytest_sessionfinish(self) -> None:
        """Hand over the rest."""
        self._hand_over()

    def _hand_over(self) -> None:
        self._write(LEARNT, learnt(self._run))
        self._last, self._begun = time.monotonic(), len(self._run.ledger.tests)

    def _write(self, kind: str, content: bytes) -> None:
        """Write a file; the controller sees all of it or nothing. The run goes on without it."""
        partial = self._path.with_suffix(".partial")
        try:
            partial.write_bytes(content)
            partial.replace(self._path.with_suffix(f".{kind}"))
        except OSError as error:
            self._lost[kind] = f"{self._path.parent} could not be written: {error.strerror}"
        else:
            self._lost.pop(kind, None)


class Controller:
    """A plugin that gives to the workers what is known already, and takes what they learn."""

    def __init__(
        self,
        config: pytest.Config,
        run: Run,
        folder: Path,
        find: Callable[[], Sequence[Model]],
        *,
        stops: bool,
    ) -> None:
        """`stops` says whether a signal ends the run as its end does."""
        self._config, self._run, self._folder, self._find = config, run, folder, find
        self._stops = stops
        #: Names of the models that are judged, and of the workers that there were.
        self._found: list[str] = []
        self._workers: list[str] = []
        #: Names of the tests that were run.
        self._ran: set[str] = set()

    def pytest_sessionstart(self) -> None:
        """Keep xdist's own lines out of the command's, which has a plan and a bar."""
        plugins = self._config.pluginmanager
        if self._stops and plugins.has_plugin("terminaldistreporter"):
            plugins.unregister(name="terminaldistreporter")
            dsession: Any = plugins.getplugin("dsession")
            dsession.terminal = None

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_setupnodes(self) -> None:
        """Ask what the target serves."""
        self._found = [model.id for model in self._find()]

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: AnyJson) -> None:
        """Give a worker what it starts with: all collect the same tests, and ask nothing twice."""
        self._workers.append(node.gateway.id)
        node.workerinput[TITLE] = {
            "folder": str(self._folder),
            "judged": self._found,
            "learnt": learnt(self._run),
            "halted": self._run.connection.halted,
            "stops": self._stops,
        }

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: AnyJson) -> None:
        """Print the plan, before the first test starts."""
        path = self._folder / f"{node.gateway.id}.{COLLECTED}"
        if TESTS in self._config.stash or not path.exists():
            return
        collected: AnyJson = json.loads(path.read_bytes())
        planned = [Part(**part) for part in collected["parts"]]
        self._config.stash[TESTS] = Tests(collected["named"], planned)
        terminal: Any = self._config.pluginmanager.getplugin("terminalreporter")
        if terminal:
            for line in plan(planned, self._run.connection):
                terminal.write_line(line)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note which tests were run, by whichever worker."""
        if report.when == "call":
            self._ran.add(report.nodeid.rpartition("::")[2])

    @pytest.hookimpl(optionalhook=True)
    def pytest_handlecrashitem(self, crashitem: str) -> None:
        """Keep that a worker has died of a test."""
        test = crashitem.rpartition("::")[2]
        named = self._config.stash.get(TESTS, NONE).named.get(test, ())
        self._run.ledger.broken.update(
            dict.fromkeys(named, f"the worker process crashed in {test}")
        )

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: AnyJson) -> None:
        """Keep that a worker could not hand over what it had learnt."""
        for trouble in getattr(node, "workeroutput", {}).get(TITLE, {}).values():
            self._run.ledger.fault = f"the results of a worker process are lost: {trouble}"

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Take what the workers have learnt: by now they have ended."""
        ledger, named = self._run.ledger, self._config.stash.get(TESTS, NONE).named
        for name in self._workers:
            path = self._folder / f"{name}.{LEARNT}"
            if path.exists():
                # Each process has an embedded mock of its own.
                same_target = self._run.target not in EMBEDDED
                merge(self._run, path.read_bytes(), same_target=same_target)
        recorder.join(self._config, self._workers)
        # A worker that dies has not yet handed over what its last tests have found. Of a run that
        # was stopped these are left open, as are those that it did not come to.
        for test in () if session.shouldstop else sorted(self._ran & named.keys() - ledger.tests):
            lost = f"the worker process crashed before it handed over the results of {test}"
            # Of what a test died of, that is the reason.
            ledger.broken = dict.fromkeys(named[test], lost) | ledger.broken
        ledger.sort(named)
