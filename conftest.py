"""Plugs mock and oracle of this checkout into pytest; installed, they come by entry points."""

pytest_plugins = ["mockserver.testing.plugin", "contract_tests.pytest_plugin"]
