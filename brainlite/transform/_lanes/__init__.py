"""Lanes: one program over many values at once.

``_vmap`` runs a function over an axis of its arguments and of the states that are named;
``_vmap_new_states`` gives each lane states of its own; ``_shard_map`` cuts values over the devices
of a mesh. What a lane writes to a state must be declared: an axis is never guessed.
"""
