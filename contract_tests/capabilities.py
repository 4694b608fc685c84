"""What a target declares that it can do: the contract is cut down to that before the run."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import jsonschema

from .contract import SCHEMAS, AnyJson, Contract
from .exchanges import Request, is_array, member
from .files import complaint, read_json
from .wording import brief, counted, hint_or_all

#: Sizes that every target is taken to have room for.
USUAL = {"documents": 16, "characters": 3000}


class CapabilitiesError(ValueError):
    """Capabilities that cannot be read; the message says what is wrong and what to try."""


@dataclass(frozen=True)
class Capabilities:
    """What a target declares. None declares all of its kind."""

    #: NAME, or NAME=PAGE_NAME.
    models: tuple[str, ...] | None = None
    forms: tuple[str, ...] | None = None
    #: Optional fields of a request.
    fields: tuple[str, ...] | None = None
    #: `documents` and `characters` -> the most of them that it takes.
    sizes: Mapping[str, int] = field(default_factory=dict[str, int])

    def cut(self, contract: Contract) -> Contract:
        """The contract with the declared names, and without what is not declared."""
        contract = with_names(contract, self.models or ())
        left_out = set(_left_out(contract, self.fields))
        schemas = {
            name: _without(schema, left_out) if name.startswith("request.") else schema
            for name, schema in contract.schemas.items()
            if not name.startswith("request.") or self._takes_form(name.partition(".")[2])
        }
        models = {
            name: replace(model, supports=model.supports and model.supports - left_out)
            for name, model in contract.models.items()
            if self._takes_form(model.form)
        }
        undeclared = self.undeclared(contract)
        requirements = {
            name: replace(requirement, applies_to=()) if name in undeclared else requirement
            for name, requirement in contract.requirements.items()
        }
        return replace(contract, schemas=schemas, models=models, requirements=requirements)

    def undeclared(self, contract: Contract) -> dict[str, str]:
        """Requirement -> why it is skipped."""
        reasons = {
            f"request.{name}.": f"the target does not declare the field {name}"
            for name in _left_out(contract, self.fields)
        }
        for form in contract.forms:
            if not self._takes_form(form):
                reasons[f"request.{form}."] = f"the target does not declare the form {form}"
        return {
            name: reason
            for name in contract.requirements
            for front, reason in reasons.items()
            if name.startswith(front)
        }

    def too_large(self, request: Request) -> str | None:
        """Why a request is larger than what is declared; None where it is not."""
        for part, size in _sizes(request).items():
            if size > self.sizes.get(part, size):
                return f"the target declares at most {counted(self.sizes[part], part[:-1])}"
        return None

    def promises(self, request: Request) -> bool:
        """Whether a request is large, and not larger than what is declared."""
        large = [part for part, size in _sizes(request).items() if size > USUAL[part]]
        return bool(large) and all(part in self.sizes for part in large)

    def _takes_form(self, form: str) -> bool:
        return self.forms is None or form in self.forms


def read_capabilities(path: Path, contract: Contract) -> Capabilities:
    """Read a file that keeps `schemas/files/capabilities.json`. Raises `CapabilitiesError`."""
    content = read_json(path, CapabilitiesError)
    schema = json.loads((SCHEMAS / "files" / "capabilities.json").read_text("utf-8"))
    broken: AnyJson
    for broken in jsonschema.Draft202012Validator(schema).iter_errors(content):  # pyright: ignore[reportUnknownMemberType] - untyped overload
        raise CapabilitiesError(f"{path}: {complaint(broken)}")
    known = {"forms": contract.forms, "fields": tuple(_optional(contract))}
    for part, names in known.items():
        for name in content.get(part, ()):
            if name not in names:
                meant = hint_or_all(name, names)
                raise CapabilitiesError(
                    f"{path}: there is no {part.removesuffix('s')} {brief(name)}{meant}"
                )
    for name in content.get("models", ()):
        # Of another model nothing is known that could be declared.
        page = name.rpartition("=")[2]
        if page not in contract.models:
            meant = hint_or_all(page, contract.models)
            raise CapabilitiesError(f"{path}: the page has no model {brief(page)}{meant}")
    lists = {part: tuple(content[part]) for part in ("models", *known) if part in content}
    return Capabilities(**lists, sizes=content.get("sizes", {}))


def with_names(contract: Contract, names: Iterable[str]) -> Contract:
    """The contract with a model for each NAME=PAGE_NAME, which is like that of the page."""
    pairs = [name.partition("=") for name in names]
    more = {
        name: replace(contract.models[page or name], id=name, state="online")
        for name, _, page in pairs
        if page or name in contract.models
    }
    return replace(contract, models={**contract.models, **more}) if more else contract


def name_of(name: str) -> str:
    """The name of a model at the target, out of NAME or NAME=PAGE_NAME."""
    return name.partition("=")[0]


def name_problem(contract: Contract, name: str) -> str | None:
    """What is wrong with NAME=PAGE_NAME; None where nothing is."""
    own, equals, page = name.partition("=")
    if equals and (not own or page not in contract.models):
        meant = hint_or_all(page, contract.models)
        return f"{brief(name)}: the page has no model {brief(page)}{meant}"
    return None


def _sizes(request: Request) -> dict[str, int]:
    """The parts of a request that a target may have a limit for."""
    documents = member(request.body, "documents")
    listed = documents if is_array(documents) else [documents]
    texts = [text for text in (*listed, member(request.body, "query")) if isinstance(text, str)]
    return {"documents": len(listed), "characters": max(map(len, texts), default=0)}


def _optional(contract: Contract) -> dict[str, None]:
    """The optional fields of all forms."""
    return {
        name: None
        for form in contract.forms
        for schema in [contract.schemas[f"request.{form}"]]
        for name in schema["properties"]
        if name not in schema.get("required", ())
    }


def _left_out(contract: Contract, fields: tuple[str, ...] | None) -> list[str]:
    return [name for name in _optional(contract) if fields is not None and name not in fields]


def _without(schema: Mapping[str, AnyJson], left_out: set[str]) -> Mapping[str, AnyJson]:
    properties = {
        name: value for name, value in schema["properties"].items() if name not in left_out
    }
    return {**schema, "properties": properties}
