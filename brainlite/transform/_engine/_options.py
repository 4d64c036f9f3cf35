"""The options of ``jit``, as the rest of the engine needs them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from brainlite._jax_compat import UNSPECIFIED
from brainlite.errors import OptionError
from brainlite.transform._engine._returned import loosen


class Chosen(NamedTuple):
    """Arguments chosen by number or name: the numbers and the names that they go by."""

    positions: tuple[int, ...] = ()
    names: tuple[str, ...] = ()

    def among(
        self, args: Sequence[object], kwargs: Mapping[str, object]
    ) -> dict[int | str, object]:
        """Return those that were passed, by number or name."""
        found: dict[int | str, object] = {n: args[n] for n in self.positions if n < len(args)}
        found.update((name, kwargs[name]) for name in self.names if name in kwargs)
        return found


_NONE = Chosen()


def check_compiler_options(given: object) -> dict[str, str | float] | None:
    """Return a copy of what the compiler is told, which it gets at the first call only.

    Raises
    ------
    OptionError
        It is no dict of names and plain values. Which names there are is for XLA to say.
    """
    if given is None:
        return None
    items: list[tuple[Any, Any]] = list(given.items()) if isinstance(given, Mapping) else [(0, 0)]
    if all(isinstance(k, str) and isinstance(v, (str, int, float)) for k, v in items):
        return dict(items)
    raise OptionError(
        "jit was given compiler_options that are none",
        expected="a dict of names to texts, bools and numbers of Python",
        got=f"{given!r}, of type {type(given).__name__}",
        fix="write compiler_options={'xla_cpu_prefer_vector_width': 512}, or leave it out",
    )


@dataclass(frozen=True)
class Options:
    """What a compiled function was asked for, apart from the function itself.

    Attributes
    ----------
    static, donated : Chosen
        The arguments to compile for, and those whose buffers may be used for results.
    donate_states : bool
        Whether the old values of all states that are written may be used, too.
    in_shardings, out_shardings
        As in :func:`jax.jit`, for the user's arguments and result.
    jax : mapping
        Other options, handed on as they are.
    """

    static: Chosen = _NONE
    donated: Chosen = _NONE
    donate_states: bool = False
    in_shardings: object = UNSPECIFIED
    out_shardings: object = UNSPECIFIED
    jax: Mapping[str, object] = field(default_factory=dict[str, object])

    def __post_init__(self) -> None:
        both = set(self.static.positions) & set(self.donated.positions)
        if both:
            raise OptionError(
                "jit was given arguments that are both static and donated",
                expected="arrays to donate, and other values to compile for",
                got=f"argument {sorted(both)}",
                fix="take them out of static_argnums or out of donate_argnums",
            )

    def check_inside(self, fun: object) -> None:
        """Raise where options are for a program of its own, and ``fun`` runs inside another one."""
        told = self.jax.get("compiler_options")
        if told is not None:
            raise OptionError(
                f"the jit of {getattr(fun, '__qualname__', type(fun).__name__)} has "
                "compiler_options, and was called inside another transform",
                expected="compiler_options of the outermost jit: all inside of it is one program",
                got=f"compiler_options={told}",
                fix="give them to a jit around the whole, and not to this one",
            )

    @property
    def plain(self) -> bool:
        """Whether the arguments need no more than a look at which of them are modules."""
        return not (self.static.positions or self.static.names) and self._is_anywhere

    @property
    def _is_anywhere(self) -> bool:
        return self.in_shardings is UNSPECIFIED

    def for_jax(
        self,
        args: Sequence[object],
        kwargs: Mapping[str, object],
        lists: int,
        donated: Sequence[int],
    ) -> dict[str, Any]:
        """Return the options for :func:`jax.jit`, of a function that takes the states first.

        Parameters
        ----------
        args, kwargs
            What the function is compiled for. Static arguments leave a hole.
        lists : int
            The number of arguments that hold values of states.
        donated : sequence of int
            Which of these to donate.
        """
        options = dict(self.jax)
        positions = (*donated, *(n + lists for n in self.donated.positions))
        if positions or self.donated.names:
            options.update(donate_argnums=positions, donate_argnames=self.donated.names)
        if not self._is_anywhere:
            states = [UNSPECIFIED] * lists
            options["in_shardings"] = (*states, *self._for_arguments(args, kwargs))
        if self.out_shardings is not UNSPECIFIED:
            options["out_shardings"] = (loosen(self.out_shardings), UNSPECIFIED)
        return options

    def with_states(
        self, for_jax: Mapping[str, Any], shardings: Sequence[object]
    ) -> dict[str, Any] | None:
        """Return the options for a function that returns new values of states where these live.

        Parameters
        ----------
        for_jax : mapping
            What :meth:`for_jax` has returned.
        shardings : sequence
            What each of the states that are written declares. If none does, None is returned.
        """
        if all(sharding is None for sharding in shardings):
            return None
        result = for_jax.get("out_shardings", (UNSPECIFIED,))[0]
        states = [UNSPECIFIED if each is None else each for each in shardings]
        return {**for_jax, "out_shardings": (result, states)}

    def _for_arguments(self, args: Sequence[object], kwargs: Mapping[str, object]) -> list[object]:
        """Return a sharding for each argument. As in jax, static ones have none in the tuple."""
        if kwargs:
            raise OptionError(
                "a jit function with in_shardings was called with keyword arguments",
                expected="positional arguments only",
                got=f"the keywords {sorted(kwargs)}",
                fix="pass them by position",
            )
        dynamic = [n for n in range(len(args)) if n not in self.static.positions]
        given = self.in_shardings
        if not isinstance(given, tuple):
            given = (given,) * len(dynamic)
        if len(given) != len(dynamic):
            raise OptionError(
                "in_shardings of a jit function does not fit its arguments",
                expected=f"one sharding, or a tuple of {len(dynamic)}",
                got=f"a tuple of {len(given)}",
                fix="give one for each argument that is not static; None where it has no arrays",
            )
        by_position = dict(zip(dynamic, given, strict=True))
        return [by_position.get(n) for n in range(len(args))]
