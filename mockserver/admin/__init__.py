"""The HTTP API that controls the mock: `/__admin`."""
