"""Reading the files that a user names."""

import json
from pathlib import Path

from .contract import AnyJson


def read_json(path: Path, error: type[ValueError]) -> AnyJson:
    """Return the JSON in a file. Raises `error`, with what is wrong."""
    try:
        return json.loads(path.read_text("utf-8"))
    except OSError as problem:
        raise error(f"{path} cannot be read: {problem.strerror}") from None
    except RecursionError:
        raise error(f"{path} is nested too deeply") from None
    except ValueError as problem:
        raise error(f"{path} is not JSON in UTF-8: {problem}") from None
