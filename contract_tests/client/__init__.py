"""Grades clients: runs them against a mock process and reads its journal."""
