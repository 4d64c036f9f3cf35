"""Compilation: ``jit``, and what a compiled function depends on.

``_jit`` finds for each call the compilation that serves it. One compilation is a specialisation
(``_specialise``): it holds while the attributes, settings and variables (``_variables``) that
were read are what they were. ``_intake`` says in which form the values of states go in,
``_warm`` writes the function that makes a warm call; ``_outline`` says what a compilation was
made for; ``_known`` tells which eager loops may run as compiled ones; ``_abstract`` computes with
shapes alone.
"""
