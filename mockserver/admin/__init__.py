"""The protocol that steers the mock: `/__admin`."""
