"""The optimizer: gradients go in, parameters change, and all that is remembered are states."""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar, overload

import jax
import jax.numpy as jnp

from brainlite._given import OF_OPTIMIZERS, no_such_name
from brainlite.display import Shown
from brainlite.errors import OptionError, StateMissingError
from brainlite.graph import Node, StateDict
from brainlite.graph._face import dotted, dotted_list
from brainlite.nn import is_trainable
from brainlite.nn._face import footprint, in_bytes
from brainlite.nn.functional import clip_grad_norm
from brainlite.optim._arguments import (
    check_options,
    find_groups,
    find_params,
    read_gradients,
)
from brainlite.optim._group import Group, Part
from brainlite.optim._loss import Loss, no_loss
from brainlite.optim._precision import (
    added,
    followed,
    moving_mean,
    to_at_least,
    unscaled,
    value_or_mean,
    widened,
)
from brainlite.optim._scaling import LossScale
from brainlite.optim._slots import OptimState, apply, beside, fitted, is_trained
from brainlite.optim._transformation import Factory, Rate, Transformation
from brainlite.state import ParamState
from brainlite.state._face import AnyState, mesh_of, same_structure, same_types
from brainlite.transform import cond, grad
from brainlite.typing import Array, ArrayLike, DTypeLike, Filter, Path

Aux = TypeVar("Aux")
Trained: TypeAlias = (
    Node | Mapping[Path, ParamState[Any]] | Mapping[str, ParamState[Any]] | Sequence[Node]
)
Values: TypeAlias = dict[str, Any]  # trees of arrays by the name of their parameter


class Optimizer(Node):
    """Trains parameters; all that it remembers from step to step are states.

    So it works in any transform as eagerly, a copy of the pair ``(model, optimizer)`` is a second
    run, and a checkpoint of both goes on where it was.

    Parameters
    ----------
    params : Node, or StateDict of ParamState
        The model whose parameters are trained, or the parameters: ``model.states(ParamState)``, or
        a dict of them by name.
    transform : transformation, function of a learning rate, or sequence of Group
        What makes updates of gradients: a transformation of optax, such as ``optax.adam(1e-3)``; a
        function that makes one of a learning rate, such as ``optax.adam``; or groups of
        parameters that have each their own.
    learning_rate : float or schedule, optional
        What the function is called with. A schedule is a function of the number of updates that
        were applied before. A number can be set later (:attr:`learning_rate`).
    wrt : Filter
        Which of the parameters are trained, by default those that are not frozen.
    clip_norm : float, optional
        The largest norm that the gradients of all groups together have; larger ones are scaled
        down, as in :func:`brainlite.nn.functional.clip_grad_norm`.
    accumulate : int
        How many steps make an update, of the mean of their gradients.
    skip_nonfinite : bool
        Whether a step whose gradients are not finite leaves everything as it was. What the loss
        has written, as the running averages of a batch normalisation, :meth:`minimize` takes back;
        :meth:`update` comes too late for that.
    average : float, optional
        The decay, such as 0.999, of running averages of the parameters: :meth:`averaged`. They
        start from the parameters after the first update.
    loss_scale : LossScale, optional
        Scales losses up in :meth:`minimize`, for gradients in float16. Steps whose gradients
        overflow are skipped.
    master_dtype : dtype, optional
        What parameters are updated in: float32, for those in half precision, which too small
        updates would leave as they are. More exact copies are remembered beside them.

    Attributes
    ----------
    groups : tuple of Part
        The groups, with ``learning_rate``, ``params``, ``slots`` and ``counts``.
    counts, sums, reached, averages, masters : dict of OptimState
        What else is remembered.

    Raises
    ------
    OptionError
        There is nothing to train, a parameter is in no group or no float, a group has no
        parameter, or an option makes no sense.

    Notes
    -----
    A parameter without a gradient, one that is frozen since or one that the loss does not look at,
    keeps its value and what is remembered of it, and goes on when it gets one.

    Gradients of complex parameters, which jax conjugates, are taken so that the loss falls. Trees
    of parameters are to transformations what ``params.to_values()`` is: dicts by path.

    Examples
    --------
    >>> import optax
    >>> model = brainlite.nn.Linear(2, 1)
    >>> optimizer = brainlite.optim.Optimizer(model, optax.adamw, learning_rate=0.1, clip_norm=1.0)
    >>> @brainlite.transform.jit
    ... def train_step(x, y):
    ...     return optimizer.minimize(lambda: ((model(x) - y) ** 2).mean())
    >>> losses = [float(train_step(jnp.eye(2), jnp.ones((2, 1)))) for _ in range(100)]
    >>> losses[-1] < 0.01 * losses[0], int(optimizer.step)
    (True, 100)
    >>> optimizer.learning_rate = 1e-2  # compiles nothing
    """

    __display_compact__ = True
    groups: tuple[Part, ...] = ()
    counts: dict[str, OptimState[Array]]
    sums: dict[str, OptimState[Any]]
    reached: dict[str, OptimState[Array]]
    averages: dict[str, OptimState[Any]]
    masters: dict[str, OptimState[Any]]

    def __init__(
        self,
        params: Trained,
        transform: Transformation | Factory | Sequence[Group],
        *,
        learning_rate: Rate | None = None,
        wrt: Filter = is_trainable,
        clip_norm: float | None = None,
        accumulate: int = 1,
        skip_nonfinite: bool = False,
        average: float | None = None,
        loss_scale: LossScale | None = None,
        master_dtype: DTypeLike | None = None,
    ) -> None:
        found = find_params(params, wrt)
        groups = find_groups(found, transform, learning_rate)
        master = check_options(clip_norm, accumulate, average, loss_scale, master_dtype)
        self._clip_norm: float | None = clip_norm
        self._accumulate: int = accumulate
        self._decay: float | None = average
        self._scaling: LossScale | None = loss_scale
        self._skips: bool = skip_nonfinite or loss_scale is not None
        self.counts = _first_counts(
            grad_norm=clip_norm is not None or skip_nonfinite,
            skipped=self._skips,
            accumulate=accumulate > 1,
            scaling=loss_scale,
        )
        exact = {path: apply(to_at_least(master), state.value) for path, state in found.items()}
        self.groups = tuple(
            Part(group, members, {path: exact[path] for path in members}, self.counts["step"])
            for group, members in groups
        )
        wide = {dotted(path): apply(widened, state.value) for path, state in found.items()}
        self.masters = {
            dotted(path): OptimState(value)
            for path, value in exact.items()
            if not same_types(value, found[path].value)
        }
        zeros = {n: OptimState(apply(jnp.zeros_like, v)) for n, v in wide.items()}
        self.sums = zeros if accumulate > 1 else {}
        # Whether a parameter has got a gradient since the last update; else it is left alone.
        self.reached = {name: OptimState(jnp.zeros((), bool)) for name in self.sums}
        self.averages = {n: OptimState(v) for n, v in wide.items() if average is not None}
        for state, where in self.__placement__(lambda state: state.sharding).items():
            state.sharding = where

    def __placement__(self, of: Callable[[AnyState], Any]) -> dict[AnyState, Any]:
        """Return where what is remembered is to live, given where parameters do: beside them.

        :func:`brainlite.distributed.place` asks, too, for what no rule selects.
        """
        found: dict[AnyState, Any] = {}
        placed = {path: (param, of(param)) for path, param in self._all().items()}
        for path, (param, where) in placed.items():
            if where is None:
                continue
            if not found:
                found |= {state: beside(param, where, state) for state in self._numbers()}
            found |= {state: beside(param, where, state) for state in self._kept(dotted(path))}
        return found

    def _kept(self, name: str) -> list[AnyState]:
        """Return what is remembered of the parameter of a name, in its shape."""
        tables = [states for group in self.groups for states in group.slots.values()]
        every = [*tables, self.masters, self.sums, self.averages]
        return [states[name] for states in every if name in states]

    def _numbers(self) -> list[AnyState]:
        """Return what else is remembered."""
        of_groups = [number for group in self.groups for number in group.numbers()]
        return [*self.counts.values(), *self.reached.values(), *of_groups]

    def _check_placed(self) -> None:
        """Raise if parameters were placed since, and what is remembered of them was not."""
        for path, param in self._all().items():
            home = mesh_of(param.sharding)
            if home is None or all(mesh_of(s.sharding) == home for s in self._kept(dotted(path))):
                continue
            raise OptionError(
                "this model was placed on a mesh after its optimizer was made, and what that "
                "remembers is where it was",
                where=dotted(path),
                expected="moments that live on the mesh of their parameter",
                got="a parameter that lives on a mesh, and moments that do not",
                fix="place the optimizer, too: `distributed.place(optimizer, mesh)`; or make it "
                "after the model is placed",
            )

    @property
    def params(self) -> StateDict[ParamState]:
        """The parameters that are trained now: those that are not frozen."""
        return StateDict((path, s) for path, s in self._all().items() if is_trained(s))

    @property
    def learning_rate(self) -> Array:
        """The learning rate of the next update, shape (). Setting it costs no compilation.

        Optimizers with several groups have one for each: ``optimizer.groups[0].learning_rate``.
        """
        return self._only_group().learning_rate

    @learning_rate.setter
    def learning_rate(self, rate: ArrayLike) -> None:
        self._only_group().learning_rate = rate

    @property
    def step(self) -> Array:
        """How many updates were applied, int, shape ()."""
        return self._count("step", "")

    @property
    def grad_norm(self) -> Array:
        """The norm of the gradients of the last update, before it was clipped, shape ()."""
        return self._count("grad_norm", "clip_norm or skip_nonfinite; clip_norm=inf clips nothing")

    @property
    def skipped(self) -> Array:
        """How many steps were skipped since their gradients were not finite, int, shape ()."""
        return self._count("skipped", "skip_nonfinite=True")

    @property
    def loss_scale(self) -> Array:
        """What the next loss is multiplied by, shape ()."""
        return self._count("loss_scale", "loss_scale=LossScale()")

    @overload
    def minimize(self, loss: Callable[[], Array], has_aux: Literal[False] = False) -> Array: ...
    @overload
    def minimize(
        self, loss: Callable[[], tuple[Array, Aux]], has_aux: Literal[True]
    ) -> tuple[Array, Aux]: ...
    def minimize(self, loss: Callable[[], Any], has_aux: bool = False) -> Any:
        """Take a step against the gradient of a loss.

        Parameters
        ----------
        loss : callable
            Without arguments; returns one number. Line searches, as that of L-BFGS, call it again.
        has_aux : bool
            Whether it returns a pair, ``(number, aux)``.

        Returns
        -------
        array of shape (), or (array, aux)
            The loss from before the step.

        Raises
        ------
        GradError
            The loss is not one number.
        OptionError
            It depends on none of the parameters.

        Notes
        -----
        A step that is skipped also takes back what the loss has written, running averages of a
        batch normalisation for example; random states go on.
        """
        if not callable(loss):
            raise OptionError(
                "minimize takes the gradient itself, so it must compute the loss itself",
                where=f"{type(self).__name__}.minimize",
                expected="a function without arguments that returns one number",
                got=f"a {type(loss).__name__}",
                fix="write minimize(lambda: loss(model(x), y))",
            )
        targets = self.params
        scale = None if self._scaling is None else self.counts["loss_scale"].value
        watched = Loss(loss, has_aux, scale)
        gradients, (value, aux) = grad(watched, targets, has_aux=True)()
        found = {p: g for p, g in gradients.items() if targets[p] in watched.read}
        if not found:
            raise _unread(targets)
        if scale is not None:
            found = jax.tree.map(lambda g: unscaled(g, scale), found)
        named = read_gradients(found, targets)
        again = watched.at(self._all()) if self._accumulate == 1 else no_loss
        self._take(named, {"value": value, "value_fn": again}, watched.undoable())
        return (value, aux) if has_aux else value

    def update(self, grads: Mapping[Path, Any] | Mapping[str, Any], **extra: Any) -> None:
        """Take a step against gradients.

        Parameters
        ----------
        grads : mapping
            By path, as ``grad(loss, optimizer.params)()`` returns them. What has none stays.
        **extra
            What some transformations take besides, such as ``value=`` for reduce-on-plateau;
            :meth:`minimize` passes the loss by itself.

        Raises
        ------
        GraphError
            There are gradients of something else, or some that do not fit; nothing was changed.

        Examples
        --------
        >>> import optax
        >>> model = brainlite.nn.Linear(2, 1)
        >>> optimizer = brainlite.optim.Optimizer(model, optax.sgd(0.1))
        >>> gradient = brainlite.transform.grad(lambda: model(jnp.ones(2)).sum(), optimizer.params)
        >>> optimizer.update(gradient())
        >>> int(optimizer.step)
        1
        """
        self._take(read_gradients(grads, self._all()), extra, {})

    @contextmanager
    def averaged(self) -> Generator[None]:
        """Let the parameters be their running averages in a ``with`` block: to evaluate.

        Raises
        ------
        OptionError
            None are kept, or the block has changed a parameter, which would be lost.

        Examples
        --------
        >>> import optax
        >>> model = brainlite.nn.Linear(2, 1)
        >>> optimizer = brainlite.optim.Optimizer(model, optax.sgd(0.1), average=0.9)
        >>> with optimizer.averaged():
        ...     weight = model.weight.value["weight"]
        """
        states = self._all()
        if self._decay is None:
            raise _not_kept("averages", "average=0.999")
        before = {state: state.value for state in states.values()}
        begun = self.counts["step"].value > 0
        inside: dict[AnyState, list[Any]] = {}
        try:
            for path, state in states.items():
                mean = jax.tree.map(
                    value_or_mean(begun), self.averages[dotted(path)].value, state.value
                )
                state.value = mean
                inside[state] = jax.tree.leaves(state.value)
            yield
            changed = [
                path
                for path, state in states.items()
                if any(map(_differ, jax.tree.leaves(state.value), inside[state]))
            ]
        finally:
            for state, value in before.items():
                state.value = value
        if changed:
            raise OptionError(
                "parameters were changed while their averages stood in for them, which is lost",
                where=dotted_list(changed),
                expected="a block that evaluates",
                got=f"{len(changed)} parameters with new values",
                fix="train outside of `with optimizer.averaged()`",
            )

    if not TYPE_CHECKING:

        def __getattr__(self, name):
            if name in OF_OPTIMIZERS:
                raise no_such_name(f"{type(self).__name__!r} object", name, OF_OPTIMIZERS)
            return object.__getattribute__(self, name)  # which says again what was wrong

    def __display__(self) -> Shown:
        name, shown = super().__display__()
        return Shown(name, [(n, v) for n, v in shown if not isinstance(v, dict) or v])

    def __display_note__(self) -> str:
        if not self.groups:
            return "trains nothing yet"
        size = footprint(self)[1] - footprint(list(self._all().values()))[1]
        return f"{in_bytes(size)} beside the parameters"

    def _take(
        self, grads: Values, extra: Mapping[str, Any], undoable: Mapping[AnyState, Any]
    ) -> None:
        """Take a step, unless it is to be skipped."""
        self._check_placed()
        if not self._skips:
            self._gather(grads, extra)
            return
        finite = jnp.stack([jnp.isfinite(g).all() for g in jax.tree.leaves(grads)]).all()
        cond(finite, lambda: self._gather(grads, extra), lambda: None)
        self._add("skipped", jnp.where(finite, 0, 1))
        if self._scaling is not None:
            scale, good = self.counts["loss_scale"], self.counts["good_steps"]
            scale.value, good.value = self._scaling.after(scale.value, good.value, finite)
        for state, old in undoable.items():
            new = state.value
            if same_structure(old, new) and same_types(old, new):
                state.value = jax.tree.map(lambda n, o: jnp.where(finite, n, o), new, old)

    def _gather(self, grads: Values, extra: Mapping[str, Any]) -> None:
        """Add up gradients, and apply their mean when there are enough."""
        if self._accumulate == 1:
            self._apply(grads, extra)
            self._count_update()
            return
        count = self.counts["gathered"].value + 1
        full = count == self._accumulate
        for name, gradient in grads.items():
            self.sums[name].value = jax.tree.map(added, self.sums[name].value, gradient)
            self.reached[name].value = jnp.ones((), bool)
        if "value" in extra:
            self._add("gathered_loss", extra["value"] / self._accumulate)
            extra = {**extra, "value": self.counts["gathered_loss"].value}
        trained = [dotted(path) for path in self.params]

        def apply_mean() -> None:
            mean = {
                name: jax.tree.map(lambda s: s / self._accumulate, self.sums[name].value)
                for name in trained
            }
            before = {n: [s.value for s in self._remembered(n)] for n in trained}
            self._apply(mean, extra)
            for name in trained:
                choose = value_or_mean(self.reached[name].value)
                for state, old in zip(self._remembered(name), before[name], strict=True):
                    state.value = jax.tree.map(choose, state.value, old)
            self._count_update()

        cond(full, apply_mean, lambda: None)
        self.counts["gathered"].value = jnp.where(full, 0, count)
        for state in (*self.sums.values(), *self.reached.values(), self.counts["gathered_loss"]):
            state.value = jax.tree.map(lambda s: jnp.where(full, jnp.zeros_like(s), s), state.value)

    def _remembered(self, name: str) -> list[AnyState]:
        """Return the parameter of a name, and what a transformation changes beside it."""
        slots = [states for group in self.groups for states in group.slots.values()]
        every: list[Mapping[str, AnyState]] = [*slots, self.masters]
        every += [group.params for group in self.groups]
        return [states[name] for states in every if name in states]

    def _apply(self, grads: Values, extra: Mapping[str, Any]) -> None:
        """Update the parameters that have gradients."""
        if "grad_norm" in self.counts:
            most = jnp.inf if self._clip_norm is None else self._clip_norm
            grads, norm = clip_grad_norm(grads, most, return_norm=True)
            self.counts["grad_norm"].value = norm.astype("float32")
        states = {dotted(path): state for path, state in self._all().items()}
        for group in self.groups:
            exact = {n: self._exact(n, states[n].value) for n in group.params if n in grads}
            for name, value in group.updated(exact, grads, extra).items():
                states[name].value = jax.tree.map(fitted, value, states[name].value)
                if name in self.masters:
                    self.masters[name].value = value

    def _count_update(self) -> None:
        """Count an update, and let the averages follow: those of all parameters, frozen or not."""
        if self._decay is not None:
            follow = moving_mean(self._decay, self.counts["step"].value == 0)
            for path, state in self._all().items():
                name, mean = dotted(path), self.averages[dotted(path)]
                mean.value = jax.tree.map(follow, mean.value, self._exact(name, state.value))
        self._add("step", 1)

    def _exact(self, name: str, value: Any) -> Any:
        """Return a parameter in the precision in which it is updated."""
        if name not in self.masters:
            return value
        return jax.tree.map(followed, self.masters[name].value, value)

    def _all(self) -> dict[Path, ParamState[Any]]:
        """Return every parameter by path, the frozen ones, too."""
        if not self.groups:
            raise StateMissingError(
                f"this {type(self).__name__} has no parameters yet",
                expected="an optimizer that was told what to train",
                got="one that was made without",
                fix="call `register_trainable_weights(model.states(brainlite.ParamState))`",
            )
        return {path: state for group in self.groups for path, state in group.by_path()}

    def _only_group(self) -> Part:
        """Return the group of an optimizer that has a single one."""
        self._all()
        if len(self.groups) == 1:
            return self.groups[0]
        raise OptionError(
            "an optimizer of several groups has no single learning rate",
            where="learning_rate",
            expected="one group",
            got=f"{len(self.groups)} groups",
            fix="use that of a group: `optimizer.groups[0].learning_rate`",
        )

    def _count(self, name: str, option: str) -> Array:
        self._all()
        if name not in self.counts:
            raise _not_kept(name, option)
        return self.counts[name].value

    def _add(self, name: str, amount: Any) -> None:
        count = self.counts[name]
        count.value = fitted(count.value + amount, count.value)


def _first_counts(
    *, grad_norm: bool, skipped: bool, accumulate: bool, scaling: LossScale | None
) -> dict[str, OptimState[Array]]:
    """Make the states that count steps, those alone that the options ask for."""
    counts: dict[str, Array] = {"step": jnp.zeros((), "int32")}
    if grad_norm:
        counts["grad_norm"] = jnp.zeros((), "float32")
    if skipped:
        counts["skipped"] = jnp.zeros((), "int32")
    if accumulate:
        counts |= {"gathered": jnp.zeros((), "int32"), "gathered_loss": jnp.zeros((), "float32")}
    if scaling is not None:
        scale = jnp.asarray(scaling.initial, "float32")
        counts |= {"loss_scale": scale, "good_steps": jnp.zeros((), "int32")}
    return {name: OptimState(value) for name, value in counts.items()}


def _not_kept(name: str, option: str) -> OptionError:
    return OptionError(
        "this optimizer does not keep what was asked for",
        where=name,
        expected=f"an optimizer made with {option}",
        got="one without",
        fix=f"pass {option} when it is made",
    )


def _unread(targets: Mapping[Path, object]) -> OptionError:
    """Return the error for a loss that reads none of the parameters."""
    return OptionError(
        "the loss depends on no parameter of this optimizer",
        where="minimize",
        expected=f"a loss that looks at some of {dotted_list(targets)}, not frozen"
        if targets
        else "parameters that are not all frozen",
        got="one that looks at others, if at any: were the layers put anew into the model since "
        "the optimizer was made?",
        fix="make the optimizer of the model as it is now, or call `requires_grad_(True)`",
    )


def _differ(one: object, other: object) -> bool:
    return one is not other
