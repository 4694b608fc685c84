"""The gateway sandwich: the judge in front of a gateway, and a mock behind it."""
