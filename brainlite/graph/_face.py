"""What other rooms may use of the inside of graphs.

Each name with what it promises; all else in here may change without a word.
"""

# Types of plain values, which are compared by value.
from brainlite.graph._contents import ATOMS as ATOMS

# The role of a dataclass, or of a pytree of a class of its own.
from brainlite.graph._contents import RECORD as RECORD

# What every node is an instance of.
from brainlite.graph._contents import NodeBase as NodeBase

# The keys and items of a container; nothing for all else.
from brainlite.graph._contents import container_items as container_items

# A path as a name: 'layers.0.weight'.
from brainlite.graph._contents import dotted as dotted

# Paths for a message: some, and how many more there are.
from brainlite.graph._contents import dotted_list as dotted_list

# The states and nodes in a value, with paths, in their order.
from brainlite.graph._contents import graph_below as graph_below

# Whether there is a state or a node in a value.
from brainlite.graph._contents import holds_graph as holds_graph

# Takes a container apart.
from brainlite.graph._contents import open_container as open_container

# Puts one together from what ``open_container`` gave.
from brainlite.graph._contents import remake as remake

# What a value is to a graph: node, state, container, record, static.
from brainlite.graph._contents import role_of as role_of

# Each list and dict in a value with a copy of what it holds.
from brainlite.graph._edits import contents_of as contents_of

# Whether a list or dict was edited since its copy was taken.
from brainlite.graph._edits import differ as differ

# Puts the items of a copy back in place.
from brainlite.graph._edits import refill as refill

# The type of a filter whose result has one kind of state.
from brainlite.graph._filters import StateFilter as StateFilter

# Puts entries into the bin of the first filter that selects them, and says what is left.
from brainlite.graph._filters import sort as sort

# The classes that are registered as nodes; read only.
from brainlite.graph._foreign import node_types as node_types

# A structure with the objects that it was taken from.
from brainlite.graph._graphdef import Described as Described

# Makes the graph that a structure describes, around given states.
from brainlite.graph._graphdef import build as build

# Takes the structure of graphs, sharing and cycles included.
from brainlite.graph._graphdef import describe as describe

# What a trace read, and whether it still holds.
from brainlite.graph._guards import Guards as Guards

# Which object of a call stands for which one of the trace.
from brainlite.graph._guards import Renaming as Renaming

# A container that is compared, since nothing tells when it is edited.
from brainlite.graph._guards import Watched as Watched

# What a note of an attribute would say now.
from brainlite.graph._guards import current_note as current_note

# Whether two settings are one to a compilation.
from brainlite.graph._guards import same_value as same_value

# An attribute as it was before a frame set it.
from brainlite.graph._node import before as before

# The attributes of a node, in the current frame.
from brainlite.graph._node import fields as fields

# The attributes of a node, in a given frame.
from brainlite.graph._node import fields_in as fields_in

# The path of one object below another.
from brainlite.graph._node import find_path as find_path

# The attributes of a node, past any frame and unseen by it.
from brainlite.graph._node import node_dict as node_dict

# Tells a frame that its trace depends on an attribute.
from brainlite.graph._node import note as note

# What is in a value, containers with keys of any kind included.
from brainlite.graph._node import parts_within as parts_within

# Sets a plain attribute for good when a frame ends well.
from brainlite.graph._node import set_if_plain as set_if_plain

# Turns edits in place into attributes set in the frame.
from brainlite.graph._node import take_edits as take_edits

# The note of an attribute that is not there.
from brainlite.graph._notes import ABSENT as ABSENT

# A container as it was.
from brainlite.graph._notes import Frozen as Frozen

# Takes a container down as ``Frozen``.
from brainlite.graph._notes import freeze as freeze

# Whether a walk met a value through a given attribute.
from brainlite.graph._walk import was_walked as was_walked
