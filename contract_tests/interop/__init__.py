"""Runs published clients against a target, and says which of them work with it."""
