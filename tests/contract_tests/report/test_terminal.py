"""The report on a terminal."""

from dataclasses import replace

import pytest

from contract_tests.judging.outcomes import Outcome
from contract_tests.report.model import NAMED
from contract_tests.report.terminal import (
    SHOWN,
    SIGNS,
    lines,
    style,
    violation_lines,
)
from tests.contract_tests.newest import NEWEST, REQUIREMENTS

from . import samples


def test_the_overview_has_one_sign_for_each_requirement() -> None:
    printed = list(lines(samples.VIOLATING))
    start = next(number for number, line in enumerate(printed) if line.startswith("Endpoint "))
    end = next(number for number, line in enumerate(printed) if ". passed" in line)
    words = " ".join(printed[start:end]).split()
    signs = [word for word in words if set(word) <= set(SIGNS.values())]
    assert sum(map(len, signs)) == len(REQUIREMENTS)
    counted = {outcome: "".join(signs).count(SIGNS[outcome]) for outcome in Outcome}
    assert {outcome: count for outcome, count in counted.items() if count} == (
        samples.VIOLATING.counts
    )


def test_the_verdict_comes_first_then_failures_then_differences_then_the_rest() -> None:
    printed = list(lines(samples.VIOLATING))
    assert printed[0].startswith("violates: 2 failed, 1 inconclusive, 1 differs, ")
    assert printed[0].endswith(f" ({len(REQUIREMENTS)} requirements)")
    assert printed[-1] == printed[0]
    order = [line.split()[0] for line in printed if line.startswith(("DIFFERS", "FAILED"))]
    assert order == ["FAILED", "FAILED", "DIFFERS"]
    overview = next(number for number, line in enumerate(printed) if line.startswith("Endpoint "))
    assert max(number for number, line in enumerate(printed) if "  again " in line) < overview


def test_a_failure_is_told_in_a_few_lines() -> None:
    printed = list(lines(samples.VIOLATING))
    start = printed.index("FAILED request.top_n.count (spec; Body, top_n)")
    failure = printed[start : printed.index("", start)]
    words = [line[:12] for line in failure[2:]]
    assert "exactly top_n results come back" in failure[1]
    assert words == ["  expected  ", "  received  ", "  sent      ", "  answered  ", "  again     "]
    assert failure[2:4] == ["  expected  1 result", "  received  2 results"]
    assert "rerank-contract check --only=request.top_n.count " in failure[-1]
    assert "--seed=7" in failure[-1]


def test_an_answer_that_was_received_is_not_told_twice() -> None:
    answered = samples.exchange(b"<h1>welcome</h1>")
    violation = samples.violation(
        "authorization.required", answered, received="status 200, <h1>welcome</h1>"
    )
    told = "\n".join(violation_lines(samples.VIOLATING, violation))
    assert told.count("<h1>welcome</h1>") == 1


def test_generated_tests_are_shown_where_they_are_asked_for() -> None:
    test = "def test_request_top_n_count() -> None:"
    assert test not in lines(samples.VIOLATING)
    assert test in lines(samples.VIOLATING, show_tests=True)
    (violation,) = next(samples.VIOLATING.that(Outcome.FAILED)).violations
    assert "  as a test" not in violation_lines(samples.VIOLATING, violation)
    assert "  as a test" in violation_lines(samples.VIOLATING, violation, show_tests=True)


@pytest.mark.slow
def test_a_screen_is_enough_whatever_fails() -> None:
    huge = samples.exchange(
        b"x" * 100_000, body={**samples.BODY, "documents": ["y" * 50_000] * 1000}
    )
    entries = [
        samples.entry(
            name,
            Outcome.FAILED,
            violations=(samples.violation(name, *[huge] * 9, received="z" * 10_000),),
        )
        for name in REQUIREMENTS
    ]
    printed = list(lines(samples.report(*entries)))
    assert len("\n".join(printed)) < 60_000
    starts = [line for line in printed if line.startswith("FAILED ")]
    assert len(starts) == len(REQUIREMENTS)
    assert sum(line.endswith(")") and ";" in line for line in starts) == SHOWN
    assert printed.count("  before    7 more requests") == SHOWN


def test_only_verdicts_and_what_does_not_hold_or_is_open_are_coloured() -> None:
    marked = {line: dict(style(line)) for line in lines(samples.VIOLATING) if style(line)}
    assert marked[next(lines(samples.VIOLATING))] == {"red": True, "bold": True}
    words = {line.split()[0] for line in marked}
    assert words == {"violates:", "FAILED", "DIFFERS", "INCONCLUSIVE"}
    assert style(next(lines(samples.CONFORMING))) == {"green": True, "bold": True}


def test_many_inconclusive_requirements_are_counted_not_named() -> None:
    printed = list(lines(samples.UNFINISHED))
    text = "\n".join(printed)
    count = samples.UNFINISHED.counts[Outcome.INCONCLUSIVE]
    assert f"and {count - NAMED} more" in text
    assert text.count("INCONCLUSIVE the budget of 50 requests is spent") == 1
    assert printed[-1].startswith("inconclusive: ")


def test_a_run_that_could_judge_nothing_says_why_and_little_else() -> None:
    reason = "no answer from https://rerank.example/v1: Connection refused; does it run?"
    nothing = samples.report(
        *(samples.entry(name, Outcome.INCONCLUSIVE, reason) for name in REQUIREMENTS)
    )
    printed = list(lines(nothing))
    assert f"INCONCLUSIVE {reason}" in printed
    assert not [line for line in printed if line.startswith(("Endpoint ", "tried: "))]
    assert len(printed) < 12


def test_a_body_that_was_received_is_not_told_twice() -> None:
    long = "<h1>" + "x" * 1000
    received = f"{long[:200]}… (1004 characters)"
    answered = samples.exchange(long.encode(), 400)
    violation = samples.violation("error.body.family", answered, received=received)
    told = list(violation_lines(samples.VIOLATING, violation))
    assert f"  received  {received}" in told
    assert "  answered  status 400" in told


def test_what_was_seen_of_a_switch_is_printed_and_what_was_not_is_named() -> None:
    printed = list(lines(samples.VIOLATING))
    assert "  invalid_key: string" in printed
    (unseen,) = [line for line in printed if line.startswith("  not shown: ")]
    named = unseen.removeprefix("  not shown: ").partition(" (")[0].split(", ")
    assert named == [switch.name for switch in NEWEST.switches.values() if switch.shown_by]


def test_a_target_cannot_start_a_line_or_command_the_terminal() -> None:
    attacked = list(lines(samples.ATTACKED))
    assert all(line.isprintable() for line in attacked)
    assert not [line for line in attacked if line.lstrip().startswith("::")]


def test_a_curl_line_that_nobody_could_read_is_cut_to_what_matters() -> None:
    body = {**samples.BODY, "query": "x" * 100_000, "documents": ["apple"] * 5000, "top_n": 7}
    violation = samples.violation("request.top_n.count", samples.exchange(body=body))
    (sent,) = [line for line in violation_lines(samples.VIOLATING, violation) if "  sent  " in line]
    assert len(sent) < 1000
    for part in ("curl ", "xxx… (100000 characters)", '"apple", "… (4997 more)"]', '"top_n": 7'):
        assert part in sent
    assert sent.endswith(" (cut; in full in --report-json)")


def test_what_was_sent_commands_the_terminal_no_more_than_what_came() -> None:
    sent = samples.exchange(body=b'{"model": "\x1b[31m')
    violation = samples.violation("request.body.json", sent)
    text = "\n".join(violation_lines(samples.VIOLATING, violation))
    assert "\\x1b[31m" in text
    assert all(line.isprintable() for line in text.split("\n"))


def test_a_model_that_is_not_served_is_named_with_the_reason() -> None:
    report = replace(samples.CONFORMING, models={"a": None, "b": "status 404"})
    printed = list(lines(report))
    assert "models a" in printed
    assert "b is not judged: status 404" in printed
