"""The report of a run: one model, and one writer for each form of it."""
