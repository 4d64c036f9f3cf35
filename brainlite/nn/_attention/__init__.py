"""Attention and transformers, with caches for writing step by step."""
