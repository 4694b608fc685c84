"""The commands of `rerank-mock`."""
