"""How to see a violation again: as a curl line, as a test, and by the judge itself."""

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import fields, replace
from enum import Enum
from pprint import pformat
from textwrap import indent

from ..checks import catalogue
from ..checks.violations import Violation, shorten
from ..contract import AnyJson, load_contract
from ..exchanges import NEAR_KEYS, PLAIN, Credential, Exchange, Request, is_array, is_object
from .model import Report

#: Longest curl line that a terminal shows as it is, in characters.
LONGEST = 500
#: Longest answer that a test is written for, in bytes; a longer one is judged again.
LONGEST_CHECKED = 64 * 1024
#: Most elements of an array in a line that is cut.
KEPT = 3
#: For what the status shows.
_ASK = """\
import os

import httpx


def test_{name}() -> None:
    \"\"\"{sentence}\"\"\"
    answer = httpx.request(
        {arguments}
    )
    # expected {expected}, received {received}
    assert {statuses}
"""
#: For what a check sees in one answer.
_CHECK = """\
import os

import httpx
from rerank_contract.contract_tests import {names}


def test_{name}() -> None:
    \"\"\"{sentence}\"\"\"
    request = Request(
        {arguments}
    )
    with httpx.Client() as client:
        target = HttpTarget(client, {base_url!r}, {keys})
        exchange = Exchange(request, target.send(request))
    _, violations = examine(load_contract({revision}), exchange)
    # expected {expected}, received {received}
    assert {requirement!r} not in [violation.requirement for violation in violations]
"""
#: For what only a comparison shows: the judge draws the same requests by the same seed.
_JUDGE = """\
from rerank_contract.contract_tests import main


def test_{name}() -> None:
    \"\"\"{sentence}\"\"\"
    arguments = {arguments}
    # expected {expected}, received {received}
    assert main(arguments) == 0
"""


def command(report: Report, violation: Violation) -> str:
    """The command that runs the test again which found the violation."""
    return shlex.join(["rerank-contract", *_arguments(report, violation)])


def curl(report: Report, request: Request) -> str:
    """A curl line that sends the request in the way of the run; the shell puts the key in."""
    words = ["curl", "-sS", "-i", *report.access.curl]
    if request.method != "POST":
        words += ["-X", request.method]
    words.append(shlex.quote(report.base_url + request.path))
    if request.credential is not Credential.NONE:
        words += ["-H", report.access.named(f'"Authorization: {request.credential.value}"')]
    content_type = f"Content-Type: {request.content_type}" if request.content_type else ""
    words += ["-H", shlex.quote(content_type or "Content-Type:")]
    if request.chunked:
        words += ["-H", "'Transfer-Encoding: chunked'"]
    for name, value in request.headers:
        header = f"{name}: {value}"
        words += ["-H", f'"{header}"' if value.startswith("$") else shlex.quote(header)]
    if request.content is not None:
        words += ["--data-raw", shlex.quote(body_text(request))]
    return " ".join(words)


def brief_curl(
    report: Report, request: Request, cut_note: str = "cut; in full in --report-json"
) -> str:
    """The curl line of a request if it is short; otherwise what matters of it, not to be sent."""
    if request.layout.least_bytes:
        layout = replace(request.layout, least_bytes=0)
        filled = f"(the body filled up with spaces to {request.layout.least_bytes} bytes)"
        return f"{brief_curl(report, replace(request, layout=layout), cut_note)} {filled}"
    line = curl(report, request)
    if len(line) <= LONGEST:
        return line
    body = request.body
    if isinstance(body, bytes):
        cut = replace(request, body=shorten(body_text(request), LONGEST).encode())
    else:
        cut = replace(request, body=_cut(body))
    return f"{shorten(curl(report, cut), 2 * LONGEST)} ({cut_note})"


def _cut(value: AnyJson) -> AnyJson:
    """A body with long texts and long arrays cut short."""
    if isinstance(value, str):
        return shorten(value, 40)
    if is_array(value):
        more = [f"… ({len(value) - KEPT} more)"] if len(value) > KEPT else []
        return [*map(_cut, value[:KEPT]), *more]
    return {_cut(name): _cut(item) for name, item in value.items()} if is_object(value) else value


def body_text(request: Request) -> str:
    """What a request sends, as text in which every character shows, as far as JSON can say it."""
    text = (request.content or b"").decode("utf-8", "backslashreplace")
    as_sent = text.isprintable() or request.layout != PLAIN or request.body == request.content
    return text if as_sent else json.dumps(request.body)


def snippet(report: Report, violation: Violation) -> str:
    """A test for pytest that fails as long as the target breaks the requirement."""
    exchange = violation.exchanges[-1]
    # Only the judge itself takes the same way where that needs options.
    is_alone = len(violation.exchanges) == 1 and not report.access.curl
    words = {
        "name": violation.requirement.replace(".", "_"),
        "sentence": report.contract.requirements[violation.requirement].sentence,
        "expected": ascii(violation.expected),
        "received": ascii(violation.received),
    }
    if is_alone and _seen_by_a_check(report, violation.requirement, exchange):
        arguments = _inner(_request_arguments(exchange.request), 8)
        test = _CHECK.format(
            **words,
            names=_names("Credential." in arguments),
            revision=_revision(report),
            requirement=violation.requirement,
            keys=", ".join(_keys(exchange.request)),
            base_url=report.base_url,
            arguments=arguments,
        )
        return report.access.named(test)
    status = re.fullmatch(r"(?:a )?status (?:from )?(\d{3})(?: to (\d{3}))?", violation.expected)
    if is_alone and status and exchange.request.credential not in NEAR_KEYS:
        given = "answer.status_code"
        test = _ASK.format(
            **words,
            arguments=_inner(_httpx_arguments(exchange.request, report.base_url), 8),
            statuses=f"{status[1]} <= {given} <= {status[2]}"
            if status[2]
            else f"{given} == {status[1]}",
        )
        return report.access.named(test)
    arguments = _inner(_literal(_arguments(report, violation)), 4)
    return _JUDGE.format(**words, arguments=arguments)


def _arguments(report: Report, violation: Violation) -> list[str]:
    if report.audit:
        return ["audit", *report.audit.options, *report.audit.files]
    # Checks look at every answer: the test may have been after another requirement.
    tried = [entry.requirement.id for entry in report.entries if violation.test in entry.tests]
    wanted = violation.requirement
    only = wanted if wanted in tried or not tried else tried[0]
    return ["check", f"--only={only}", *report.options]


def _seen_by_a_check(report: Report, requirement: str, exchange: Exchange) -> bool:
    # A long answer is not looked at again for each form of report.
    if len(exchange.answer.body) > LONGEST_CHECKED:
        return False
    _, found = catalogue.examine(report.contract, exchange)
    return requirement in {violation.requirement for violation in found}


def _names(has_credential: bool) -> str:
    """What the snippet imports, in the order of the alphabet and within a line."""
    names = ["Exchange", "HttpTarget", "Request", "examine", "load_contract"]
    if has_credential:
        names.insert(0, "Credential")
    return f"({chr(10)}    {f',{chr(10)}    '.join(names)},{chr(10)})"


def _revision(report: Report) -> str:
    """The argument that loads the contract of the report; none for the newest."""
    revision = report.contract.revision
    return "" if revision == load_contract().revision else repr(revision)


def _keys(request: Request) -> Iterator[str]:
    """The arguments of a target that are the secrets of the request."""
    second = request.credential is Credential.SECOND_KEY
    for name in ("SILICONFLOW_API_KEY", "SILICONFLOW_SECOND_API_KEY")[: 2 if second else 1]:
        yield f"os.environ[{name!r}]"
    names = [value[1:] for _, value in request.headers if value.startswith("$")]
    if names:
        yield f"secrets={{{', '.join(f'{name!r}: os.environ[{name!r}]' for name in names)}}}"


def _httpx_arguments(request: Request, base_url: str) -> str:
    arguments = [repr(request.method), repr(base_url + request.path)]
    headers: list[str] = []
    if request.credential is not Credential.NONE:
        value = str(request.credential.value)
        scheme, dollar, name = value.partition("$")
        literal = f'f"{scheme}{{os.environ[{name!r}]}}"' if dollar else repr(value)
        headers.append(f"'Authorization': {literal}")
    if request.content_type:
        headers.append(f"'Content-Type': {request.content_type!r}")
    for name, value in request.headers:
        secret = f"os.environ[{value[1:]!r}]" if value.startswith("$") else repr(value)
        headers.append(f"{name!r}: {secret}")
    arguments.append(f"headers={{{', '.join(headers)}}}")
    if request.content is not None:
        otherwise = request.layout != PLAIN or not request.content_type
        is_raw = isinstance(request.body, bytes) or otherwise
        named = ("content", request.content) if is_raw else ("json", request.body)
        arguments.append(f"{named[0]}={_literal(named[1])}")
    return ",\n".join(arguments) + ","


def _request_arguments(request: Request) -> str:
    arguments = [_literal(request.body)]
    for field in fields(Request):
        value = getattr(request, field.name)
        # The same JSON written otherwise is the same to a check.
        if field.name not in ("body", "layout") and value != field.default:
            arguments.append(f"{field.name}={value if isinstance(value, Enum) else repr(value)}")
    return ",\n".join(arguments) + ","


def _literal(value: object) -> str:
    return pformat(value, width=88, sort_dicts=False)


def _inner(lines: str, width: int) -> str:
    return indent(lines, " " * width).lstrip()
