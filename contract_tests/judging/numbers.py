"""Searches the largest number that a target takes, where the contract leaves a limit open.

The usual limits are tried first, so that a usual one is found with few requests; then the numbers
between the largest that was accepted and the smallest that was refused.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from ..contract import Contract, Model, Switch
from ..exchanges import Request
from .connection import InconclusiveError, seen
from .judge import Judge
from .probes import probe_request

KIB, MIB = 1024, 1024 * 1024
#: Switch -> limits that services have, and the largest number that is tried.
USUAL: Mapping[str, Sequence[int]] = {
    "max_body_bytes": (
        *(16 * KIB, 32 * KIB, 64 * KIB, 100_000, 100 * KIB, 128 * KIB, 256 * KIB, 512 * KIB),
        *(1_000_000, MIB, 2_000_000, 2 * MIB, 4 * MIB),
    ),
    "max_documents": (10, 16, 25, 32, 50, 64, 100, 128, 200, 256, 500, 512, 1000, 1024, 2048),
}


def limits(contract: Contract) -> list[Switch]:
    """The switches that are numbers."""
    return [switch for switch in contract.switches.values() if switch.exceeded is not None]


def search_limit(judge: Judge, model: Model, name: str) -> None:
    """Search the number of a switch, and note what is accepted and what refused.

    The answers are held against nothing: what is required of them is examined elsewhere. Raises
    `InconclusiveError` where the search ends early.
    """
    probes, plain = judge.run.probes, probe_request(judge.contract.switches[name], model)
    most_bytes = probes.limit("max_body_bytes") if name == "max_documents" else None

    def fits(number: int) -> bool:
        length = len(_request(plain, name, number).content or b"")
        return most_bytes is None or length <= most_bytes

    def takes(number: int) -> bool:
        if not fits(number):
            raise InconclusiveError(f"{name}: {number} do not fit into {most_bytes} bytes")
        request = _request(plain, name, number)
        exchange = judge.run.connection.ask(judge.target, request)
        took = probes.tried(name, number, exchange)
        if took is None:
            raise InconclusiveError(f"{name}: {number} gets {seen(exchange.answer)}")
        if not took and name == "max_documents":
            judge.observe("too_many_documents", exchange)
        return took

    accepted, refused = largest([*filter(fits, USUAL[name])], takes)
    if refused is not None:
        # A target that is not steady may have refused for another reason.
        takes(refused)
        takes(accepted)


def largest(usual: Sequence[int], takes: Callable[[int], bool]) -> tuple[int, int | None]:
    """The largest number that is taken, and the next, which is not; None if none was refused.

    One is taken without being tried.
    """
    low, high = 0, len(usual)
    while low < high:
        middle = (low + high) // 2
        if takes(usual[middle]):
            low = middle + 1
        else:
            high = middle
    accepted = usual[low - 1] if low else 1
    refused = usual[high] if high < len(usual) else None
    if low:
        # If this is refused, the usual number is the limit.
        accepted, refused = (
            (accepted + 1, refused) if takes(accepted + 1) else (accepted, accepted + 1)
        )
    while refused is not None and refused - accepted > 1:
        middle = (accepted + refused) // 2
        if takes(middle):
            accepted = middle
        else:
            refused = middle
    return accepted, refused


def _request(plain: Request, name: str, number: int) -> Request:
    """The plainest request with so many documents, or filled up to so many bytes."""
    if name == "max_body_bytes":
        return replace(plain, layout=replace(plain.layout, least_bytes=number))
    return replace(plain, body={**plain.body, "query": "a", "documents": ["a"] * number})
