"""Initialisers, which ``brainlite.nn.init`` gathers."""
