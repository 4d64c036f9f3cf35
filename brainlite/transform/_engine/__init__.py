"""The engine: run a function of states once, get a pure function of values.

Read in this order: ``_lift`` traces the function in a frame and finds what it reads and writes,
``_effects`` says what the writes were and puts the new values in place, ``_call`` and
``_arguments`` take modules and states out of the arguments and put copies back, ``_returned`` does
so with the result, ``_eager`` runs what is lifted without compiling it anew each time. The rest are
their parts: options (``_options``), what a transformed function is (``_transformed``), where a
value came from (``_origin``) and what is no value (``_values``), for messages; what compiled code
reports (``_reports``, ``_nonfinite``); variables (``_reach``) and traced values left in them
(``_escapes``); keys of threads that draw at once (``_drawing``), watchers (``_watch``), and runs
under ``jax.disable_jit`` (``_plain``).

It decides nothing about any transform: the other wings do, and it knows none of them.
"""
