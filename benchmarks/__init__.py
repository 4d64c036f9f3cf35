"""Benchmarks: what brainlite costs beside plain JAX, and beside its peers.

One file answers one question. Each runs by itself and prints its table::

    python -m benchmarks.dispatch

``make bench`` makes the environment (``requirements/bench.in``), runs all of them, and prints one
table; with ``BENCH_OPTIONS=--write`` it also writes ``docs/benchmarks.md``.

Every figure is a ratio: what is measured and its reference take turns in one process, and the
median of the ratios of neighbours is what counts. A slow machine or a busy neighbour slows
both, so the ratio holds where the times do not.
"""
