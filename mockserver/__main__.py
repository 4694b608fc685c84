"""The command `rerank-mock`."""

import signal


def main(arguments: list[str] | None = None) -> None:
    """Run the command, and exit with its status."""
    # Ctrl-C while modules are imported ends the process without a traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from .command.main import run  # noqa: PLC0415 - see above

    run(arguments)


if __name__ == "__main__":
    main()
