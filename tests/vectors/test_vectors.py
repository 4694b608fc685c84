"""The vectors are what the contract makes of them, and mock and judge agree with each."""

import json
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator

from contract_tests.checks.oracle import NonconformingError, assert_conforms
from contract_tests.contract import REVISIONS, AnyJson, load_contract, revisions
from contract_tests.exchanges import parse_json
from mockserver.testing.contexts import mock_rerank
from tests.schemas.data import TABLE_SCHEMAS, errors
from tools import vectors

#: Stands for the key: the oracle looks for no short ones.
KEY = "sk-rerank-contract-vectors"
#: What a request is to be refused with is more than one exchange can tell without the case.
OF_THE_CASE = (
    "endpoint.",
    "authorization.",
    "request.",
    "error.status.bad_request",
    "error.status.unauthorized",
    "error.model_not_found.code",
)


def read(revision: str, name: str) -> AnyJson:
    path = vectors.TARGET / revision / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8"))


def cases(revision: str) -> Iterator[tuple[str, AnyJson]]:
    """Every case, with the group that it stands in."""
    for group in read(revision, "index")["groups"]:
        for case in read(revision, group)["cases"]:
            yield group, case


def sent(given: AnyJson) -> str:
    """A body as it is sent."""
    return given["text"] if "text" in given else json.dumps(given["body"])


def keeps(schema: AnyJson, status: int, headers: dict[str, str], text: str) -> bool:
    is_json, body = parse_json(text.encode())
    seen = {"status": status, "headers": headers, "body": body if is_json else text}
    validator: Any = Draft202012Validator(schema)
    valid: bool = validator.is_valid({**seen, "is_json": is_json})
    return valid


def test_the_vectors_are_up_to_date() -> None:
    files = [path for path in vectors.TARGET.rglob("*.json") if path.is_file()]
    texts = {path.relative_to(vectors.TARGET).as_posix(): path.read_text("utf-8") for path in files}
    assert texts == vectors.texts(), "run `make vectors`"


@pytest.mark.parametrize("revision", revisions())
def test_the_files_obey_their_schemas(revision: str) -> None:
    index = read(revision, "index")
    assert errors(TABLE_SCHEMAS["vector_index"], index) == []
    assert errors(TABLE_SCHEMAS["vector_rules"], read(revision, "rules")) == []
    for group in index["groups"]:
        assert errors(TABLE_SCHEMAS["vectors"], read(revision, group)) == [], group
    scenarios = vectors.TARGET / revision / index["client_scenarios"]
    assert json.loads(scenarios.read_text(encoding="utf-8"))["scenarios"]


@pytest.mark.parametrize("revision", revisions())
def test_every_description_stands_once_in_its_file(revision: str) -> None:
    named = [(group, case["description"]) for group, case in cases(revision)]
    assert len(named) == len(set(named))
    for group, case in cases(revision):
        answers = [answer["description"] for answer in case["answers"]]
        assert len(answers) == len(set(answers)), (group, case["description"])


@pytest.mark.parametrize("revision", revisions())
def test_each_requirement_is_kept_and_broken_or_says_why_not(revision: str) -> None:
    for row in read(revision, "index")["requirements"]:
        both = row["kept"] > 0 and row["broken"] > 0
        is_open = row["level"] == "open" and (row["cases"] > 0 or row["beyond"])
        assert both or row["beyond"] or is_open, row["id"]


def test_nothing_is_explained_that_does_not_exist() -> None:
    known = {name for revision in revisions() for name in load_contract(revision).requirements}
    assert vectors.BEYOND.keys() <= known


@pytest.mark.parametrize("revision", revisions())
def test_the_oracle_finds_the_violations_of_each_answer(revision: str) -> None:
    judged = 0
    for group, case in cases(revision):
        request = case["request"]
        if request["path"] != "/v1/rerank" or request["method"] != "POST" or "body" not in request:
            continue
        for answer in case["answers"]:
            found: set[str] = set()
            given = (answer["status"], answer["headers"], sent(answer).replace("{key}", KEY))
            # Only from a request with its headers does the oracle know the key.
            asked = httpx.Request(
                "POST",
                "http://127.0.0.1/v1/rerank",
                headers={**request["headers"], "authorization": f"Bearer {KEY}"},
                content=sent(request),
            )
            try:
                assert_conforms(asked, given, strict=True, revision=revision)
            except NonconformingError as error:
                found = {violation.requirement for violation in error.violations}
            wanted = set(answer["violations"])
            place = (group, case["description"], answer["description"])
            assert found <= wanted, place
            assert all(name.startswith(OF_THE_CASE) for name in wanted - found), place
            judged += 1
    assert judged > 200


@pytest.mark.filterwarnings("ignore::mockserver.testing.expectations.AdviceWarning")
@pytest.mark.parametrize("revision", revisions())
def test_the_mock_answers_each_request_as_expected(revision: str) -> None:
    rules = read(revision, "rules")
    with (
        mock_rerank(revision=revision, fail_on="nothing") as mock,
        httpx.Client(base_url=mock.base_url.removesuffix("/v1")) as client,
    ):
        key = mock.api_key
        keys = {"{key}": key, "{key_cut}": key[:-1], "{key_in_other_case}": key.swapcase()}
        for group, case in cases(revision):
            request = case["request"]
            headers = request["headers"]
            for name, filled in keys.items():
                headers = {field: value.replace(name, filled) for field, value in headers.items()}
            content = sent(request).encode() or None
            answer = client.request(
                request["method"], request["path"], headers=headers, content=content
            )
            given = (answer.status_code, dict(answer.headers), answer.text)
            for row in case["expect"]:
                if keeps(rules["conditions"][row["when"]], *given):
                    place = (group, case["description"], row["requirement"])
                    assert keeps(row["answer"], *given), place
            shown = [
                name for name, schema in case.get("shows", {}).items() if keeps(schema, *given)
            ]
            assert len(shown) == ("shows" in case), case["description"]


def keywords(node: AnyJson) -> Iterator[str]:
    """The keywords of a JSON Schema, and of all schemas inside it."""
    for keyword, value in node.items():
        yield keyword
        if keyword == "properties":
            inner = list(value.values())
        else:
            inner = value if keyword in ("allOf", "anyOf") else [value]
        for schema in inner:
            if isinstance(schema, dict) and keyword != "const":
                yield from keywords(schema)


def test_the_guide_shows_a_case_and_names_every_keyword_and_check() -> None:
    guide = (vectors.ROOT / "docs" / "vectors.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```json\n(.*?)^```$", guide, re.MULTILINE | re.DOTALL)
    case_schema = {"$ref": f"{TABLE_SCHEMAS['vectors']['$id']}#/$defs/case"}
    assert errors(case_schema, json.loads(example)) == []

    used: set[str] = set()
    for revision in revisions():
        rules = read(revision, "rules")
        schemas = [*rules["conditions"].values()]
        schemas += [rule["answer"] for rule in rules["rules"] if "answer" in rule]
        for _, case in cases(revision):
            schemas += [row["answer"] for row in case["expect"]]
            schemas += [*case.get("shows", {}).values()]
        used |= {keyword for schema in schemas for keyword in keywords(schema)}
        used |= {rule["check"] for rule in rules["rules"] if "check" in rule}
    told = guide.partition("## How to judge an answer")[2].partition("## What they do not")[0]
    assert used <= set(re.findall(r"`(\w+)`", told))
    listed = re.search(r"Only these keywords occur: (.*?)\. Five checks", told, re.DOTALL)
    assert listed is not None
    assert set(re.findall(r"`(\w+)`", listed[1])) <= used


def test_an_archive_holds_all_that_the_vectors_refer_to(tmp_path: Path) -> None:
    vectors.archive(tmp_path / "one.tar.gz")
    vectors.archive(tmp_path / "two.tar.gz")

    assert (tmp_path / "one.tar.gz").read_bytes() == (tmp_path / "two.tar.gz").read_bytes()
    with tarfile.open(tmp_path / "one.tar.gz") as packed:
        names = packed.getnames()
    front = "rerank-vectors"
    assert {f"{front}/vectors/runner.mjs", f"{front}/schemas/client/scenarios.json"} <= {*names}
    assert {f"{front}/vectors/{path.name}/index.json" for path in REVISIONS.iterdir()} <= {*names}
