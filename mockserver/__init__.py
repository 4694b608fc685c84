"""The mock: a request goes in, and what the service would answer comes out."""
