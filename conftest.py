"""Plugs the mock of this checkout into pytest; an installed package does so by its entry point."""

pytest_plugins = ["mockserver.pytest_plugin"]
