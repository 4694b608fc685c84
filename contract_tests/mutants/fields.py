"""Fields of requests and answers, walked out of the schemas; and how a value there is changed."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from ..contract import AnyJson, Contract
from ..exchanges import is_array, is_object

#: Names of members; `[]` is each element of an array, `[0]` the first and `[-1]` the last one.
Path: TypeAlias = tuple[str, ...]
#: What stands in place of a value: nothing, another one, or several in an array.
Change: TypeAlias = Callable[[AnyJson], list[AnyJson]]


@dataclass(frozen=True)
class Field:
    """One place in the bodies of requests, or of answers."""

    path: Path
    #: JSON types that the schema allows there.
    types: frozenset[str]

    def __str__(self) -> str:
        return ".".join(self.path).replace(".[", "[")


def request_fields(contract: Contract) -> list[Field]:
    """Every field of every request form, once."""
    fields: dict[Path, Field] = {}
    for form in contract.forms:
        for field in _walk(contract, f"request.{form}", contract.schemas[f"request.{form}"], ()):
            fields.setdefault(field.path, field)
    return list(fields.values())


def answer_fields(contract: Contract) -> list[Field]:
    """Every field of an answer."""
    return list(_walk(contract, "response", contract.schemas["response"], ()))


def _walk(
    contract: Contract, name: str, schema: Mapping[str, AnyJson], path: Path
) -> Iterator[Field]:
    while "$ref" in schema:
        urn, _, pointer = schema["$ref"].partition("#")
        name = urn.rpartition(":")[2] or name
        schema = _at(contract.schemas[name], pointer)
    types = schema.get("type", ())
    if path:
        yield Field(path, frozenset([types] if isinstance(types, str) else types))
    for member, below in schema.get("properties", {}).items():
        yield from _walk(contract, name, below, (*path, member))
    if "items" in schema:
        for step in ("[]", "[0]", "[-1]"):
            yield from _walk(contract, name, schema["items"], (*path, step))


def _at(schema: AnyJson, pointer: str) -> AnyJson:
    for step in pointer.split("/")[1:]:
        schema = schema[step]
    return schema


def changed(value: AnyJson, path: Path, change: Change) -> AnyJson:
    """`value` with what stands at `path` changed; the same where nothing stands there."""
    step, rest = path[0], path[1:]

    def below(old: AnyJson) -> list[AnyJson]:
        return [changed(old, rest, change)] if rest else change(old)

    if is_object(value) and step in value:
        new = below(value[step])
        others = {name: kept for name, kept in value.items() if name != step or new}
        return {**others, step: new[0]} if new else others
    if is_array(value) and value and step.startswith("["):
        chosen = range(len(value)) if step == "[]" else [range(len(value))[int(step[1:-1])]]
        items = (below(item) if at in chosen else [item] for at, item in enumerate(value))
        return [item for new in items for item in new]
    return value


def rearranged(
    value: AnyJson, path: Path, order: Callable[[Sequence[AnyJson]], Sequence[AnyJson]]
) -> AnyJson:
    """`value` with the values at `path`, one in each element, given to other elements."""
    values: list[AnyJson] = []

    def take(old: AnyJson) -> list[AnyJson]:
        values.append(old)
        return [old]

    changed(value, path, take)
    if len(values) < 2:
        return value
    ordered = iter(order(values))
    return changed(value, path, lambda _: [next(ordered)])
