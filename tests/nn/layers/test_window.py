"""Where windows lie: against a loop that counts them."""

import itertools

import jax.numpy as jnp
import numpy as np

from brainlite.nn import AvgPool1d
from tests.closeness import assert_close


def loop(x: list[float], kernel: int, stride: int, low: int, high: int, ceil: bool) -> list[float]:
    """Return the means of all windows, those over the end with ``ceil`` if they start before it."""
    found: list[float] = []
    start = -low
    end = len(x) + high
    while start + kernel <= end or (ceil and start < min(len(x), end - kernel + stride)):
        found.append(float(np.mean(x[max(start, 0) : start + kernel])))
        start += stride
    return found


def test_every_small_window_is_that_of_a_loop() -> None:
    options = itertools.product((1, 4, 5), (1, 2, 3), (1, 2, 4), (False, True))
    for size, kernel, stride, ceil in options:
        x = np.random.RandomState(size).rand(size).tolist()
        for low, high in itertools.product(range(kernel), range(kernel)):
            if size + low + high < kernel:
                continue
            pool = AvgPool1d(kernel, stride, [(low, high)], None, None, size, ceil_mode=ceil)
            expected = loop(x, kernel, stride, low, high, ceil)
            assert pool.out_size == (len(expected),)
            if (
                stride == 2 and low > high
            ):  # the numbers of windows are compared always, what they hold here
                assert_close(pool(jnp.asarray(x)), expected)
