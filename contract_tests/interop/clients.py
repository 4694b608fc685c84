"""The published clients: what each is called, how it is driven and what it needs."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

#: The programs that drive them, and the pins of what each needs.
DRIVERS = Path(__file__).parents[1] / "drivers"


@dataclass(frozen=True)
class Client:
    """A way to use a published library, with the program that drives it."""

    #: As it is called in reports.
    name: str
    #: The distribution that is used, the one with the version.
    package: str
    #: A file in `drivers`, and what it is called with.
    driver: Sequence[str]
    drivers: Path = DRIVERS

    @property
    def runtime(self) -> Literal["Python", "Node"]:
        """What runs it."""
        return "Python" if self.driver[0].endswith(".py") else "Node"

    @property
    def id(self) -> str:
        """The name of its driver, as the files beside that have it."""
        return Path(self.driver[0]).stem

    @property
    def pins(self) -> dict[str, str]:
        """What is to be installed: name of a file, as pip or npm has it -> its text."""
        names = (
            {"requirements.txt": f"{self.id}.txt"}
            if self.runtime == "Python"
            else {name: f"{self.id}.{name}" for name in ("package.json", "package-lock.json")}
        )
        return {
            name: (self.drivers / file).read_text(encoding="utf-8") for name, file in names.items()
        }

    @property
    def version(self) -> str:
        """The version that is pinned."""
        if self.runtime == "Node":
            return str(json.loads(self.pins["package.json"])["dependencies"][self.package])
        pins = self.pins["requirements.txt"]
        (version,) = re.findall(rf"^{re.escape(self.package)}==(\S+)", pins, re.MULTILINE)
        return str(version)


CLIENTS = (
    Client(
        "LlamaIndex",
        "llama-index-postprocessor-siliconflow-rerank",
        ("llama_index_siliconflow.py",),
    ),
    Client("LiteLLM", "litellm", ("litellm_rerank.py", "hosted_vllm")),
    Client("Cohere for Python", "cohere", ("cohere_sdk.py", "Client")),
    Client("rerankers", "rerankers", ("rerankers_api.py",)),
    Client("Cohere for Node", "cohere-ai", ("cohere_npm.cjs",)),
    Client("AI SDK", "@ai-sdk/cohere", ("ai_sdk_cohere.cjs",)),
)


def clients_named(names: Sequence[str], clients: Sequence[Client]) -> list[Client]:
    """Those that are called so, by name or package and in any case; all where no name is given."""
    wanted = {name.casefold() for name in names}
    return [client for client in clients if not wanted or _names(client) & wanted]


def _names(client: Client) -> set[str]:
    return {client.name.casefold(), client.package.casefold()}
