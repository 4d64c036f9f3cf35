"""``jit``: compile a function of states, modules and arrays."""

import functools
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Concatenate, Generic, Protocol, Self, overload

import jax
from typing_extensions import ParamSpec, TypeVar

from brainlite._jax_compat import UNSPECIFIED, jit_switch
from brainlite.display import Shown, notebook_repr, text_repr, treescope_repr
from brainlite.graph import Node
from brainlite.state._frame import current_frame
from brainlite.transform._arguments import (
    Top,
    choose,
    contains_graph,
    nested_only,
    take_apart,
    take_top,
)
from brainlite.transform._intake import Misfit
from brainlite.transform._options import Options
from brainlite.transform._plain import run_plainly
from brainlite.transform._specialise import Binding, Call, Respecialise, Specialisation, tracing
from brainlite.transform._transformed import adopt_name, not_default

__all__ = ["BoundJit", "JitFunction", "jit"]

P = ParamSpec("P")
Q = ParamSpec("Q")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)
Owner = TypeVar("Owner")

_frame = current_frame.get
# brainlite's own choices:
_MANY = 8  # specialisations of one function before a warning
_KEPT = 64  # specialisations that are kept for one kind of call; the one not used for longest goes
_KINDS = 512  # kinds of call (static values, places of modules) that are kept
_BINDINGS = 64  # remembered calls of one function, or with one module
_NOTHING: dict[Any, Any] = {}


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
    """

    def __init__(
        self,
        fun: Callable[P, R_co],
        options: Options | None = None,
        shown: Sequence[tuple[str, Any]] = (),
    ) -> None:
        # Before all else: it takes over the attributes of `fun`.
        adopt_name(self, fun)
        self.fun: Callable[P, R_co] = fun
        self.__wrapped__: Callable[P, R_co] = fun
        self._shown = shown  # the options, as they are printed
        self._options: Options = options or Options()
        self._specialisations: dict[Any, list[Specialisation]] = {}
        self._bindings: dict[Any, Binding] = {}
        # What a warm call looks up: the binding of a call without modules among its arguments, or
        # the position of the one module, which keeps its binding itself. So a module that is
        # gone takes its bindings along.
        self._warm: Binding | None = None
        self._position: int | None = None
        self._generation = object()
        self._tokens: dict[int, object] = {}  # by that position: what its binding is found by
        self._token: object = None  # the one for `_position`
        self._by_shape = False
        self._deep = False

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        # The warm path: a look-up and comparisons, then the one dispatch. Every line here is paid
        # at each call, against some 8 microseconds that jax takes for a small function.
        if jit_switch.value:
            plain: R_co = run_plainly(self.fun, args, kwargs, label="jit")
            return plain
        position = self._position
        if position is None:
            binding = self._warm
            holed: Any = args
        elif position < len(args):
            shelf: dict[Any, Binding] = getattr(args[position], "__compiled__", _NOTHING)
            binding = shelf.get(self._token)
            holed = (*args[:position], None, *args[position + 1 :])
        else:
            binding = holed = None
        if binding is not None and _frame() is None and binding.holds():
            try:
                result, new = binding.run(binding.gather(binding.inputs), *holed, **kwargs)
            except (TypeError, Misfit):
                pass  # a module where an array was before, or a dict of other keys in a state
            except Respecialise:
                self._by_shape = True
                self.clear_cache()
            else:
                if new:
                    binding.settle(new)
                out: R_co = result
                return out
        return self._cold(args, kwargs)

    def _cold(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> R_co:
        """Take the arguments apart, find or make a specialisation, and run it."""
        self._deep = self._deep or contains_graph(nested_only(args, kwargs))
        call = self._call(args, kwargs)
        binding = self._shelf(call).get(self._label(call))
        nested = _frame() is not None
        if binding is None or nested or not binding.holds():
            binding = self._bind(call)
        try:
            flat = binding.fetched() if nested else binding.gather(binding.inputs)
        except Misfit:
            binding = self._bind(call)
            flat = binding.fetched()
        try:
            result, new = binding.run(flat, *call.args, **call.kwargs)
        except Respecialise:
            self._by_shape = True
            self.clear_cache()
            return self._cold(args, kwargs)
        except TypeError:
            binding.check_concrete()
            raise
        (binding.commit if nested else binding.settle)(new)
        out: R_co = result
        return out

    def lower(self, *args: P.args, **kwargs: P.kwargs) -> jax.stages.Lowered:
        """Lower for these arguments, without running; see :meth:`jax.stages.Wrapped.lower`."""
        call, binding = self._prepare(args, kwargs)
        lists = binding.specialisation.arrange(binding.fetched())
        lowered: jax.stages.Lowered = binding.specialisation.compiled.lower(
            *lists, *call.args, **call.kwargs
        )
        return lowered

    def trace(self, *args: P.args, **kwargs: P.kwargs) -> jax.stages.Traced:
        """Trace for these arguments, without running; the jaxpr takes the states first."""
        call, binding = self._prepare(args, kwargs)
        lists = binding.specialisation.arrange(binding.fetched())
        traced: jax.stages.Traced = binding.specialisation.compiled.trace(
            *lists, *call.args, **call.kwargs
        )
        return traced

    def clear_cache(self) -> None:
        """Forget every compilation."""
        with tracing:
            self._specialisations.clear()
            self._bindings.clear()
            self._warm = None
            self._generation = object()
            self._tokens.clear()
            self._token = None

    def __display__(self) -> Shown:
        made = [each.shown for known in self._specialisations.values() for each in known]
        return Shown("jit", [("fun", self.fun), *self._shown, ("compilations", made)])

    __repr__ = text_repr
    __treescope_repr__ = treescope_repr
    _repr_mimebundle_ = notebook_repr

    def _prepare(self, args: Any, kwargs: Any) -> tuple[Call, Binding]:
        self._deep = self._deep or contains_graph(nested_only(args, kwargs))
        call = self._call(args, kwargs)
        return call, self._bind(call)

    def _call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call:
        """Take the arguments apart: arrays on one side, modules and static values on the other."""
        if self._deep or self._by_shape or not self._options.plain:
            return take_apart(args, kwargs, self._options, label="jit", by_shape=self._by_shape)
        return take_top(args, kwargs, self._options.donated)

    def _bind(self, call: Call) -> Binding:
        """Find a specialisation that holds for these objects, or make one."""
        with tracing:
            known = self._known(call.kind)
            before = self._shelf(call).get(self._label(call))
            for specialisation in reversed(known):
                binding = specialisation.bind(call)
                if binding is not None:
                    binding.made = before.made if before else 0
                    known.remove(specialisation)  # and to the end: used last
                    known.append(specialisation)
                    break
            else:
                because = _because(known, call, len(self._specialisations) > 1)
                specialisation = Specialisation(self.fun, call, self._options, because)
                binding = specialisation.bind(call)
                if binding is None:  # tracing changed what the function depends on
                    binding = specialisation.bind_as_traced(call)
                binding.made = 1 + (before.made if before else 0)
                if specialisation.reusable:
                    _warn_if_many(binding, known, call, self.fun)
                    known.append(specialisation)
                    del known[:-_KEPT]
            frame = _frame()
            if frame is not None:
                binding.replay(frame)
            elif specialisation.reusable:
                self._remember(call, binding)
            return binding

    def _known(self, kind: Any) -> list[Specialisation]:
        """Return the specialisations for one kind of call, used last at the end."""
        known = self._specialisations.pop(kind, [])
        while len(self._specialisations) >= _KINDS:
            del self._specialisations[next(iter(self._specialisations))]
        self._specialisations[kind] = known
        return known

    def _shelf(self, call: Call) -> dict[Any, Binding]:
        """Return where the binding of a call is kept: with its first module, if it has one."""
        for each in call.graph:
            if isinstance(each, Node):
                return each.__compiled__
        return self._bindings

    def _label(self, call: Call) -> Any:
        """Return what a binding is found by on its shelf."""
        top = isinstance(call.kind, Top) and call.kind.positions and not call.kind.names
        if top and len(call.graph) == 1 and isinstance(call.graph[0], Node):
            return self._tokens.setdefault(call.kind.positions[0], object())
        return (self._generation, call.key)

    def _remember(self, call: Call, binding: Binding) -> None:
        shelf = self._shelf(call)
        while len(shelf) >= _BINDINGS:
            del shelf[next(iter(shelf))]
        shelf[self._label(call)] = binding
        if not call.graph and isinstance(call.kind, Top):
            self._warm, self._position = binding, None
        elif self._label(call) in self._tokens.values():
            self._warm, self._position = None, call.kind.positions[0]
            self._token = self._label(call)


class JitFunction(BoundJit[P, R_co]):
    """A compiled function, as :func:`jit` returns it. Binds like a function as a method."""

    @overload
    def __get__(self, obj: None, owner: type[Any] | None = None, /) -> Self: ...
    @overload
    def __get__(
        self: Callable[Concatenate[Owner, Q], R], obj: Owner, owner: type[Any] | None = None, /
    ) -> BoundJit[Q, R]: ...
    @overload
    def __get__(self, obj: object, owner: type[Any] | None = None, /) -> Self: ...  # static
    def __get__(self, obj: Any, owner: type[Any] | None = None, /) -> Any:
        return self if obj is None else _Method(self, obj)


class _Method(BoundJit[P, R_co]):
    """A compiled method of one object: the compilations are those of the class."""

    def __init__(self, function: BoundJit[Any, R_co], obj: Any) -> None:
        self._function = function
        self._object = obj
        self.fun: Any = functools.partial(function.fun, obj)
        self.__wrapped__: Any = self.fun

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


class _Decorator(Protocol):
    def __call__(self, fun: Callable[P, R], /) -> JitFunction[P, R]: ...


@overload
def jit(
    fun: Callable[P, R],
    /,
    *,
    static_argnums: int | Sequence[int] | None = None,
    static_argnames: str | Iterable[str] | None = None,
    donate_argnums: int | Sequence[int] | None = None,
    donate_argnames: str | Iterable[str] | None = None,
    donate_states: bool = False,
    in_shardings: Any = UNSPECIFIED,
    out_shardings: Any = UNSPECIFIED,
    keep_unused: bool = False,
    inline: bool = False,
) -> JitFunction[P, R]: ...
@overload
def jit(
    *,
    static_argnums: int | Sequence[int] | None = None,
    static_argnames: str | Iterable[str] | None = None,
    donate_argnums: int | Sequence[int] | None = None,
    donate_argnames: str | Iterable[str] | None = None,
    donate_states: bool = False,
    in_shardings: Any = UNSPECIFIED,
    out_shardings: Any = UNSPECIFIED,
    keep_unused: bool = False,
    inline: bool = False,
) -> _Decorator: ...
def jit(
    fun: Any = None,
    /,
    *,
    static_argnums: int | Sequence[int] | None = None,
    static_argnames: str | Iterable[str] | None = None,
    donate_argnums: int | Sequence[int] | None = None,
    donate_argnames: str | Iterable[str] | None = None,
    donate_states: bool = False,
    in_shardings: Any = UNSPECIFIED,
    out_shardings: Any = UNSPECIFIED,
    keep_unused: bool = False,
    inline: bool = False,
) -> Any:
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

    Returns
    -------
    JitFunction
        With the signature of ``fun``. Arguments may be arrays, and modules or states: two modules
        of equal structure share a compilation. It is never stale over attributes of modules,
        lists and dicts in them, and settings of the environment. What it cannot see are the
        fields of other objects, global variables, and numpy arrays edited in place.

    Examples
    --------
    >>> import brainlite
    >>> import jax.numpy as jnp
    >>> count = brainlite.State(jnp.zeros(()))
    >>> @brainlite.transform.jit
    ... def add(x):
    ...     count.value += x
    ...     return count.value * 2
    >>> float(add(1.0)), float(add(2.0)), float(count.value)
    (2.0, 6.0, 3.0)
    """
    shown = not_default(jit, locals())

    def decorate(fun: Callable[..., Any]) -> JitFunction[..., Any]:
        options = Options(
            choose(fun, static_argnums, static_argnames, label="jit"),
            choose(fun, donate_argnums, donate_argnames, label="jit", role="donate"),
            donate_states,
            in_shardings,
            out_shardings,
            {"keep_unused": keep_unused, "inline": inline},
        )
        return JitFunction(fun, options, shown)

    return decorate if fun is None else decorate(fun)


def _because(known: Sequence[Specialisation], call: Call, others: bool) -> list[str]:
    """Say why the specialisation that was used last does not serve a call."""
    if not known:
        return ["other static arguments"] if others else ["first call"]
    return known[-1].changed(call) or ["other objects, or another structure"]


def _warn_if_many(binding: Binding, known: Sequence[Specialisation], call: Call, fun: Any) -> None:
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
