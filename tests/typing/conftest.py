"""The code that is checked for types is not run."""

collect_ignore = ["accepted", "refused", "downstream"]
