"""What is wrong with an answer to a request that should have been refused."""

from collections.abc import Iterator

from ..contract import AnyJson, Contract
from ..exchanges import Exchange, is_object, member
from .violations import Violation, shorten
from .wording import expectation, finding


def wrongly_accepted(contract: Contract, exchange: Exchange) -> Iterator[Violation]:
    """Violations where a request that breaks the contract was answered like any other."""
    if exchange.answer.status < 300:
        received = f"status {exchange.answer.status}"
        for requirement, expected in wrongs(contract, exchange.request.body):
            yield Violation(requirement, expected, received, (exchange,))


def wrongs(contract: Contract, body: AnyJson) -> Iterator[tuple[str, str]]:
    """Each requirement that the body of a request breaks, and the refusal that is expected."""
    if isinstance(body, bytes):
        yield "request.body.json", f"a refusal of {shorten(body.decode(errors='replace'))}"
        return
    model = contract.model_named(str(member(body, "model")))
    # An optional field that is null counts as absent to most.
    required = contract.required_of(model)
    if is_object(body):
        body = {k: v for k, v in body.items() if v is not None or k in required}
    for broken in contract.broken_keywords(f"request.{model.form}", body):
        wanted, found = expectation(broken), finding(broken)
        yield broken.requirement, f"a refusal, as the request should have {wanted}: {found}"
