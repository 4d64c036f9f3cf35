"""What every model has: Module and its habits, containers, and what is done with a whole model."""
