"""Remarks for the author of a client, on what it sent."""
