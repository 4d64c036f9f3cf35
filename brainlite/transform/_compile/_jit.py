"""``jit``: compile a function of states, modules and arrays."""

import functools
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Concatenate, Generic, Protocol, Self, overload

import jax
from typing_extensions import ParamSpec, TypeVar

from brainlite._jax_compat import UNSPECIFIED, is_clash_of_devices, jit_switch
from brainlite.display import Shown, notebook_repr, text_repr, treescope_repr
from brainlite.graph import Node
from brainlite.state._face import current_frame
from brainlite.transform._compile._following import follow
from brainlite.transform._compile._intake import Misfit
from brainlite.transform._compile._specialise import Binding, Specialisation
from brainlite.transform._compile._warm import STALE
from brainlite.transform._engine._arguments import (
    Call,
    Top,
    choose_arguments,
    contains_graph,
    nested_only,
    take_apart,
    take_top,
)
from brainlite.transform._engine._options import Options, check_compiler_options
from brainlite.transform._engine._plain import run_plainly
from brainlite.transform._engine._transformed import adopt_name, not_default
from brainlite.typing import PyTree

P = ParamSpec("P")
Q = ParamSpec("Q")
R = TypeVar("R")
T = TypeVar("T")
R_co = TypeVar("R_co", covariant=True)
Owner = TypeVar("Owner")

_frame = current_frame.get
# brainlite's own choices:
_MANY = 8  # specialisations of one function before a warning
_KEPT = 64  # specialisations that are kept for one kind of call; the one not used for longest goes
_STALE = 4  # specialisations that are kept for what variables of the function held before
_KINDS = 512  # kinds of call (static values, places of modules) that are kept
_BINDINGS = 64  # remembered calls of one function, or with one module
_NOTHING: dict[object, object] = {}
_bookkeeping = threading.RLock()  # never held while a function is traced


class BoundJit(Generic[P, R_co]):
    """A compiled callable that is not a method, or is one already bound to its object.

    Attributes
    ----------
    fun : callable
        The function that is compiled.

    Notes
    -----
    Printed, it tells what it was compiled for: for each compilation that is kept, what the one
    before did not fit, and the shapes of the arguments that it was traced for.

    Examples
    --------
    >>> model = brainlite.nn.Linear(2, 3)
    >>> step = brainlite.transform.jit(model.update)
    >>> isinstance(step, brainlite.transform.BoundJit), step(jnp.ones((5, 2))).shape
    (True, (5, 3))
    """

    def __init__(
        self,
        fun: Callable[P, R_co],
        options: Options | None = None,
        shown: Sequence[tuple[str, object]] = (),
    ) -> None:
        # Before all else: it takes over the attributes of `fun`.
        adopt_name(self, fun)
        self.fun: Callable[P, R_co] = fun
        self.__wrapped__: Callable[P, R_co] = fun
        self._shown = shown  # the options, as they are printed
        self._options: Options = options or Options()
        self._specialisations: dict[object, list[Specialisation]] = {}
        self._bindings: dict[object, Binding] = {}
        # What a warm call looks up: the binding of a call without modules among its arguments, or,
        # by position and key, that of a call with one module, which keeps it itself. So a module
        # that is gone takes its bindings along.
        self._warm_binding: Binding | None = None
        self._warm_position: int | None = None
        self._warm_key: object = None
        self._keys: dict[int, object] = {}  # the key for each position of a module
        self._era = object()  # part of all other keys, so that none is found when it is over
        self._by_shape = False
        self._deep = False

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        # Every line here is paid at each call, against some 8 microseconds that jax takes for a
        # small function. So a warm call is a look-up, and one function that does all the rest.
        position = self._warm_position
        if position is None:
            binding = self._warm_binding
        elif position < len(args):
            shelf: dict[object, Binding] = getattr(args[position], "__compiled__", _NOTHING)
            binding = shelf.get(self._warm_key)
        else:
            binding = None
        tried: Specialisation | None = None
        if binding is not None:
            try:
                out: R_co = binding.warm(args, kwargs)
            except Misfit:
                tried = binding.specialisation
            except ValueError as error:
                if not is_clash_of_devices(error):
                    raise
                tried = binding.specialisation
            else:
                if out is not STALE:
                    return out
        return self._cold(args, kwargs, None if tried is None or tried.runs_alone else tried)

    def _cold(
        self,
        args: tuple[object, ...],
        kwargs: dict[str, object],
        tried: Specialisation | None = None,
    ) -> R_co:
        """Take the arguments apart, find or make a specialisation, and run it."""
        if jit_switch.value:
            return run_plainly(self.fun, args, kwargs, label="jit")

        def run(binding: Binding, call: Call) -> PyTree:
            return binding.call(call.args, call.kwargs)

        (result, new), binding = self._with_binding(args, kwargs, run, tried)
        out: R_co = result if new is None else binding.outputs.commit(result, new)
        return out

    def lower(self, *args: P.args, **kwargs: P.kwargs) -> jax.stages.Lowered:
        """Lower for these arguments, without running; see :meth:`jax.stages.Wrapped.lower`."""

        def run(binding: Binding, call: Call) -> PyTree:
            compiled = binding.specialisation.compiled
            return compiled.lower(*binding.lists(), *call.args, **call.kwargs)

        lowered: jax.stages.Lowered
        lowered, _ = self._with_binding(args, kwargs, run)
        return lowered

    def trace(self, *args: P.args, **kwargs: P.kwargs) -> jax.stages.Traced:
        """Trace for these arguments, without running; the jaxpr takes the states first."""

        def run(binding: Binding, call: Call) -> PyTree:
            compiled = binding.specialisation.compiled
            return compiled.trace(*binding.lists(), *call.args, **call.kwargs)

        traced: jax.stages.Traced
        traced, _ = self._with_binding(args, kwargs, run)
        return traced

    def clear_cache(self) -> None:
        """Forget every compilation."""
        with _bookkeeping:
            self._specialisations.clear()
            self._bindings.clear()
            self._warm_binding = None
            self._era = object()
            self._keys.clear()
            self._warm_key = None

    def times_made_for(self, node: Node) -> int:
        """Return how many compilations a module has asked for that is the first argument."""
        binding: Binding | None = node.__compiled__.get(self._keys.get(0))
        if binding is not None:
            return binding.made
        own = {id(each) for known in self._specialisations.values() for each in known}
        bindings = [each for each in node.__compiled__.values() if isinstance(each, Binding)]
        return max([b.made for b in bindings if id(b.specialisation) in own], default=0)

    def __display__(self) -> Shown:
        made = [each.shown for known in self._specialisations.values() for each in known]
        return Shown("jit", [("fun", self.fun), *self._shown, ("compilations", made)])

    __repr__ = text_repr
    __treescope_repr__ = treescope_repr
    _repr_mimebundle_ = notebook_repr

    def _with_binding(
        self,
        args: tuple[object, ...],
        kwargs: dict[str, object],
        run: Callable[[Binding, Call], T],
        tried: Specialisation | None = None,
    ) -> tuple[T, Binding]:
        """Return what ``run`` returns for the first binding that serves a call, and the binding.

        ``tried`` is known not to serve the call.
        """
        self._deep = self._deep or contains_graph(nested_only(args, kwargs))
        call = self._call(args, kwargs)
        for binding in self._candidates(call, tried):
            try:
                result = run(binding, call)
            except Misfit:
                continue
            except TypeError:
                binding.check_concrete()
                raise
            except ValueError as error:
                others = call.args, call.kwargs
                if is_clash_of_devices(error) and follow(binding.inputs, others):
                    if binding.specialisation.reusable:
                        self._keep(call, binding)  # to be found when the generators are back
                    return self._with_binding(args, kwargs, run)
                raise
            frame = _frame()
            if frame is not None:
                binding.replay(frame)
            if binding.specialisation.reusable:
                self._keep(call, binding)
                if frame is None:
                    self._remember(call, binding)
            return result, binding
        # For other shapes the function does something else: shapes tell its calls apart from now.
        self._by_shape = True
        self.clear_cache()
        return self._with_binding(args, kwargs, run)

    def _call(self, args: tuple[object, ...], kwargs: dict[str, object]) -> Call:
        """Take the arguments apart: arrays on one side, modules and static values on the other."""
        if self._deep or self._by_shape or not self._options.plain:
            return take_apart(args, kwargs, self._options, label="jit", by_shape=self._by_shape)
        return take_top(args, kwargs, self._options.donated)

    def _candidates(self, call: Call, tried: Specialisation | None) -> Iterator[Binding]:
        """Yield bindings that may serve a call: the one used last, known ones, then a new one."""
        before = self._shelf(call).get(self._key(call))
        first = None if before is None else before.specialisation
        if (
            before is not None
            and first is not tried
            and _frame() is None
            and before.checks.unchanged()
        ):
            tried = first
            yield before
        known = self._known(call.kind)
        bound = False
        for specialisation in reversed(known):
            binding = specialisation.bind(call)
            if binding is not None:
                binding.made = before.made if before else 0
                bound = True
                if specialisation is not tried:
                    yield binding
        if bound and not self._by_shape:
            return
        because = _because(known, call, bool(self._specialisations))
        made = Specialisation(self.fun, call, self._options, because)
        binding = made.bind(call) or made.bind_as_traced(call)  # if tracing changed what it read
        binding.made = 1 + (before.made if before else 0)
        if made.reusable:
            _warn_if_many(binding, [*known, made], call, self.fun)
        yield binding
        raise AssertionError("a function that was traced for a call does not fit the call")

    def _known(self, kind: object) -> list[Specialisation]:
        """Return the specialisations for one kind of call, used last at the end."""
        with _bookkeeping:
            return list(self._specialisations.get(kind, ()))

    def _keep(self, call: Call, binding: Binding) -> None:
        """Put the specialisation that was used to the end, and let go those not used for long."""
        with _bookkeeping:
            known = self._specialisations.pop(call.kind, [])
            known = [each for each in known if each is not binding.specialisation]
            # What variables held once is not worth its memory for long.
            stale = [each for each in known if not each.variables.unchanged()][:-_STALE]
            known = [each for each in known if each not in stale][-_KEPT + 1 :]
            while len(self._specialisations) >= _KINDS:
                del self._specialisations[next(iter(self._specialisations))]
            self._specialisations[call.kind] = [*known, binding.specialisation]

    def _shelf(self, call: Call) -> dict[object, Binding]:
        """Return where the binding of a call is kept: with its first module, if it has one."""
        for each in call.graph:
            if isinstance(each, Node):
                return each.__compiled__
        return self._bindings

    def _key(self, call: Call) -> object:
        """Return what a binding is found by on its shelf."""
        position = _place_of_module(call)
        if position is None:
            return (self._era, call.key)
        return self._keys.setdefault(position, object())

    def _remember(self, call: Call, binding: Binding) -> None:
        """Let the next call like this one find its binding."""
        shelf = self._shelf(call)
        while len(shelf) >= _BINDINGS:
            del shelf[next(iter(shelf))]
        shelf[self._key(call)] = binding
        if not call.graph and isinstance(call.kind, Top):
            self._warm_binding, self._warm_position = binding, None
            return
        position = _place_of_module(call)
        if position is not None:
            binding.position = position
            self._warm_binding, self._warm_position = None, position
            self._warm_key = self._key(call)


def _place_of_module(call: Call) -> int | None:
    """Return the position of the module of a call; None unless there is one, outside containers."""
    [only, *others] = call.graph or (None,)
    if not isinstance(call.kind, Top) or not isinstance(only, Node) or others:
        return None
    return None if call.kind.names else call.kind.positions[0]


class JitFunction(BoundJit[P, R_co]):
    """A compiled function, as :func:`jit` returns it. Binds like a function as a method."""

    @overload
    def __get__(self, obj: None, owner: type[object] | None = None, /) -> Self: ...
    @overload
    def __get__(
        self: Callable[Concatenate[Owner, Q], R], obj: Owner, owner: type[object] | None = None, /
    ) -> BoundJit[Q, R]: ...
    @overload
    def __get__(self, obj: object, owner: type[object] | None = None, /) -> Self: ...  # static
    def __get__(self, obj: object, owner: type[object] | None = None, /) -> object:
        return self if obj is None else _Method(self, obj)


class _Method(BoundJit[P, R_co]):
    """A compiled method of one object: the compilations are those of the class."""

    def __init__(self, function: BoundJit[..., R_co], obj: object) -> None:
        self._function = function
        self._object = obj
        self.fun: Callable[..., R_co] = functools.partial(function.fun, obj)
        self.__wrapped__: Callable[..., R_co] = self.fun

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        return self._function(self._object, *args, **kwargs)

    def lower(self, *args: P.args, **kwargs: P.kwargs) -> jax.stages.Lowered:
        return self._function.lower(self._object, *args, **kwargs)

    def trace(self, *args: P.args, **kwargs: P.kwargs) -> jax.stages.Traced:
        return self._function.trace(self._object, *args, **kwargs)

    def clear_cache(self) -> None:
        self._function.clear_cache()

    def __display__(self) -> Shown:
        return self._function.__display__()


class _Jitting(Protocol):
    def __call__(self, fun: Callable[P, R], /) -> JitFunction[P, R]: ...


@overload
def jit(
    fun: Callable[P, R],
    *,
    static_argnums: int | Sequence[int] | None = None,
    static_argnames: str | Iterable[str] | None = None,
    donate_argnums: int | Sequence[int] | None = None,
    donate_argnames: str | Iterable[str] | None = None,
    donate_states: bool = False,
    in_shardings: object = UNSPECIFIED,
    out_shardings: object = UNSPECIFIED,
    keep_unused: bool = False,
    inline: bool = False,
    compiler_options: Mapping[str, str | float] | None = None,
) -> JitFunction[P, R]: ...
@overload
def jit(
    *,
    static_argnums: int | Sequence[int] | None = None,
    static_argnames: str | Iterable[str] | None = None,
    donate_argnums: int | Sequence[int] | None = None,
    donate_argnames: str | Iterable[str] | None = None,
    donate_states: bool = False,
    in_shardings: object = UNSPECIFIED,
    out_shardings: object = UNSPECIFIED,
    keep_unused: bool = False,
    inline: bool = False,
    compiler_options: Mapping[str, str | float] | None = None,
) -> _Jitting: ...
def jit(
    fun: Callable[..., object] | None = None,
    *,
    static_argnums: int | Sequence[int] | None = None,
    static_argnames: str | Iterable[str] | None = None,
    donate_argnums: int | Sequence[int] | None = None,
    donate_argnames: str | Iterable[str] | None = None,
    donate_states: bool = False,
    in_shardings: object = UNSPECIFIED,
    out_shardings: object = UNSPECIFIED,
    keep_unused: bool = False,
    inline: bool = False,
    compiler_options: Mapping[str, str | float] | None = None,
) -> object:
    """Compile a function that may read and write states.

    Parameters
    ----------
    fun : callable
        A function, a method or a module. Its Python code runs once for each combination of
        shapes and of what it reads from modules and the environment. Without it, ``jit`` is a
        decorator.
    static_argnums, static_argnames
        The arguments to compile for, by position or name; their values must be hashable.
    donate_argnums, donate_argnames
        The arguments whose memory may be used for results: do not use these arrays afterwards.
        For a module or a state it is that of the old values of the states that are written.
    donate_states : bool
        Whether that holds for all states that are written, those of closures included. An
        array held elsewhere (``old = state.value``) is then deleted by the call, and an error
        while the compiled function runs leaves these states without a value.
    in_shardings, out_shardings
        How arguments and result are laid out over devices, as in :func:`jax.jit`. States stay
        as they are. With ``in_shardings``, arguments must be passed by position.
    keep_unused, inline
        As in :func:`jax.jit`.
    compiler_options : dict of str to str, bool, int or float, optional
        What to tell the compiler, XLA, by the names of its flags, as in :func:`jax.jit`: only of
        the outermost ``jit``, as what runs inside of it is part of one program.

    Returns
    -------
    JitFunction
        With the signature of ``fun``. Arguments may be arrays, and modules or states: two modules
        of equal structure share a compilation. It is never stale over attributes of modules,
        lists and dicts in them, settings of the environment, and names that are bound to something
        else, be they global, of a closure, or fields of plain objects. What it cannot see is
        what is edited in place: numpy arrays, and containers without states and modules.
        Modules and states may be returned: one that the function makes is new after each call,
        and its values are computed by the compiled function, laid out as ``out_shardings`` says.

    Raises
    ------
    OptionError
        Static or donated arguments are chosen that there are not, or both at once.
    ArgumentError
        ``fun`` cannot be called; or, at a call, an argument is neither array, module, state nor
        static.
    ResultError
        At a call: the result holds what is no array, module or state.

    Examples
    --------
    >>> count = brainlite.State(jnp.zeros(()))
    >>> @brainlite.transform.jit
    ... def add(x):
    ...     count.value += x
    ...     return count.value * 2
    >>> float(add(1.0)), float(add(2.0)), float(count.value)
    (2.0, 6.0, 3.0)
    >>> model = jit(lambda: brainlite.nn.Linear(2, 3))()
    >>> model(jnp.ones(2)).shape
    (3,)
    """
    compiler_options = check_compiler_options(compiler_options)
    shown = not_default(jit, locals())
    for_jax = {
        "keep_unused": keep_unused,
        "inline": inline,
        "compiler_options": compiler_options,
    }

    def decorate(fun: Callable[..., object]) -> JitFunction[..., object]:
        options = Options(
            choose_arguments(fun, static_argnums, static_argnames, label="jit"),
            choose_arguments(fun, donate_argnums, donate_argnames, label="jit", role="donate"),
            donate_states,
            in_shardings,
            out_shardings,
            for_jax,
        )
        return JitFunction(fun, options, shown)

    return decorate if fun is None else decorate(fun)


def _because(known: Sequence[Specialisation], call: Call, others: bool) -> list[str]:
    """Say why the specialisation that was used last does not serve a call."""
    if not known:
        return ["other static arguments"] if others else ["first call"]
    return known[-1].changed(call) or ["other objects, or another structure"]


def _warn_if_many(
    binding: Binding, known: Sequence[Specialisation], call: Call, fun: object
) -> None:
    """Warn, once, of what keeps asking for new compilations."""
    if binding.made != _MANY + 1:
        return
    changed = dict.fromkeys(what for each in known for what in each.changed(call))
    name = getattr(fun, "__qualname__", type(fun).__name__)
    warnings.warn(
        f"jit has compiled {name} {binding.made} times for the same objects; what keeps changing: "
        f"{', '.join(changed)}. Each change costs a compilation. Keep what changes at "
        "every call in a State, or pass it as an argument.",
        stacklevel=5,
    )
