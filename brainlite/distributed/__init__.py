"""One model on many devices, and on many machines: the same program.

The words
---------
mesh
    The devices in a grid with named axes: ``mesh(data=-1, model=2)``.
spec
    How an array is cut: for each of its axes the axis of the mesh over which it is, or None. What
    is not cut is whole on each device.
rule
    A filter that selects states, with a spec for them. The first that selects a state counts.
placed
    Of a state: it declares where it lives (:attr:`brainlite.State.sharding`), and stays there,
    whatever writes it.

The invariant
-------------
**A placed model computes what it computed before**, up to the rounding of sums in another order. A
program says where things are, the compiler adds what devices must tell each other, and no code of
the model changes.

The cases it guards
-------------------
- Rules are checked before anything is placed: an axis that does not divide, a spec of too many
  axes, a filter that selects nothing and a name that is not there raise, and nothing is placed.
- Several processes run the same program. Where they would make different models, or draw different
  random numbers, all of them raise.
- A model is born in its parts (``make``), loaded into them, and gathered one array at a time.

Examples
--------
>>> from brainlite import distributed, nn
>>> mesh = distributed.mesh(data=-1)
>>> rules = [(..., distributed.fsdp(mesh, "data"))]
>>> model = distributed.make(lambda: nn.Linear(8, 16), mesh, rules)
>>> x = distributed.batch(jnp.ones((8, 8)), mesh)
>>> brainlite.transform.jit(model)(x).shape
(8, 16)
"""

from brainlite.distributed import rules
from brainlite.distributed._batch import Feed, batch, feed
from brainlite.distributed._exchange import Exchange, Exchanges, exchanges
from brainlite.distributed._layout import Rules, Spec, fsdp
from brainlite.distributed._make import gather, make, place
from brainlite.distributed._mesh import initialize, mesh
from brainlite.distributed._plan import Plan, plan
from brainlite.distributed._show import Picture, show

__all__ = [
    "Exchange",
    "Exchanges",
    "Feed",
    "Picture",
    "Plan",
    "Rules",
    "Spec",
    "batch",
    "exchanges",
    "feed",
    "fsdp",
    "gather",
    "initialize",
    "make",
    "mesh",
    "place",
    "plan",
    "rules",
    "show",
]
