"""Every exception of the library.

::

    BrainliteError
    ├── StateError
    │   ├── StateValueError       a value that does not fit the state it is written to
    │   ├── StateLostError        a state whose value is gone: it was made inside a transform
    │   ├── StateOverwriteError   an array assigned over an attribute that holds a state
    │   ├── StateUseError         a state used in place of the array that it holds
    │   └── StateMissingError     a state that ``init_all_states`` has not made yet
    ├── TransformError
    │   ├── RawTransformError     a state written inside a plain ``jax`` transform
    │   ├── TracedAttributeError  a traced value stored in a plain attribute
    │   ├── EscapedTracerError    a traced value left in a variable of the traced function
    │   ├── LoopStateError        a state that changes shape inside a loop
    │   ├── BranchError           branches that disagree
    │   ├── MapStateError         a per-lane write that was not declared to ``vmap``
    │   ├── ArgumentError         an argument that a transform cannot pass on
    │   ├── ResultError           a result that a transform cannot hand out
    │   └── GradError             a target or an output that cannot be differentiated
    ├── GraphError                a graph that cannot be split, merged or walked
    ├── FilterError               something that is no filter
    ├── NameNotFoundError         a dotted name that leads to nothing
    ├── NameTakenError            a name that stands for something else already, or can be no name
    ├── ContainerError            something in a container of modules that is no module
    ├── StateDictError            entries that do not fit a model: missing, unexpected, mis-shaped
    ├── CheckpointError           stored values that are missing, damaged, or of another format
    ├── ShardingError             an array that cannot be laid out over devices as declared
    ├── SizeError                 a size that is negative, fractional or of the wrong rank
    ├── InputError                an input that does not fit a layer
    ├── NonFiniteError            a NaN or an infinity that was looked for
    ├── OptionError               an option with a value that it does not know
    ├── UnknownOptionError        an option that has another name here than in torch
    ├── UpdateMissingError        a module that is called, and does not say what a call does
    ├── EnvironmentKeyError       an environment key that is not set
    └── EnvironmentLeakError      settings that a generator would leave to its caller

Each message says where it happened (the path from the outermost module), what was
expected, what came, and what to do. Each exception also derives from the built-in
one that Python code would expect (``ValueError``, ``TypeError``, ...).
"""

__all__ = [
    "ArgumentError",
    "BatchAxisError",
    "BrainStateError",
    "BrainliteError",
    "BranchError",
    "CheckpointError",
    "ContainerError",
    "EnvironmentKeyError",
    "EnvironmentLeakError",
    "EscapedTracerError",
    "FilterError",
    "GradError",
    "GraphError",
    "InputError",
    "LoopStateError",
    "MapStateError",
    "NameNotFoundError",
    "NameTakenError",
    "NonFiniteError",
    "OptionError",
    "RawTransformError",
    "ResultError",
    "ShardingError",
    "SizeError",
    "StateDictError",
    "StateError",
    "StateLostError",
    "StateMissingError",
    "StateOverwriteError",
    "StateUseError",
    "StateValueError",
    "TorchHabitWarning",
    "TracedAttributeError",
    "TransformError",
    "UnknownOptionError",
    "UpdateMissingError",
]


class BrainliteError(Exception):
    """The base of every exception that this library raises on purpose.

    Parameters
    ----------
    problem : str
        What went wrong, in one sentence.
    where : str, optional
        The path of the layer or state, from the outermost module.
    expected, got : str, optional
        What was expected and what came: shapes, dtypes, values.
    fix : str, optional
        What the user can do.

    Examples
    --------
    >>> print(BrainliteError("the sizes differ", expected="3", got="4", fix="pass 3"))
    the sizes differ
      expected: 3
      got:      4
      fix:      pass 3
    """

    def __init__(
        self,
        problem: str,
        *,
        where: str | None = None,
        expected: str | None = None,
        got: str | None = None,
        fix: str | None = None,
    ) -> None:
        lines = [problem if where is None else f"{where}: {problem}"]
        parts = (("expected", expected), ("got", got), ("fix", fix))
        lines += [f"  {name + ':':<9} {text}" for name, text in parts if text is not None]
        self.message: str = "\n".join(lines)
        super().__init__(self.message)

    def __str__(self) -> str:
        # KeyError prints the repr of its argument, which would show our line breaks as \n.
        return self.message


class StateError(BrainliteError):
    """Something is wrong with a state or with how it is used."""


class StateValueError(StateError, ValueError):
    """A value was written that does not fit the state.

    A write keeps the tree structure of the value; a parameter also keeps the shape and
    the dtype of each leaf. To change them on purpose, put a new state in its place.
    """


class StateLostError(StateError, RuntimeError):
    """A state was used whose value is gone.

    A state that is made inside a transform lives in that trace. It survives only where it is
    assigned to an attribute of a module (``self.h = HiddenState(...)``).
    """


class StateOverwriteError(StateError, TypeError):
    """An array was assigned over an attribute that holds a state.

    Write ``module.weight.value = array`` to change the value, or assign a new state to
    replace the state itself.
    """


class StateUseError(StateError, TypeError):
    """A state was used in place of the array that it holds: ``x @ self.weight``.

    The array is its ``value``: ``x @ self.weight.value``.
    """


class StateMissingError(StateError, AttributeError):
    """A state was used before it was made.

    The hidden states of a cell are made by ``brainlite.nn.init_all_states(model)``, once
    the batch size is known.
    """


class TransformError(BrainliteError):
    """A transform cannot do what it was asked to."""


class RawTransformError(TransformError, RuntimeError):
    """A state was written inside a plain ``jax`` transform, where the write would be lost.

    ``jax.jit``, ``jax.grad``, ``jax.vmap`` and ``jax.lax.scan`` know nothing of states; use the
    transform of the same name in ``brainlite.transform``.
    """


class TracedAttributeError(TransformError, TypeError):
    """A value that exists only while a function is traced was stored in a plain attribute."""


class EscapedTracerError(TransformError, RuntimeError):
    """A function left a traced value in a variable, where it would be found after the trace.

    ``nonlocal opt_state`` and ``losses.append(loss)`` run while the function is traced, not at each
    call. Keep what changes from call to call in a State, or return it.
    """


class LoopStateError(TransformError, TypeError):
    """A state, or the carry of a loop, changed its structure, shape or dtype in the body."""


class BranchError(TransformError, TypeError):
    """The branches of a ``cond`` or ``switch`` leave results or states of different types."""


class MapStateError(TransformError, ValueError):
    """A state got a different value in each lane of a ``vmap`` without being declared."""


class ArgumentError(TransformError, TypeError, ValueError):
    """An argument cannot be passed on: it is no array, or has no axis of the right size."""


class ResultError(TransformError, TypeError):
    """A function that is compiled returned something other than arrays and numbers."""


class GradError(TransformError, TypeError):
    """A gradient was asked of something that has none."""


class GraphError(BrainliteError, ValueError):
    """An object graph cannot be split, merged or walked as asked."""


class FilterError(BrainliteError, TypeError):
    """Something was given as a filter that is none."""


class NameNotFoundError(BrainliteError, AttributeError):
    """A dotted name leads to no module or parameter of a model.

    ``[name for name, _ in model.named_modules()]`` lists the modules that there are.
    """


class NameTakenError(BrainliteError, KeyError):
    """A name cannot be given to a part of a module.

    It stands for something else already, a method perhaps, or holds a dot, which separates the
    names of a path.
    """


class ContainerError(BrainliteError, TypeError):
    """A container of modules or parameters was given something else."""


class StateDictError(BrainliteError, ValueError):
    """The entries that were given or stored are not those of the model. Nothing was loaded."""


class CheckpointError(BrainliteError, ValueError):
    """A checkpoint or a file of weights is missing, damaged, or written by something else.

    Or it cannot be written: a value in it can be no part of one. Nothing was changed in memory, and
    what was stored before is still there.
    """


class ShardingError(BrainliteError, ValueError):
    """An array cannot be laid out over devices as a state declares or a rule says.

    A spec has at most as many axes as the array, and each axis that it cuts has equal parts.
    """


class SizeError(BrainliteError, ValueError):
    """A size is negative, not whole, or has the wrong number of axes."""


class InputError(BrainliteError, ValueError):
    """The input of a layer does not fit the layer, or not its hidden state."""


class NonFiniteError(BrainliteError, ArithmeticError, RuntimeError):
    """What a module returns or keeps, a result or a gradient is NaN or infinite."""


class OptionError(BrainliteError, ValueError):
    """An option was given a value that it does not know."""


class UnknownOptionError(BrainliteError, TypeError):
    """A layer was given an option by the name that it has in torch, which is another one here."""


class UpdateMissingError(BrainliteError, TypeError):
    """A module was called that does not say what a call does.

    A call runs ``update``: torch's ``forward`` is called that here.
    """


class TorchHabitWarning(UserWarning):
    """A value that is most likely meant as torch means it, and means something else here.

    The message has both ways to write it. ``warnings.simplefilter("error", TorchHabitWarning)``
    makes an error of it, ``"ignore"`` silences it.
    """


class EnvironmentKeyError(BrainliteError, KeyError):
    """A key was read from the environment that is not set."""


class EnvironmentLeakError(BrainliteError, RuntimeError):
    """A generator yields inside of ``environ.context``: its settings would hold for its caller."""


BrainStateError = BrainliteError
"""brainstate's name for the base of all, so that ``except`` clauses hold."""

BatchAxisError = MapStateError
"""brainstate's name for states that do not fit the lanes of a ``vmap``."""
