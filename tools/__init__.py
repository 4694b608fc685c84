"""What maintainers run: the generators of the OpenAPI document and of the evidence."""
