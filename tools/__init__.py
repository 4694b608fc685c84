"""What maintainers run: the generator of the OpenAPI document."""
