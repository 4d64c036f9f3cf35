# pyright: reportIncompleteStub=false
# The part of optax that the examples and the documentation use; tests compare with more of it, untyped. Trees keep their type: the updates made of a
# `dict[Path, Array]` are a `dict[Path, Array]`.
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, TypeAlias, TypeVar

from jax import Array
from jax.typing import ArrayLike
from typing_extensions import disjoint_base

_Tree = TypeVar("_Tree")

OptState: TypeAlias = Any
Schedule: TypeAlias = Callable[[ArrayLike], ArrayLike]
ScalarOrSchedule: TypeAlias = float | Array | Schedule

class TransformInitFn(Protocol):
    def __call__(self, params: Any) -> OptState: ...

class TransformUpdateFn(Protocol):
    def __call__(
        self, updates: _Tree, state: OptState, params: Any | None = None
    ) -> tuple[_Tree, OptState]: ...

class GradientTransformation(NamedTuple):
    init: TransformInitFn
    update: TransformUpdateFn

@disjoint_base
class GradientTransformationExtraArgs(GradientTransformation): ...

def chain(*args: GradientTransformation) -> GradientTransformationExtraArgs: ...
def clip_by_global_norm(max_norm: ArrayLike) -> GradientTransformation: ...
def adam(
    learning_rate: ScalarOrSchedule,
    b1: ArrayLike = 0.9,
    b2: ArrayLike = 0.999,
    eps: ArrayLike = 1e-8,
    eps_root: ArrayLike = 0.0,
    mu_dtype: Any | None = None,
    *,
    nesterov: bool = False,
) -> GradientTransformationExtraArgs: ...
def apply_updates(params: _Tree, updates: _Tree) -> _Tree: ...
def softmax_cross_entropy_with_integer_labels(
    logits: ArrayLike,
    labels: ArrayLike,
    axis: int | tuple[int, ...] = -1,
    where: ArrayLike | None = None,
) -> Array: ...
def adamw(
    learning_rate: ScalarOrSchedule,
    b1: ArrayLike = 0.9,
    b2: ArrayLike = 0.999,
    eps: ArrayLike = 1e-8,
    eps_root: ArrayLike = 0.0,
    mu_dtype: Any | None = None,
    weight_decay: ArrayLike = 1e-4,
    mask: Any | Callable[[Any], Any] | None = None,
    *,
    nesterov: bool = False,
) -> GradientTransformationExtraArgs: ...
def sgd(
    learning_rate: ScalarOrSchedule,
    momentum: ArrayLike | None = None,
    nesterov: bool = False,
    accumulator_dtype: Any | None = None,
) -> GradientTransformationExtraArgs: ...
def warmup_cosine_decay_schedule(
    init_value: float,
    peak_value: float,
    warmup_steps: int,
    decay_steps: int,
    end_value: float = 0.0,
    exponent: float = 1.0,
) -> Schedule: ...
def __getattr__(name: str) -> Any: ...
