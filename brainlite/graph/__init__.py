"""Object graphs: nodes that hold states and other nodes, taken apart and put together.

The words
---------
node
    An object whose attributes are part of the graph (:class:`Node`; every module is one), or an
    object of a class that is registered with :func:`register_graph_node_type`.
container
    A list, tuple or dict in an attribute, which is looked into. So are dataclasses, and what is
    registered with ``jax.tree_util``, where they hold a state or a node. They have no identity: one
    that sits in two places comes out as two. Anything else is *static*.
path
    How an object is reached from the root: attribute names, dict keys and list indices.
split, merge
    A graph is a structure (:class:`GraphDef`) and the values of its states (:class:`StateDict`).
    ``merge(*split(model))`` is a copy of the model.
guard
    A note that a traced function read an attribute, checked before a compilation is reused.

The invariant
-------------
Every node and state is met once, under the path where a walk (parents first, attributes in
the order in which they were set) meets it first. So sharing and cycles survive every
operation: what was one object comes out as one object.

The cases it guards
-------------------
- An array assigned over an attribute that holds a state raises: it would drop the parameter.
- While a function is traced, attributes set to states and nodes stay in the frame until the
  transform ends well; an exception leaves the graph as it was.
- Containers may be edited in place at any time; whoever relies on their content compares it.
"""

from brainlite.graph._catching import NewStateCatcher, catch_new_states
from brainlite.graph._filters import (
    All,
    Any,
    Everything,
    Not,
    Nothing,
    OfType,
    PathContains,
    WithTag,
    to_predicate,
)
from brainlite.graph._find import nodes, states, treefy_states
from brainlite.graph._foreign import register_graph_node_type
from brainlite.graph._graphdef import GraphDef
from brainlite.graph._node import Node
from brainlite.graph._operations import clone, graphdef, merge, split, update_states
from brainlite.graph._pop import pop_states
from brainlite.graph._state_dict import NestedDict, StateDict
from brainlite.graph._walk import iter_leaf, iter_node

# The names of brainstate for the same things.
treefy_split = split
treefy_merge = merge
flatten = split
unflatten = merge
update = update_states
FlattedDict = StateDict

__all__ = [
    "All",
    "Any",
    "Everything",
    "FlattedDict",
    "GraphDef",
    "NestedDict",
    "NewStateCatcher",
    "Node",
    "Not",
    "Nothing",
    "OfType",
    "PathContains",
    "StateDict",
    "WithTag",
    "catch_new_states",
    "clone",
    "flatten",
    "graphdef",
    "iter_leaf",
    "iter_node",
    "merge",
    "nodes",
    "pop_states",
    "register_graph_node_type",
    "split",
    "states",
    "to_predicate",
    "treefy_merge",
    "treefy_split",
    "treefy_states",
    "unflatten",
    "update",
    "update_states",
]
