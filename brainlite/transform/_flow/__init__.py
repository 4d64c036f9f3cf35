"""Control flow: loops and branches that write states.

A body is lifted once by the engine and handed to jax as a pure function; written states are the
carry (``_loops``, ``_while``, ``_bounded``, ``_checkpointed``) or the result of every branch
(``_branches``). ``_checkpoint`` computes a part again when its derivative is taken, ``_map`` goes
through batches, ``_progress`` shows how far a loop is, ``_checks`` turns checks of values into
errors.
"""
