"""The environment: settings that layers read while they run.

One dict of settings holds for the whole process (:func:`set`); :func:`context` lays others over it
for the length of a ``with`` block, in this thread or asyncio task alone. The keys that the
library itself reads are ``fit`` (training or not: dropout, batch statistics), ``dt`` and ``t`` (the
time step and the time of a simulation) and ``precision`` (the width of floats in bits: 16, 32, 64
or ``'bf16'``; at 64 jax is switched to 64 bits for as long). ``platform`` and
``host_device_count`` are jax's own: they say where it computes. Any other key is the user's own.

A compiled function never goes stale over a setting: it notes which keys it read, and runs again
from Python when one of them has changed. What changes at each step is an *input* instead, which
costs no compilation: ``t`` and ``i``, the time and the number of a step, and any setting that is
an array (or a quantity, or another pytree of arrays that is no list, tuple or dict). Inside a
compiled function such a setting is traced, as an argument is.

Examples
--------
>>> with brainlite.environ.context(fit=True, dt=0.1):
...     brainlite.environ.get("fit"), brainlite.environ.get_dt()
(True, 0.1)
>>> brainlite.environ.get("fit", default=False)
False
"""

from brainlite.environ._precision import (
    dctype,
    dftype,
    ditype,
    dutype,
    get_precision,
    set_precision,
)
from brainlite.environ._settings import all, context, get, get_dt, pop, reset, set
from brainlite.environ._switches import (
    get_host_device_count,
    get_platform,
    set_host_device_count,
    set_platform,
)

__all__ = [
    "all",
    "context",
    "dctype",
    "dftype",
    "ditype",
    "dutype",
    "get",
    "get_dt",
    "get_host_device_count",
    "get_platform",
    "get_precision",
    "pop",
    "reset",
    "set",
    "set_host_device_count",
    "set_platform",
    "set_precision",
]
