"""Attention step by step: what it keeps of the steps before, and how it reads on."""

from abc import abstractmethod
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.lax import dynamic_update_slice_in_dim

from brainlite._given import to_size
from brainlite._jax_compat import Tracer
from brainlite.errors import StateMissingError
from brainlite.nn._attention.arguments import check_sequences
from brainlite.nn._functional.attention import Masks
from brainlite.nn._layers.layer import Layer
from brainlite.nn._layers.linear import Linear
from brainlite.state import HiddenState
from brainlite.state._face import locate, refused
from brainlite.typing import Array


class Cache(NamedTuple):
    """Keys and values of a fixed number of steps, and how many of them have been read.

    Each sequence of a batch has a length of its own. To let sequences go on that were padded to
    one length, put their own lengths there: the padding is not read, and is written over.
    """

    key: Array  # ([B,] max_length, heads, features of a head)
    value: Array
    length: Array  # ([B])

    @property
    def size(self) -> int:
        """How many steps there is room for."""
        return self.key.shape[-3]

    def extended(self, key: Array, value: Array) -> "Cache":
        """Return a cache that holds some steps more, ([B,] T, heads, features of a head)."""

        def write(old: Array, new: Array, start: Array) -> Array:
            return dynamic_update_slice_in_dim(old, new.astype(old.dtype), start, 0)

        if self.length.ndim:
            write = jax.vmap(write)
        return Cache(
            write(self.key, key, self.length),
            write(self.value, value, self.length),
            self.length + key.shape[-3],
        )


class Stepwise(Layer):
    """A layer of attention that can be run step by step; a subclass maps, and reads."""

    cache: HiddenState[Cache]
    embed_dim: int
    kdim: int
    vdim: int
    num_heads: int
    out_proj: Linear

    @abstractmethod
    def _project(self, query: Array, key: Array, value: Array) -> list[Array]:
        """Map queries, keys and values, each to (..., time, heads, features of a head)."""

    @abstractmethod
    def _read(
        self, q: Array, k: Array, v: Array, masks: Masks, causal: bool, need_weights: bool
    ) -> tuple[Array, Array | None]:
        """Return the output, and the weights of each head if they are needed."""

    def init_state(
        self, batch_size: int | None = None, max_length: int | None = None, **kwargs: Any
    ) -> None:
        """Make an empty cache for :meth:`step`.

        Parameters
        ----------
        batch_size : int, optional
            The number of sequences; without it there is one, without a batch axis.
        max_length : int, optional
            How many steps it holds. Without it no cache is made.
        """
        del kwargs
        if max_length is not None:
            self.cache = HiddenState(self._empty(batch_size, max_length))

    def reset_state(
        self, batch_size: int | None = None, max_length: int | None = None, **kwargs: Any
    ) -> None:
        """Empty the cache, if there is one; by default it holds as many steps as before."""
        del kwargs
        state: HiddenState[Cache] | None = getattr(self, "cache", None)
        if state is not None:
            size = state.value.size if max_length is None else max_length
            state.value = self._empty(batch_size, size)

    def _empty(self, batch_size: int | None, max_length: int) -> Cache:
        kind = type(self).__name__
        batch = () if batch_size is None else to_size(batch_size, "batch_size", kind)
        [size] = to_size(max_length, "max_length", kind)
        dtype = self.out_proj.weight.value["weight"].dtype if self.dtype is None else self.dtype
        zeros = jnp.zeros((*batch, size, self.num_heads, self.embed_dim // self.num_heads), dtype)
        return Cache(zeros, zeros, jnp.zeros(batch, jnp.int32))

    def step(self, x: Array) -> Array:
        """Read on: attend to ``x`` and to all that came before, which the cache keeps.

        One step after the other gives what ``update(x, x, x, is_causal=True)`` gives at once.

        Parameters
        ----------
        x : array, shape ([batch,] embed_dim) or ([batch,] T, embed_dim)
            One step, or several.

        Returns
        -------
        array, of the shape of ``x``
            Under a transform, where the length is not known, a step that the cache has no room for
            gives NaN.

        Raises
        ------
        InputError
            The input does not fit the layer or the batch of the cache, or the cache is full.
        StateMissingError
            There is no cache: call ``init_all_states(model, batch_size=..., max_length=...)``.
        """
        old = self._cache_for(x)
        single = x.ndim == old.length.ndim + 1
        xs = x[..., None, :] if single else x
        check_sequences(self, (self.embed_dim, self.kdim, self.vdim), xs, xs, xs)
        q, k, v = self._project(xs, xs, xs)
        cache = old.extended(k, v)
        times = old.length[..., None, None] + jnp.arange(xs.shape[-2])[:, None]  # (..., T, 1)
        masks = Masks((jnp.arange(cache.size) <= times)[..., None, :, :])
        out, _ = self._read(q, cache.key, cache.value, masks, causal=False, need_weights=False)
        out = jnp.where((cache.length <= cache.size)[..., None, None], out, jnp.nan)
        self.cache.value = cache
        return out[..., 0, :] if single else out

    def _cache_for(self, x: Array) -> Cache:
        """Return the cache, if it fits the input and has room for it."""
        state: HiddenState[Cache] | None = getattr(self, "cache", None)
        if state is None:
            raise StateMissingError(
                "there is no cache for steps",
                where=locate(self) or type(self).__name__,
                expected="a model whose states were made, with a number of steps to hold",
                got="one on which init_state(max_length=...) was not called",
                fix="call `brainlite.nn.init_all_states(model, batch_size=..., max_length=...)`",
            )
        cache = state.value
        batch = cache.length.shape
        axes = x.ndim - len(batch)
        if axes not in (1, 2) or x.shape[: len(batch)] != batch:
            raise refused(
                self,
                "the input does not have the batch of the cache",
                expected=f"an array of shape {(*batch, *self.in_size)}, or with a time axis",
                got=f"an array of shape {x.shape}",
                fix=f"call `init_all_states(model, batch_size=..., max_length={cache.size})` anew",
            )
        steps = x.shape[-2] if axes == 2 else 1
        used = 0 if isinstance(cache.length, Tracer) else int(cache.length.max(initial=0))
        if used + steps > cache.size:
            raise refused(
                self,
                "the cache is full",
                expected=f"at most {cache.size} steps",
                got=f"{used} steps before, and {steps} now",
                fix="make the cache with a larger max_length, or empty it with reset_all_states",
            )
        return cache
