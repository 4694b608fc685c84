"""Adapters: the mock at a socket, inside httpx, and in the log."""
