"""Layers without a memory, one family a file."""
