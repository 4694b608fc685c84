"""Proves the judge: targets that break one requirement, and targets that differ and conform."""
