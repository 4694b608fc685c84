"""Writes ``vectors/``: the cases of the judge as data, for programs in any language."""

import gzip
import io
import json
import shutil
import sys
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from contract_tests.contract import Contract, load_contract, revisions
from contract_tests.exchanges import Answer, Request, is_array, is_object, parse_json

from .vector_answers import Sample, samples, wrong_samples
from .vector_cases import AUTHORIZATIONS, Case, cases
from .vector_rules import rules

Json: TypeAlias = Any

ROOT = Path(__file__).parents[1]
TARGET = ROOT / "vectors"
#: Version of the form of the files; a change that could break a reader raises it.
VERSION = 1
#: The longest line that is written.
WIDTH = 110

_ALIKE = "It needs two answers: to this request, and to another that should be ranked the same."
_OTHER = "It needs two answers, to requests that differ in this."
_NEVER = "It needs all answers of a run: none may have it again."
_SIZES = "It is open, and found out with requests that grow."
_SENT = "It is about how a request is sent, which its JSON does not say."
#: Requirement -> what one exchange cannot show of it.
BEYOND: Mapping[str, str] = {
    "endpoint.headers": _SENT,
    "request.body.chunked": _SENT,
    "request.body.equivalent": _ALIKE,
    "request.body.charset": _ALIKE,
    "request.body.unknown_field": _ALIKE,
    "request.body.null": _ALIKE,
    "request.body.large_number": _SIZES,
    "request.documents.string": _ALIKE,
    "request.documents.delicate": "It is open, and compares answers to documents of many kinds.",
    "request.documents.count": _SIZES,
    "request.documents.length": _SIZES,
    "request.instruction.effect": _OTHER,
    "request.instruction.gated": _ALIKE,
    "request.top_n.most_relevant": "It needs the answer without top_n as well.",
    "request.return_documents.ranking": _ALIKE,
    "request.max_chunks_per_doc.default": _ALIKE,
    "request.max_chunks_per_doc.gated": _ALIKE,
    "request.max_chunks_per_doc.best_chunk": _OTHER,
    "request.max_chunks_per_doc.filler": _OTHER,
    "request.max_chunks_per_doc.short_documents": _ALIKE,
    "request.overlap_tokens.default": _ALIKE,
    "request.overlap_tokens.gated": _ALIKE,
    "response.header.trace_id.unique": _NEVER,
    "response.id.unique": _NEVER,
    "response.results.index.permutation": _ALIKE,
    "response.results.own": "It needs several callers at the same time.",
    "response.results.relevance": _OTHER,
    "response.results.query": _OTHER,
    "response.results.model": _OTHER,
    "response.results.duplicates": "It is open, and compares scores within answers.",
    "response.results.independence": _OTHER,
    "response.results.relevance_score.repeatable": "It needs the same request twice.",
    "response.meta.repeatable": "It needs the same request twice.",
    "response.meta.input": _OTHER,
}


def files(contract: Contract) -> dict[str, Json]:
    """The files of a revision, by name."""
    grouped: dict[str, dict[str, tuple[Case, list[Sample]]]] = {}

    def put(group: str, case: Case, found: Iterable[Sample]) -> None:
        grouped.setdefault(group, {}).setdefault(case.description, (case, []))[1].extend(found)

    every = list(cases(contract))
    for case in every:
        put(group_of(case.about or case.requirement), case, samples(contract, case))
    for about, case, wrong in wrong_samples(contract, every):
        right = next(samples(contract, case))
        group = group_of(about)
        if case.description not in grouped.get(group, {}):
            put(group, case, [right])
        put(group, case, [wrong])
    found = [(case, answers) for rows in grouped.values() for case, answers in rows.values()]
    return {
        "index": _index(contract, sorted(grouped), found),
        "rules": {"version": VERSION, "revision": contract.revision, **rules(contract)},
        **{
            group: {
                "version": VERSION,
                "revision": contract.revision,
                "group": group,
                "cases": [_case(contract, *row) for row in grouped[group].values()],
            }
            for group in sorted(grouped)
        },
    }


def group_of(requirement: str) -> str:
    """The group of a requirement: a field of the request, or a part of the answer."""
    first, *rest = requirement.split(".")
    return f"{first}.{rest[0]}" if first in ("request", "response", "error") else first


def _index(contract: Contract, groups: list[str], found: list[tuple[Case, list[Sample]]]) -> Json:
    answers = [answer for _, given in found for answer in given]
    return {
        "version": VERSION,
        "revision": contract.revision,
        "groups": groups,
        "client_scenarios": "../../schemas/client/scenarios.json",
        "requirements": [
            {
                "id": name,
                "level": requirement.level,
                "sentence": requirement.sentence,
                "cases": sum(case.requirement == name for case, _ in found),
                "kept": sum(name in answer.tried - answer.violations for answer in answers),
                "broken": sum(name in answer.violations for answer in answers),
                "beyond": BEYOND.get(name),
            }
            for name, requirement in contract.requirements.items()
        ],
    }


def _case(contract: Contract, case: Case, answers: list[Sample]) -> Json:
    return {
        "description": case.description,
        "requirement": case.requirement,
        "outcome": case.outcome,
        "request": _request(case.request),
        "expect": [
            {
                "requirement": row.requirement,
                "level": contract.requirements[row.requirement].level,
                "when": "ranked" if row.of_ranking else "any",
                "answer": row.answer,
            }
            for row in case.expected(contract)
        ],
        **({"shows": case.shows} if case.shows else {}),
        "answers": [
            {
                "description": answer.description,
                **_answer(answer.answer),
                "violations": sorted(answer.violations),
            }
            for answer in answers
        ],
    }


def _request(request: Request) -> Json:
    authorization = AUTHORIZATIONS.get(request.credential)
    content_type = request.content_type
    return {
        "method": request.method,
        "path": f"/v1{request.path}",
        "headers": {
            **({"authorization": authorization} if authorization else {}),
            **({"content-type": content_type} if content_type else {}),
        },
        **_body(request.content or b"", as_text=isinstance(request.body, bytes)),
    }


def _answer(answer: Answer) -> Json:
    return {"status": answer.status, "headers": dict(answer.headers), **_body(answer.body)}


def _body(content: bytes, *, as_text: bool = False) -> Json:
    """A body as JSON, or as text where it is none or its spelling counts."""
    is_json, value = parse_json(content)
    if is_json and not as_text and not any(map(_is_spelt, _leaves(value))):
        return {"body": value}
    return {"text": content.decode()}


def _is_spelt(value: Json) -> bool:
    """Whether a value is lost to readers for which 1.0 is 1."""
    return type(value) is float and value.is_integer()


def _leaves(value: Json) -> Iterator[Json]:
    if is_object(value):
        value = list(value.values())
    if is_array(value):
        for member in value:
            yield from _leaves(member)
    else:
        yield value


def written(value: Json, indent: str = "") -> str:
    """A value as JSON, in as few lines as can be read."""
    line = json.dumps(value, ensure_ascii=False)
    # These end lines in some editors, and in no JSON.
    line = line.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    inner = f"{indent} "
    if len(indent) + len(line) > WIDTH and is_object(value):
        rows = [f"{inner}{json.dumps(key)}: {written(one, inner)}" for key, one in value.items()]
        return "{\n" + ",\n".join(rows) + f"\n{indent}}}"
    if len(indent) + len(line) > WIDTH and is_array(value):
        return "[\n" + ",\n".join(inner + written(one, inner) for one in value) + f"\n{indent}]"
    return line


def texts() -> dict[str, str]:
    """All files, by their path below `vectors/`."""
    return {
        f"{revision}/{name}.json": written(value) + "\n"
        for revision in revisions()
        for name, value in files(load_contract(revision)).items()
    }


def archive(path: Path) -> None:
    """Pack the vectors with the schemas that they refer to; the same files make the same bytes."""
    with (
        path.open("wb") as file,
        gzip.GzipFile("", "wb", fileobj=file, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w") as members,
    ):
        for source in sorted((*TARGET.rglob("*.*"), *(ROOT / "schemas").rglob("*.*"))):
            member = tarfile.TarInfo(f"rerank-vectors/{source.relative_to(ROOT).as_posix()}")
            content = source.read_bytes()
            member.size = len(content)
            members.addfile(member, io.BytesIO(content))


def main() -> None:
    """Write the files; with the name of an archive, pack them as they are."""
    if len(sys.argv) > 1:
        archive(Path(sys.argv[1]))
        return
    for revision in revisions():
        shutil.rmtree(TARGET / revision, ignore_errors=True)
    for name, content in texts().items():
        (TARGET / name).parent.mkdir(parents=True, exist_ok=True)
        (TARGET / name).write_text(content, encoding="utf-8")


if __name__ == "__main__":
    main()
