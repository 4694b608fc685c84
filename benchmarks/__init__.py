"""What the mock costs, as ratios to bare baselines in the same run."""
