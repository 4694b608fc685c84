"""What the mock keeps from one request to the next."""
