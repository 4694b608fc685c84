"""Where the published clients are installed for grading, and what they are run with."""

import os
from pathlib import Path

from contract_tests.interop.clients import Client
from contract_tests.interop.installing import command, install, needed_variables

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
#: Where `make clients` installs them.
INSTALLED = ROOT / ".venv-clients"


def installed(client: Client) -> list[str]:
    """Install a client unless it is there; return the command that drives it."""
    install(client, INSTALLED, os.environ)
    return command(client, INSTALLED)


def environment(client: Client, **further: str) -> dict[str, str]:
    """Return the environment that its driver runs in."""
    return {**os.environ, **needed_variables(client, INSTALLED), **further}
