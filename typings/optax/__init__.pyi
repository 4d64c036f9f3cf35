# The part of optax that the tests, the examples and the tutorial use. Trees keep their type: the updates made of a
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
