"""Mistakes with modules, cells and initialisers."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
from typing import Generic, TypeVar

import jax.numpy as jnp
from jax import Array

from brainlite import nn
from brainlite.nn import functional, init

In = TypeVar("In")
Out = TypeVar("Out")


class Dropout(nn.Module):
    def update(self, x: Array, *, train: bool = False) -> Array:
        return x


class Embedding(nn.Module):
    def update(self, word: int) -> Array:
        return jnp.zeros(word)


class Silent(nn.Module):
    def update(self, x: Array) -> None: ...


class Bare(nn.Module):
    pass


class Layer(nn.Module, ABC):
    @abstractmethod
    def update(self, x: Array) -> Array: ...


class Narrower(Layer):
    def update(self, x: int) -> Array:  # E: override reportIncompatibleMethodOverride
        return jnp.zeros(x)


class More(Layer):
    def update(self, x: Array, y: Array) -> Array:  # E: override reportIncompatibleMethodOverride
        return x


class Residual(nn.Module, Generic[In, Out]):
    def __init__(self, inner: Callable[[In], Out]) -> None:
        self.inner = inner

    def update(self, x: In) -> Out:
        return self.inner(x)


class Sized(nn.Module):
    def __init__(self) -> None:
        self.in_size = "three"  # E: assignment reportAttributeAccessIssue
        self.name = 3  # E: assignment reportAttributeAccessIssue

    def update(self, x: Array) -> Array:
        return self.cel(x)  # E: attr-defined reportAttributeAccessIssue


def calls(model: Dropout, x: Array) -> None:
    model(3)  # E: arg-type reportArgumentType
    model("x")  # E: arg-type reportArgumentType
    model()  # E: call-arg reportCallIssue
    model(x, x)  # E: call-arg reportCallIssue
    model(x, trian=True)  # E: call-arg reportCallIssue
    model(x, train="no")  # E: arg-type reportArgumentType
    model.updat(x)  # E: attr-defined reportAttributeAccessIssue
    number: int = model(x)  # E: assignment reportAssignmentType
    Embedding()(x)  # E: arg-type reportArgumentType
    Embedding()(wrod=3)  # E: call-arg reportCallIssue
    Bare()(x)  # E: misc arg-type reportAttributeAccessIssue reportArgumentType reportCallIssue
    Layer()  # E: abstract reportAbstractUsage
    Residual(Embedding())("x")  # E: arg-type reportArgumentType
    partial(model, trian=True)  # E: call-arg reportCallIssue
    nn.GRUCell(2, 3)(x, x)  # E: call-arg reportCallIssue
    nn.Linear(2, 3)([1.0])  # E: arg-type reportArgumentType
    print(number)


def returns(model: Silent, x: Array) -> Array:
    return model(x)  # E: return-value func-returns-value reportReturnType


def functions_of_arrays(function: Callable[[Array], Array]) -> None:
    function(jnp.zeros(3))


def passing(x: Array) -> None:
    functions_of_arrays(Embedding())  # E: arg-type reportArgumentType
    functions_of_arrays(Silent())  # E: arg-type reportArgumentType
    nn.init_all_states()  # E: call-arg reportCallIssue
    nn.call_all_fns(Dropout(), 3)  # E: arg-type reportArgumentType
    nn.call_order("first")  # E: arg-type reportArgumentType
    embedding: Embedding = nn.init_all_states(Dropout())  # E: arg-type assignment reportAssignmentType
    nn.init_all_states(nn.GRUCell(2, 3)).hidden  # E: attr-defined reportAttributeAccessIssue
    print(embedding)


def layers(x: Array) -> None:
    nn.Linear("2", 3)  # E: arg-type reportArgumentType
    nn.Linear(2)  # E: call-arg reportCallIssue
    nn.Linear(2, 3, w_int=init.ZeroInit())  # E: call-arg reportCallIssue
    nn.Linear(2, 3, w_init="zeros")  # E: arg-type reportArgumentType
    nn.Linear(2, 3, w_init=None)  # E: arg-type reportArgumentType
    nn.Linear(2, 3, param_type=int)  # E: arg-type reportArgumentType
    nn.Linear(2, 3).weigth  # E: attr-defined reportAttributeAccessIssue
    nn.GRUCell(2)  # E: call-arg reportCallIssue
    nn.GRUCell(2, 3, activation=3)  # E: arg-type reportArgumentType
    nn.GRUCell(2, 3).c  # E: attr-defined reportAttributeAccessIssue
    nn.LSTMCell(2, 3).h.value = None  # E: assignment reportAttributeAccessIssue
    nn.GRUcell(2, 3)  # E: attr-defined reportAttributeAccessIssue


def initialisers() -> None:
    init.VarianceScaling(1.0, "fan", "normal")  # E: arg-type reportArgumentType
    init.KaimingNormal(mode="in")  # E: arg-type reportArgumentType
    init.Normal()("3")  # E: arg-type reportArgumentType
    init.Normal(sacle=3.0)  # E: call-arg reportCallIssue
    init.Normal().scale = 3.0  # E: misc reportAttributeAccessIssue
    init.Initializer()  # E: abstract reportAbstractUsage
    init.calculate_init_gain("relu", "0.1")  # E: arg-type reportArgumentType


def activations(x: Array) -> None:
    functional.relu("x")  # E: arg-type reportArgumentType
    functional.relu([1.0, 2.0])  # E: arg-type reportArgumentType
    functional.gelu(x, aproximate=True)  # E: call-arg reportCallIssue
    functional.softmax(x, axis="last")  # E: arg-type reportArgumentType
    functional.one_hot(x)  # E: call-arg reportCallIssue
    functional.resolve_activation(3)  # E: arg-type reportArgumentType
    functional.reluu(x)  # E: attr-defined reportAttributeAccessIssue
    number: float = functional.logsumexp(x)  # E: assignment reportAssignmentType
    print(number)


def modules_around_others(x: Array) -> None:
    nn.vmap_init_all_states(nn.Linear(2, 3))  # E: call-overload reportCallIssue
    nn.Vmap(Dropout())(x, training=True)  # E: call-arg reportCallIssue
    nn.Map(Embedding(), 3)(x)  # E: arg-type reportArgumentType
    nn.Map(nn.Linear(2, 3))  # E: call-arg reportCallIssue
    nn.EnvironContext(Dropout(), fit=True)(x, 3)  # E: call-arg reportCallIssue
    nn.count_parameters(nn.Linear(2, 3), return_table=True) + 1  # E: operator reportOperatorIssue
