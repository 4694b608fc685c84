"""The report on a terminal."""

from dataclasses import replace

from contract_tests.judging.outcomes import Outcome
from contract_tests.report.terminal import NAMED, SIGNS, lines, violation_lines
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


def test_failures_come_last_and_whole() -> None:
    printed = list(lines(samples.VIOLATING))
    order = [line.split()[0] for line in printed if line.startswith(("DIFFERS", "FAILED"))]
    assert order == ["DIFFERS", "FAILED", "FAILED"]
    failure = printed[printed.index("FAILED request.top_n.count (spec; Body, top_n)") :]
    text = "\n".join(failure)
    for part in (
        "exactly top_n results come back",
        "  expected  1 result",
        "  received  2 results",
        "  sent      curl ",
        "  answered  status 200, ",
        "  again     rerank-contract check --only=request.top_n.count ",
        "--seed=7",
        "\ndef test_request_top_n_count() -> None:\n",
    ):
        assert part in text
    assert failure[-1].startswith("violates: ")


def test_many_inconclusive_requirements_are_counted_not_named() -> None:
    printed = list(lines(samples.UNFINISHED))
    text = "\n".join(printed)
    count = samples.UNFINISHED.counts[Outcome.INCONCLUSIVE]
    assert f"and {count - NAMED} more" in text
    assert text.count("INCONCLUSIVE the budget of 50 requests is spent") == 1
    assert printed[-1].startswith("inconclusive: ")


def test_what_was_seen_of_a_switch_is_printed_and_what_was_not_is_named() -> None:
    printed = list(lines(samples.VIOLATING))
    assert "  invalid_key: string" in printed
    (unseen,) = [line for line in printed if line.startswith("  not seen: ")]
    named = unseen.removeprefix("  not seen: ").partition(" (")[0].split(", ")
    assert named == [switch.name for switch in NEWEST.switches.values() if switch.shown_by]


def test_a_target_cannot_start_a_line_or_command_the_terminal() -> None:
    attacked = list(lines(samples.ATTACKED))
    assert all(line.isprintable() for line in attacked)
    assert not [line for line in attacked if line.lstrip().startswith("::")]


def test_a_curl_line_that_nobody_could_read_is_left_to_other_forms() -> None:
    long = samples.exchange(body={**samples.BODY, "query": "x" * 100_000})
    violation = samples.violation("request.top_n.count", long)
    printed = list(violation_lines(samples.VIOLATING, violation))
    assert max(map(len, printed)) < 5000
    assert any("see --report-json" in line for line in printed)


def test_what_was_sent_commands_the_terminal_no_more_than_what_came() -> None:
    sent = samples.exchange(body=b'{"model": "\x1b[31m')
    violation = samples.violation("request.body.json", sent)
    text = "\n".join(violation_lines(samples.VIOLATING, violation))
    assert "\\x1b[31m" in text
    assert all(line.isprintable() for line in text.split("\n"))


def test_a_model_that_is_not_served_is_named_with_the_reason() -> None:
    report = replace(samples.CONFORMING, models={"a": None, "b": "status 404"})
    printed = list(lines(report))
    assert printed[0].endswith("models a")
    assert "b is not served: status 404" in printed
