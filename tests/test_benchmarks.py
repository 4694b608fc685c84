"""The benchmarks measure what they say, and the kept table is a table of theirs."""

import itertools
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmarks.__main__ import KILLS, MARKERS, MEMORY, PEERS, README, row
from benchmarks.in_process import engine, fixture, long_texts, set_up
from benchmarks.judges import GOAL, JUDGE, SCHEMATHESIS, tool
from benchmarks.kills import HEAD, kills, summary
from benchmarks.measuring import Comparison, Figure, Side, compare, rounded
from benchmarks.memory import HEAD as MEMORY_HEAD
from benchmarks.memory import memory, steps
from benchmarks.peers import GOALS, peers
from benchmarks.served import Connection, crowds, mock_served, servers
from benchmarks.starting import starts
from contract_tests.mutants.selftest import CLEAN, Trial

pytestmark = pytest.mark.slow


def paced(*seconds: float) -> Side:
    """Return a side whose calls take these times, one after the other and round again."""
    costs = itertools.cycle(seconds)
    now = [0.0]

    def call() -> None:
        now[0] += next(costs)

    return Side(call, lambda: now[0])


def test_a_figure_is_the_median_of_the_rounds_and_not_their_mean() -> None:
    # The first call of each side goes into the size of its batches.
    subject, baseline = paced(1, 6, 900, 4), paced(1, 2, 2, 2)

    figure = compare(Comparison("", "", "", subject, baseline), rounds=3)

    assert figure == Figure(subject=6, baseline=2, ratio=3, spread=(2.5, 226.5))


def test_calls_too_short_for_the_clock_are_measured_in_batches() -> None:
    figure = compare(Comparison("", "", "", paced(3e-6), paced(1e-6)), rounds=2)

    assert figure.subject == pytest.approx(3e-6)
    assert figure.ratio == pytest.approx(3)


@pytest.mark.parametrize("comparisons", [engine, long_texts, fixture, set_up, servers])
def test_each_comparison_runs_and_stands_in_the_kept_table(
    comparisons: Callable[[], Iterator[Comparison]],
) -> None:
    for comparison in comparisons():
        figure = compare(comparison, rounds=2)
        assert figure.ratio > 0
        assert_kept(comparison, figure)


def test_crowds_are_answered_and_stand_in_the_kept_table() -> None:
    for comparison in crowds():
        for side in (comparison.subject, comparison.baseline):
            begin = side.clock()
            side.call()
            assert side.clock() > begin
        assert_kept(comparison, Figure(1, 1, 1, (1, 1)))


def test_starts_stand_in_the_kept_table() -> None:
    for comparison in starts():
        assert_kept(comparison, Figure(1, 1, 1, (1, 1)))


def assert_kept(comparison: Comparison, figure: Figure) -> None:
    (kept,) = MARKERS.findall(README.read_text(encoding="utf-8"))
    names = row(comparison, figure).split(" | ")[:3]
    assert kept.count(" | ".join([*names, ""])) == 1


def test_memory_is_looked_at_ever_more_rarely_and_at_the_end() -> None:
    assert [*steps(150_000)] == [10_000, 20_000, 50_000, 100_000, 150_000]
    assert [*steps(100_000)] == [10_000, 20_000, 50_000, 100_000]
    assert [*steps(7)] == [7]


def test_memory_is_that_of_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.memory.FEW", 300)
    first, last = memory(600)
    assert re.fullmatch(r"\| 300 \| \d+ MB \| \*\*1\.00\*\* \| ≤ 1\.1 \|", first)
    assert last.startswith("| 600 | ")
    (kept,) = MEMORY.findall(README.read_text(encoding="utf-8"))
    assert MEMORY_HEAD in kept


def test_each_peer_stands_in_the_kept_table() -> None:
    (kept,) = PEERS.findall(README.read_text(encoding="utf-8"))
    for name, goal in GOALS.items():
        (line,) = (line for line in kept.splitlines() if name in line)
        assert line.endswith(f"| ≤ {1 / goal:.3g} |")


def test_the_judge_stands_in_the_kept_table_of_peers() -> None:
    (kept,) = PEERS.findall(README.read_text(encoding="utf-8"))
    (line,) = (line for line in kept.splitlines() if f"| {JUDGE} | {SCHEMATHESIS} |" in line)
    assert line.endswith(f"| ≤ {GOAL:.3g} |")


def test_a_tool_is_measured_by_what_the_mock_has_seen_of_it() -> None:
    with mock_served() as mock:
        asking = (
            f"import httpx; [httpx.get('http://127.0.0.1:{mock.port}/v1/models') for _ in 'abc']"
        )
        side = tool([sys.executable, "-c", asking], mock)

        assert side.requests == 3
        begin = side.clock()
        side.call()
        assert side.clock() > begin
        with pytest.raises(subprocess.CalledProcessError):
            tool([sys.executable, "-c", "raise SystemExit(1)"], mock)


def test_peers_that_are_not_installed_are_one_clear_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.peers.FOLDER", tmp_path / "none")
    with pytest.raises(SystemExit, match="run `make bench-peers`"):
        next(peers())


def test_an_answer_in_chunks_is_read_to_its_end() -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        connection = Connection(os.getpid(), listener.getsockname()[1])
        server, _ = listener.accept()
        with server:
            server.sendall(head + b"2\r\n{}\r\n")
            assert connection.receive() is None
            server.sendall(b"0\r\n\r\n")
            assert connection.receive() == b"2\r\n{}\r\n0\r\n\r\n"
        connection.close()


def test_kills_are_told_as_shares_of_a_clean_run() -> None:
    clean = Trial(CLEAN, None, None, (), requests=100, seconds=10.0)
    falls = [
        Trial(f"mutant {number}", "endpoint.rerank", number, (), number, number / 10)
        for number in (10, 20, 30, 40, 50)
    ]
    survivor = Trial("mutant", "endpoint.rerank", None, (), 100, 10.0)

    line = summary("smoke", [*falls, clean, survivor])

    shares = "**30 %**, 20 % to 40 %"
    assert line == f"| `smoke` | 5 of 6 | 100 | {shares} | {shares} |"


def test_the_judge_is_measured_by_what_it_finds() -> None:
    mutant, clean = kills("smoke", ["has no id"])

    assert mutant.killed_at
    assert mutant.killed_at <= 2 < clean.requests
    assert mutant.seconds > 0
    (kept,) = KILLS.findall(README.read_text(encoding="utf-8"))
    assert HEAD in kept


@pytest.mark.parametrize(
    ("number", "printed"),
    [
        (0.000284, "0.00028"),
        (0.96, "0.96"),
        (1, "1.0"),
        (2.46, "2.5"),
        (87.4, "87"),
        (35912, "36,000"),
    ],
)
def test_numbers_have_two_digits(number: float, printed: str) -> None:
    assert rounded(number) == printed
