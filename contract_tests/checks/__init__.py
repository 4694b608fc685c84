"""Checks of single answers, relations between answers, and the oracle for one exchange."""
