"""The version of this package."""

from importlib.metadata import PackageNotFoundError, version


def installed() -> str:
    """Return the version that is installed."""
    try:
        return version("rerank-contract")
    except PackageNotFoundError:
        return "(not installed)"
