"""What lasts from one request to the next."""
