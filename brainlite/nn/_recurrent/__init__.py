"""Recurrent networks: cells, layers over whole sequences, and the loops that run them."""
