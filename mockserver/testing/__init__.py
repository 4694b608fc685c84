"""What tests hold: fixtures, calls, expectations."""
