"""Stub until the mock lands."""
