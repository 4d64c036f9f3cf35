"""Functions without parameters, which ``brainlite.nn.functional`` gathers."""
