"""Advice for the author of a client, about what it sent."""
