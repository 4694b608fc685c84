"""The SARIF log has the structure that section 3 of the standard demands."""

import json
from dataclasses import replace
from urllib.parse import urlsplit

import pytest
from jsonschema import Draft202012Validator

from contract_tests.contract import AnyJson
from contract_tests.judging.outcomes import Outcome
from contract_tests.report.model import Report
from contract_tests.report.sarif import write
from tests.contract_tests.newest import REQUIREMENTS

from . import samples

MESSAGE: AnyJson = {
    "type": "object",
    "required": ["text"],
    "properties": {"text": {"type": "string", "minLength": 1}, "markdown": {"type": "string"}},
    "additionalProperties": False,
}
HEADERS: AnyJson = {"type": "object", "additionalProperties": {"type": "string"}}
BODY: AnyJson = {
    "type": "object",
    "required": ["text"],
    "properties": {"text": {"type": "string"}},
    "additionalProperties": False,
}
LEVEL: AnyJson = {"enum": ["none", "note", "warning", "error"]}
#: What we write, after the schema of SARIF 2.1.0: names, types and values are those of it.
SCHEMA: AnyJson = {
    "type": "object",
    "required": ["$schema", "version", "runs"],
    "properties": {
        "version": {"const": "2.1.0"},
        "runs": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["tool", "invocations", "results"],
                "additionalProperties": False,
                "properties": {
                    "properties": {"type": "object"},
                    "tool": {
                        "type": "object",
                        "properties": {
                            "driver": {
                                "type": "object",
                                "required": ["name", "rules"],
                                "additionalProperties": False,
                                "properties": {
                                    "name": {"type": "string"},
                                    "rules": {
                                        "type": "array",
                                        "uniqueItems": True,
                                        "items": {
                                            "type": "object",
                                            "required": [
                                                "id",
                                                "shortDescription",
                                                "fullDescription",
                                                "help",
                                            ],
                                            "additionalProperties": False,
                                            "properties": {
                                                "id": {"type": "string"},
                                                "shortDescription": MESSAGE,
                                                "fullDescription": MESSAGE,
                                                "help": MESSAGE,
                                                "defaultConfiguration": {
                                                    "properties": {"level": LEVEL},
                                                    "additionalProperties": False,
                                                },
                                                "properties": {
                                                    "properties": {
                                                        "tags": {
                                                            "type": "array",
                                                            "uniqueItems": True,
                                                            "items": {"type": "string"},
                                                        }
                                                    }
                                                },
                                            },
                                        },
                                    },
                                },
                            }
                        },
                    },
                    "invocations": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["executionSuccessful"],
                            "additionalProperties": False,
                            "properties": {
                                "executionSuccessful": {"type": "boolean"},
                                "exitCode": {"type": "integer"},
                                "toolExecutionNotifications": {
                                    "type": "array",
                                    "items": {
                                        "type": "object",
                                        "required": ["message"],
                                        "additionalProperties": False,
                                        "properties": {
                                            "level": LEVEL,
                                            "message": MESSAGE,
                                            "properties": {"type": "object"},
                                        },
                                    },
                                },
                            },
                        },
                    },
                    "results": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["message", "ruleId", "locations"],
                            "additionalProperties": False,
                            "properties": {
                                "ruleId": {"type": "string"},
                                "ruleIndex": {"type": "integer", "minimum": 0},
                                "kind": {"const": "fail"},
                                "level": LEVEL,
                                "message": MESSAGE,
                                "locations": {
                                    "type": "array",
                                    "minItems": 1,
                                    "items": {
                                        "required": ["physicalLocation", "logicalLocations"],
                                        "properties": {
                                            "logicalLocations": {
                                                "items": {
                                                    "required": ["fullyQualifiedName"],
                                                    "properties": {
                                                        "fullyQualifiedName": {
                                                            "type": "string",
                                                            "pattern": r"^\w.*\w$",
                                                        }
                                                    },
                                                }
                                            }
                                        },
                                    },
                                },
                                "partialFingerprints": HEADERS,
                                "properties": {"type": "object"},
                                "webRequest": {
                                    "type": "object",
                                    "additionalProperties": False,
                                    "properties": {
                                        "protocol": {"const": "HTTP"},
                                        "method": {"type": "string"},
                                        "target": {"type": "string"},
                                        "headers": HEADERS,
                                        "body": BODY,
                                    },
                                },
                                "webResponse": {
                                    "type": "object",
                                    "additionalProperties": False,
                                    "properties": {
                                        "protocol": {"const": "HTTP"},
                                        "statusCode": {"type": "integer"},
                                        "headers": HEADERS,
                                        "body": BODY,
                                        "noResponseReceived": {"type": "boolean"},
                                        "properties": {"type": "object"},
                                    },
                                },
                            },
                        },
                    },
                },
            },
        },
    },
}
REPORTS = [
    samples.CONFORMING,
    samples.VIOLATING,
    samples.ATTACKED,
    samples.UNFINISHED,
    samples.BROKEN,
]


def run_of(report: Report) -> AnyJson:
    return json.loads(write(report).encode("utf-8", "backslashreplace"))["runs"][0]


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: report.verdict.value)
def test_the_log_has_the_structure_of_the_standard(report: Report) -> None:
    log: AnyJson = json.loads(write(report).encode("utf-8", "backslashreplace"))
    problems = [error.message for error in Draft202012Validator(SCHEMA).iter_errors(log)]  # pyright: ignore[reportUnknownMemberType] - untyped overload
    assert problems == []


def test_every_requirement_is_a_rule_with_help() -> None:
    rules = run_of(samples.CONFORMING)["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == list(REQUIREMENTS)
    assert all(f"--only={rule['id']}" in rule["help"]["text"] for rule in rules)


def test_every_violation_is_a_result_of_its_rule() -> None:
    run = run_of(samples.VIOLATING)
    rules = run["tool"]["driver"]["rules"]
    told = {result["ruleId"]: result for result in run["results"]}
    assert {name: result["level"] for name, result in told.items()} == {
        "authorization.required": "error",
        "request.top_n.count": "error",
        "response.results.index.permutation": "warning",
    }
    for name, result in told.items():
        assert rules[result["ruleIndex"]]["id"] == name
        (location,) = result["locations"]
        place = location["physicalLocation"]["artifactLocation"]["uri"]
        assert place == "rerank.example/v1/rerank"
    request = told["request.top_n.count"]["webRequest"]
    assert json.loads(request["body"]["text"]) == samples.BODY
    assert request["headers"]["Authorization"] == "Bearer $SILICONFLOW_API_KEY"
    assert "Authorization" not in told["authorization.required"]["webRequest"]["headers"]


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("mock", "127.0.0.1_8787/v1/rerank"),
        ("server", "127.0.0.1_8787/v1/rerank"),
        ("http://localhost:8787/v1", "localhost_8787/v1/rerank"),
        ("https://host/v1", "host/v1/rerank"),
        ("https://[::1]:80/a%20b/v1", "__1_80/a%20b/v1/rerank"),
    ],
)
def test_code_scanning_takes_the_place_for_a_file(target: str, path: str) -> None:
    """It refuses the whole log where one location has a scheme, and asks for a line in each."""
    violating = samples.VIOLATING
    results = run_of(replace(violating, target=target))["results"]
    assert results
    for result in results:
        (location,) = result["locations"]
        place = location["physicalLocation"]["artifactLocation"]["uri"]
        assert urlsplit(place)[:2] == ("", "")
        assert place == path
        assert location["physicalLocation"]["region"] == {"startLine": 1}


def test_code_scanning_knows_a_result_again_by_its_requirement_and_test() -> None:
    first, second = (
        [row["partialFingerprints"]["primaryLocationLineHash"] for row in run_of(one)["results"]]
        for one in (samples.VIOLATING, replace(samples.VIOLATING, seed=5))
    )
    assert first == second
    assert len(set(first)) == len(first)


@pytest.mark.parametrize(
    ("report", "successful", "notified"),
    [
        (samples.CONFORMING, True, []),
        (samples.UNFINISHED, False, ["inconclusive: the budget of 50 requests is spent"]),
        (samples.BROKEN, False, ["broken: KeyError in test_it: 'index'"]),
    ],
    ids=["conforms", "inconclusive", "broken"],
)
def test_no_results_are_not_taken_for_success(
    report: Report, *, successful: bool, notified: list[str]
) -> None:
    run = run_of(report)
    (invocation,) = run["invocations"]
    assert run["results"] == []
    assert invocation["executionSuccessful"] is successful
    told = [row["message"]["text"] for row in invocation["toolExecutionNotifications"]]
    assert told == notified


def test_a_long_answer_is_cut() -> None:
    long = samples.exchange(b'{"id": "' + b"x" * 200_000 + b'"}')
    violation = samples.violation("response.id.unique", long)
    entry = samples.entry("response.id.unique", Outcome.FAILED, violations=(violation,))
    (result,) = json.loads(write(samples.report(entry)))["runs"][0]["results"]
    assert result["webResponse"]["body"]["text"].endswith("… (200010 characters)")
    assert len(str(result)) < 30_000
