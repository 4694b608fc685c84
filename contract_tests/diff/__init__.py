"""What changed between two of a kind: revisions, observations, reports or recordings."""
