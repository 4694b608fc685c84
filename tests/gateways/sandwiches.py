"""Gateways between a caller and a mock, and what is recorded of them in `sandwiches.json`."""

import json
import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .gateways import GATEWAYS, HERE, ROOT, Gateway

RECORD = HERE / "sandwiches.json"
MODELS = ("BAAI/bge-reranker-v2-m3", "Qwen/Qwen3-Reranker-0.6B", "Qwen/Qwen3-VL-Reranker-8B")
_KEYS = {"UPSTREAM_KEY": "sk-upstream-of-a-gateway", "CALLER_KEY": "sk-caller-of-a-gateway"}
#: Headers that configure Portkey, and the variables with their values.
_PORTKEY = {"x-portkey-provider": "PROVIDER", "x-portkey-custom-host": "CUSTOM_HOST"}


@dataclass(frozen=True)
class Sandwich:
    """A gateway that is driven from both sides."""

    #: As it is called in the record and on the page.
    name: str
    gateway: Gateway
    #: What stands before the names of models at the front.
    route: str = ""


def _gateway(name: str) -> Gateway:
    return next(gateway for gateway in GATEWAYS if gateway.name == name)


SANDWICHES = (
    Sandwich("nginx", _gateway("nginx")),
    Sandwich("nginx with pages for errors", _gateway("nginx with pages for errors")),
    Sandwich(
        "nginx with a cache by path and body", _gateway("nginx with a cache by path and body")
    ),
    Sandwich("haproxy", _gateway("haproxy")),
    Sandwich("LiteLLM, hosted_vllm", _gateway("LiteLLM")),
    Sandwich("LiteLLM, infinity", _gateway("LiteLLM"), "infinity/"),
    Sandwich("LiteLLM, jina_ai", _gateway("LiteLLM"), "jina_ai/"),
    Sandwich("LiteLLM, cohere", _gateway("LiteLLM"), "cohere/"),
    Sandwich("Portkey 1.9", Gateway("Portkey 1.9", "portkey-1.9")),
    Sandwich("Portkey 1.15", Gateway("Portkey 1.15", "portkey-1.15")),
)


def recorded() -> dict[str, Any]:
    """Return what is recorded, by the name of the sandwich."""
    read: dict[str, Any] = json.loads(RECORD.read_text(encoding="utf-8"))
    return read


def driven(sandwich: Sandwich, folder: Path) -> dict[str, Any]:
    """Drive a gateway from both sides; return what is to be recorded of it."""
    has_keys = sandwich.gateway.program == "litellm"
    caller_key = _KEYS["CALLER_KEY"] if has_keys else None
    report = folder / "report.json"
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    headers = [f"--header-env={name}={variable}" for name, variable in _PORTKEY.items()]
    upstream = f"http://127.0.0.1:{port}/v1"
    running = sandwich.gateway.running(upstream, _KEYS["UPSTREAM_KEY"], folder, caller_key)
    with running as base_url:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "contract_tests", "gateway", f"--target={base_url}"),
                *(f"--upstream-port={port}", "--upstream-key-env=UPSTREAM_KEY"),
                *(["--api-key-env=CALLER_KEY"] if has_keys else []),
                *(f"--model={sandwich.route}{name}={name}" for name in MODELS),
                *(headers if sandwich.gateway.program.startswith("portkey") else []),
                f"--report-json={report}",
            ],
            check=False,  # the verdict is the exit code
            cwd=ROOT,
            env={**os.environ, **_KEYS, "PROVIDER": "openai", "CUSTOM_HOST": upstream},
            capture_output=True,
            text=True,
        )
    if not report.exists():
        raise RuntimeError(done.stdout + done.stderr)
    read = json.loads(report.read_text(encoding="utf-8"))
    return {
        "version": sandwich.gateway.version(),
        "verdict": read["verdict"],
        **{
            verdict: [row["id"] for row in read["checks"] if row["verdict"] == verdict]
            for verdict in ("broken", "differs", "not seen")
        },
        "upstream_calls": {row["failure"]: row["upstream_calls"] for row in read["failures"]},
    }
