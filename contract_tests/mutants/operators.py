"""Mutants prove the judge: each makes a conforming target break one requirement.

A mutant stands between judge and target, and knows neither. There are four kinds: it edits an
answer, lets a wrong request through by repairing it, refuses a right one, or does as it likes.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

from ..contract import AnyJson
from ..exchanges import Answer, Request, is_object
from ..targets import Target

Sender: TypeAlias = Callable[[Request], Answer]
Body: TypeAlias = dict[str, AnyJson]


Answerer: TypeAlias = Callable[[Sender, Request], Answer]


@dataclass(frozen=True)
class Mutant:
    """One fault of a target."""

    name: str
    #: Id of the requirement that it breaks; None where it was made without one in mind.
    requirement: str | None
    #: Returns what answers the requests of one run, with the help of the target behind it.
    begin: Callable[[], Answerer]


@dataclass(frozen=True)
class WrappedTarget:
    """A target with a mutant, or a freedom, before it."""

    target: Target
    answer: Answerer

    @property
    def base_url(self) -> str:
        """Where the target is."""
        return self.target.base_url

    def send(self, request: Request) -> Answer:
        """Send one request by way of the wrapper."""
        return self.answer(self.target.send, request)


def editing(edit: Callable[[Body, Body], AnyJson], status: int = 200) -> Answerer:
    """Change JSON answers of that status; `edit` gets the bodies of answer and request."""

    def answer(send: Sender, request: Request) -> Answer:
        original = send(request)
        if original.status != status or not original.is_json:
            return original
        edited: AnyJson = edit(original.json, sent(request))
        body = edited if isinstance(edited, bytes) else json.dumps(edited).encode()
        return replace(original, body=body)

    return answer


def sent(request: Request) -> Body:
    """The object that was sent, as JSON or as bytes of it; empty where there is none."""
    body = request.body
    if isinstance(body, bytes):
        try:
            body = json.loads(body)
        except ValueError:
            body = {}
    return body if is_object(body) else {}


def refusing(wrong: Callable[[Body], AnyJson], status: int = 400) -> Answerer:
    """Refuse bodies that the target accepts and of which `wrong` is true."""

    def answer(send: Sender, request: Request) -> Answer:
        original = send(request)
        if original.status != 200 or not wrong(sent(request)):
            return original
        body = b'{"code":20015,"message":"The parameter is invalid.","data":null}'
        return replace(original, status=status, body=body)

    return answer


def does(name: str, requirement: str, answer: Answerer, /) -> Mutant:
    """Make a mutant that remembers nothing, and otherwise does as it likes."""
    return Mutant(name, requirement, lambda: answer)


def edits(
    name: str, requirement: str, edit: Callable[[Body, Body], AnyJson], /, status: int = 200
) -> Mutant:
    """Make a mutant that changes answers of that status."""
    return does(name, requirement, editing(edit, status))


def edits_results(
    name: str, requirement: str, edit: Callable[[list[Body], Body], AnyJson], /
) -> Mutant:
    """Make a mutant that changes the results."""
    return edits(
        name, requirement, lambda body, sent: {**body, "results": edit(body["results"], sent)}
    )


def edits_each(name: str, requirement: str, edit: Callable[[Body, Body], Body], /) -> Mutant:
    """Make a mutant that changes each result."""
    return edits_results(
        name, requirement, lambda results, sent: [edit(result, sent) for result in results]
    )


def repairs(name: str, requirement: str, repair: Callable[[Body], Body], /) -> Mutant:
    """Make a mutant that changes bodies, such as wrong ones so that they are let through.

    A body that `repair` cannot work on goes through unchanged, as does what is no object.
    """

    def answer(send: Sender, request: Request) -> Answer:
        if not is_object(request.body):
            return send(request)
        try:
            body = repair(dict(request.body))
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            return send(request)
        return send(replace(request, body=body))

    return does(name, requirement, answer)


def refuses(name: str, requirement: str, wrong: Callable[[Body], AnyJson], /) -> Mutant:
    """Make a mutant that refuses bodies of which `wrong` is true."""
    return does(name, requirement, refusing(wrong))


def answers(
    name: str,
    requirement: str,
    edit: Callable[[Answer, Request], Answer],
    /,
    when: Callable[[Answer], bool] = lambda _: True,
) -> Mutant:
    """Make a mutant that changes whole answers: status, headers, body."""

    def answer(send: Sender, request: Request) -> Answer:
        original = send(request)
        return edit(original, request) if when(original) else original

    return does(name, requirement, answer)


def without(body: Body, *names: str) -> Body:
    """Return a body that lacks the members of those names."""
    return {name: value for name, value in body.items() if name not in names}
