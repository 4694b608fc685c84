"""Scripted runs of answers and faults."""
