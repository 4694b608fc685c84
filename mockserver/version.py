"""The version of this package."""


def installed() -> str:
    """Return the version that is installed."""
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - takes long

    try:
        return version("rerank-contract")
    except PackageNotFoundError:
        return "(not installed)"
