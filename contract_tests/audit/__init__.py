"""A third product: judges recorded traffic, offline."""
