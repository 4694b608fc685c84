"""Sends what the tests draw, within limits, and keeps what is learnt about each requirement."""
