"""Derivatives: of results by arguments and by states.

``_gradient`` is the mechanism: it makes the chosen states and arguments the inputs of a pure
function, and lets everything else be written as the function does. ``grad``, ``vector_grad``,
``jacobian``, ``hessian`` and the products ``vjp`` and ``jvp`` differ in the transformation of jax
that they put around it; ``_signatures`` holds the types they share.
"""
