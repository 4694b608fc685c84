"""Several processes judge as one does: the same report, within the same limits."""

import contextlib
import errno
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Generator
from pathlib import Path
from unittest.mock import Mock

import pytest

from contract_tests.command import xdist
from contract_tests.command.interruption import BEFORE, MEANWHILE
from contract_tests.contract import AnyJson, load_contract
from contract_tests.judging.limits import EFFORTS
from tests.contract_tests.conftest import KEY
from tests.contract_tests.judged import ROOT, command_here
from tests.independent_server import Handler, Server
from tests.independent_service import Freedoms, Reply, Service

pytestmark = pytest.mark.slow


class Judging:
    """A run of the command in processes of their own."""

    def __init__(self, folder: Path, target: str, *options: str) -> None:
        self.path = folder / "report.json"
        command = [sys.executable, "-m", "contract_tests", "check", f"--target={target}"]
        environment = {name: value for name, value in os.environ.items() if "COVERAGE" not in name}
        self.process = subprocess.Popen(
            [*command, "--effort=smoke", f"--report-json={self.path}", *options],
            cwd=ROOT,
            env={**environment, "SILICONFLOW_API_KEY": KEY},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            start_new_session=True,
        )

    def end(self) -> tuple[int, str]:
        """Wait for its end; return its exit code, and what it printed."""
        printed, _ = self.process.communicate(timeout=120)
        return self.process.returncode, printed

    @property
    def report(self) -> AnyJson:
        return json.loads(self.path.read_text("utf-8"))

    @property
    def workers(self) -> list[int]:
        """Ids of the processes that judge."""
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii")
        return [int(child) for child in children.split()]


class Watched(Service):
    """Counts what it is asked, and holds one request back until it may go on."""

    def __init__(self, held: int = 0) -> None:
        super().__init__(KEY, 0, Freedoms())
        self.asked = 0
        self.reached, self.may_go_on = threading.Event(), threading.Event()
        self._held, self._lock = held, threading.Lock()

    def reply(self, method: str, path: str, authorization: str | None, body: bytes) -> Reply:
        with self._lock:
            self.asked += 1
            is_held = self.asked == self._held
        if is_held:
            self.reached.set()
            self.may_go_on.wait(60)
        return super().reply(method, path, authorization, body)


@contextlib.contextmanager
def served(service: Watched) -> Generator[str]:
    """Serve it on a port of the loopback; yield its base URL."""
    server = Server(("127.0.0.1", 0), type("Handler", (Handler,), {"service": service}))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        service.may_go_on.set()
        server.shutdown()
        server.server_close()
        thread.join()


def judgement(report: AnyJson) -> AnyJson:
    """What a report says, without what depends on time and on who was faster."""
    own = ("requests_sent", "tokens", "cost", "reliability")
    rows = [
        {name: row[name] for name in ("id", "outcome", "reason", "observed", "tests")}
        for row in report["requirements"]
    ]
    return {**{name: report[name] for name in report if name not in own}, "requirements": rows}


def test_several_processes_come_to_the_report_of_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reports: list[AnyJson] = []
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    models = load_contract().representatives()
    with served(Watched()) as url:
        for jobs in (1, 3):
            judging = Judging(tmp_path, url, f"--jobs={jobs}")
            code, printed = judging.end()
            assert code == 0, printed
            (limit,) = re.findall(r"plan: about .* \(limit: (\d+) requests\)", printed)
            assert int(limit) == EFFORTS["smoke"].most_requests(models, jobs)
            assert "bringing up" not in printed
            reports.append(judging.report)
    one, several = reports
    assert judgement(several) == judgement(one)
    assert one["requests_sent"] <= several["requests_sent"] <= one["requests_sent"] + 10
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]


def test_several_processes_keep_a_limit_together_and_record_each_exchange_once(
    tmp_path: Path,
) -> None:
    service, archive = Watched(), tmp_path / "run.har"
    with served(service) as url:
        judging = Judging(tmp_path, url, "--jobs=3", "--max-requests=40", f"--har={archive}")
        code, printed = judging.end()
    assert code == 3, printed
    assert "the budget of 40 requests is spent" in printed
    assert service.asked == judging.report["requests_sent"] == 40
    entries = json.loads(archive.read_text("utf-8"))["log"]["entries"]
    assert len(entries) == 40
    times = [entry["startedDateTime"] for entry in entries]
    assert times == sorted(times)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.json", "run.har"]
    assert KEY not in archive.read_text("utf-8") + printed


# As a terminal sends it, to all processes; and as whoever has started the first of them does.
@pytest.mark.parametrize(
    ("send", "number"), [(os.killpg, signal.SIGINT), (os.kill, signal.SIGTERM)]
)
def test_a_signal_ends_all_processes_with_what_they_have_learnt(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    send: Callable[[int, int], None],
    number: int,
) -> None:
    service, archive = Watched(held=80), tmp_path / "run.har"
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with served(service) as url:
        judging = Judging(tmp_path, url, "--jobs=2", f"--har={archive}")
        assert service.reached.wait(60)
        workers = judging.workers
        send(judging.process.pid, number)
        service.may_go_on.set()
        code, printed = judging.end()
    assert code == 3, printed
    assert MEANWHILE in printed
    assert "Traceback" not in printed
    assert judging.report["verdict"] == "inconclusive"
    outcomes = {row["outcome"] for row in judging.report["requirements"]}
    assert outcomes >= {"passed", "inconclusive"}
    assert len(json.loads(archive.read_text("utf-8"))["log"]["entries"]) >= 79
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.json", "run.har"]
    assert not any(Path(f"/proc/{worker}").exists() for worker in workers)


def test_ctrl_c_while_the_target_is_asked_what_it_serves_is_reported(tmp_path: Path) -> None:
    service = Watched(held=1)
    with served(service) as url:
        judging = Judging(tmp_path, url, "--jobs=2")
        assert service.reached.wait(60)
        os.killpg(judging.process.pid, signal.SIGINT)
        code, printed = judging.end()
    assert code == 3, printed
    assert BEFORE in printed
    assert "Traceback" not in printed
    assert {row["outcome"] for row in judging.report["requirements"]} == {"inconclusive"}


def test_a_process_that_dies_is_a_fault_of_the_suite_and_the_others_go_on(tmp_path: Path) -> None:
    service, archive = Watched(held=60), tmp_path / "run.har"
    with served(service) as url:
        judging = Judging(tmp_path, url, "--jobs=2", f"--har={archive}")
        assert service.reached.wait(60)
        os.kill(judging.workers[0], signal.SIGKILL)
        service.may_go_on.set()
        code, printed = judging.end()
    assert code == 4, printed
    assert judging.report["verdict"] == "broken"
    broken = [row for row in judging.report["requirements"] if row["outcome"] == "broken"]
    # What it was trying; and what it has found since it last wrote that down, however much that is.
    lost = [row for row in broken if "before it handed over" in row["reason"]]
    tried = [row for row in broken if row not in lost]
    assert tried
    assert all(row["reason"].startswith("the worker process crashed in test_") for row in tried)
    assert not any(row["outcome"] == "failed" for row in judging.report["requirements"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.json", "run.har"]


def test_what_a_process_cannot_hand_over_is_a_fault_of_the_suite(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = Watched(held=1)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with served(service) as url:
        judging = Judging(tmp_path, url, "--jobs=2")
        assert service.reached.wait(60)
        (shared,) = tmp_path.glob("rerank-contract-*")
        # As on a full disk, the file of one process cannot be written.
        (shared / "gw0.partial").mkdir()
        service.may_go_on.set()
        code, printed = judging.end()
    assert code == 4, printed
    assert printed.count("plan: about") == 1
    assert "INTERNALERROR" not in printed
    reason = (
        f"the results of a worker process are lost: {shared} could not be written: Is a directory"
    )
    assert reason in " ".join(printed.split())
    broken = [row for row in judging.report["requirements"] if row["outcome"] == "broken"]
    assert broken
    assert all("before it handed over" in row["reason"] for row in broken)
    assert judging.report["verdict"] == "broken"


def test_several_processes_need_a_temporary_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    monkeypatch.setattr(xdist, "TemporaryDirectory", Mock(side_effect=full))
    refused = command_here(tmp_path, "check", "--jobs=2")
    assert refused.returncode == 4
    assert (
        "cannot create a temporary folder: No space left on device; set TMPDIR to another place"
        in refused.stdout
    )
    assert "INTERNALERROR" not in refused.stdout


def test_without_pytest_xdist_one_process_judges_and_more_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xdist, "find_spec", {"fcntl": "is here"}.get)
    refused = command_here(tmp_path, "check", "--jobs=2")
    assert refused.returncode == 2
    assert "--jobs needs pytest-xdist: pip install 'rerank-contract[jobs]'" in refused.stdout
    assert xdist.problem(1) is None


def test_without_the_locks_of_posix_one_process_judges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xdist, "find_spec", {"xdist": "is here"}.get)
    assert "not available on this system" in (xdist.problem(2) or "")
    assert xdist.problem(1) is None
