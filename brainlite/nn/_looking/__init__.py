"""Looking at a model: tables of it, and what passes through it as it runs."""
