"""What changed between two revisions of the contract, and whom each change breaks.

A request that was right and is wrong now breaks clients. One that was wrong and is right now, or
an answer that was right and is wrong now, breaks servers: they have to change.
"""

from collections.abc import Iterator, Mapping

from ..contract import AnyJson, Contract
from ..exchanges import is_array
from .model import Change, Comparison, Effect, Kind, worst_first

#: Keywords of which a smaller value allows more, and of which a larger one does.
LOWER_BOUNDS = ("minimum", "minLength", "minItems")
UPPER_BOUNDS = ("maximum", "maxLength", "maxItems")
#: Keywords that say nothing about what is right.
_SILENT = (
    "$schema",
    "$id",
    "$ref",
    "title",
    "description",
    "examples",
    "properties",
    "items",
    "required",
)
#: What is said of a field as a whole.
_FIELD = {"required", "optional"}


def compare(names: tuple[str, str], old: Contract, new: Contract) -> Comparison:
    """Compare two revisions."""
    shared = old.requirements.keys() & new.requirements.keys()
    return Comparison(Kind.REVISIONS, *names, len(shared), worst_first(changes(old, new)))


def changes(old: Contract, new: Contract) -> Iterator[Change]:
    """Every difference, in the order of requests, answers, models, errors, requirements."""
    forms = dict.fromkeys((*old.forms, *new.forms))
    for form in forms:
        name = f"request.{form}"
        if name not in new.schemas:
            yield Change(name, "a form of requests", None, Effect.BREAKS_CLIENTS)
        elif name not in old.schemas:
            yield Change(name, None, "a form of requests", Effect.BREAKS_SERVERS)
        else:
            yield from _schema_changes(old, new, f"{name}#", "request", in_request=True)
    yield from _schema_changes(old, new, "response#", "response", in_request=False)
    yield from _schema_changes(old, new, "error#", "error", in_request=False)
    yield from _model_changes(old, new)
    yield from _error_changes(old, new)
    yield from _requirement_changes(old, new)


def _schema_changes(
    old: Contract, new: Contract, pointer: str, place: str, *, in_request: bool
) -> Iterator[Change]:
    before, after = _flat(old, pointer, place), _flat(new, pointer, place)
    whole: list[str] = []
    for name in dict.fromkeys((*before, *after)):
        is_inside = any(name.startswith(f"{field}.") for field in whole)
        if before.get(name) == after.get(name) or is_inside:
            continue
        values = before.get(name), after.get(name)
        if None in values and _FIELD & {*map(str, values)}:
            # A field that comes or goes does so with all that holds of it.
            whole.append(name)
        yield Change(name, *values, _whom(name, *values, in_request=in_request))


def _flat(contract: Contract, pointer: str, place: str) -> dict[str, AnyJson]:
    """Place of each field and keyword, such as `request.top_n.minimum`, -> what it says."""
    found: dict[str, AnyJson] = {}
    keywords = contract.keywords(pointer)
    required: list[str] = keywords["required"][1] if "required" in keywords else []
    for keyword, (where, value) in keywords.items():
        if keyword == "properties":
            for name in value:
                found[f"{place}.{name}"] = "required" if name in required else "optional"
                found |= _flat(contract, f"{where}/{name}", f"{place}.{name}")
        elif keyword == "items":
            found |= _flat(contract, where, f"{place}[]")
        elif keyword not in _SILENT and not keyword.startswith("$"):
            found[f"{place}.{keyword}"] = value
    return found


def _whom(place: str, before: AnyJson, after: AnyJson, *, in_request: bool) -> Effect:
    """Whom a change of one place of a schema breaks."""
    if _FIELD & {str(before), str(after)}:
        if in_request:
            # A new field must be understood, and a required one must be sent.
            return Effect.BREAKS_SERVERS if after == "optional" else Effect.BREAKS_CLIENTS
        if after == "required":
            return Effect.BREAKS_SERVERS
        return Effect.HARMLESS if before is None else Effect.BREAKS_CLIENTS
    keyword = place.rpartition(".")[2]
    if keyword == "default":
        return Effect.BREAKS_CLIENTS
    stricter, looser = _is_stricter(keyword, before, after), _is_stricter(keyword, after, before)
    return _broken(stricter=stricter, looser=looser, in_request=in_request)


def _broken(*, stricter: bool, looser: bool, in_request: bool) -> Effect:
    """Whom a keyword breaks that allows less, or more, than before."""
    if stricter:
        return Effect.BREAKS_CLIENTS if in_request else Effect.BREAKS_SERVERS
    if looser:
        return Effect.BREAKS_SERVERS if in_request else Effect.BREAKS_CLIENTS
    return Effect.HARMLESS


def _is_stricter(keyword: str, before: AnyJson, after: AnyJson) -> bool:
    """Whether something was right before that no longer is."""
    if after is None or before == after:
        return False
    if before is None:
        return True
    if keyword in LOWER_BOUNDS:
        return bool(after > before)
    if keyword in UPPER_BOUNDS:
        return bool(after < before)
    if keyword in ("type", "enum"):
        return not _set(before) <= _set(after)
    return True


def _set(value: AnyJson) -> set[AnyJson]:
    members: list[AnyJson] = value if is_array(value) else [value]
    return set(members)


def _model_changes(old: Contract, new: Contract) -> Iterator[Change]:
    for name in dict.fromkeys((*old.models, *new.models)):
        before, after = old.models.get(name), new.models.get(name)
        place = f"models.{name}"
        if before is None:
            yield Change(place, None, "a model", Effect.BREAKS_SERVERS)
        elif after is None:
            yield Change(place, "a model", None, Effect.BREAKS_CLIENTS)
        else:
            for attribute in ("form", "state"):
                values = getattr(before, attribute), getattr(after, attribute)
                if values[0] != values[1]:
                    effect = Effect.HARMLESS if values[1] == "online" else Effect.BREAKS_CLIENTS
                    yield Change(f"{place}.{attribute}", *values, effect)
            gone = sorted((before.supports or frozenset()) - (after.supports or frozenset()))
            come = sorted((after.supports or frozenset()) - (before.supports or frozenset()))
            yield from (
                Change(f"{place}.supports", name, None, Effect.BREAKS_CLIENTS) for name in gone
            )
            yield from (
                Change(f"{place}.supports", None, name, Effect.BREAKS_SERVERS) for name in come
            )


def _error_changes(old: Contract, new: Contract) -> Iterator[Change]:
    before = {row["id"]: _error(row) for row in old.errors}
    after = {row["id"]: _error(row) for row in new.errors}
    for name in dict.fromkeys((*before, *after)):
        levels = _level(old, name), _level(new, name)
        if before.get(name) != after.get(name):
            effect = (
                Effect.BREAKS_CLIENTS if "spec" in levels and name in before else Effect.HARMLESS
            )
            yield Change(f"errors.{name}", before.get(name), after.get(name), effect)
        if None not in levels and levels[0] != levels[1]:
            effect = Effect.BREAKS_SERVERS if levels[1] == "spec" else Effect.HARMLESS
            yield Change(f"errors.{name}.level", *levels, effect)


def _error(row: Mapping[str, AnyJson]) -> str:
    code = f", code {row['code']}" if row["code"] is not None else ""
    return f"status {row['status']}{code}, {row['family']}, {row['message']}"


def _level(contract: Contract, error: str) -> AnyJson:
    return next((row["level"] for row in contract.errors if row["id"] == error), None)


def _requirement_changes(old: Contract, new: Contract) -> Iterator[Change]:
    """Requirements that no schema keyword states, as the schemas show the others."""
    for name in dict.fromkeys((*old.requirements, *new.requirements)):
        before, after = old.requirements.get(name), new.requirements.get(name)
        if any(row and row.applies_to for row in (before, after)):
            continue
        levels = before.level if before else None, after.level if after else None
        if levels[0] != levels[1]:
            effect = Effect.BREAKS_SERVERS if levels[1] == "spec" else Effect.HARMLESS
            yield Change(f"requirements.{name}", *levels, effect)
