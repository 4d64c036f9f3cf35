"""How close two results must be: the same bits, or as close as any CPU brings them.

One formula has many right results. XLA rounds a product and a sum together on one CPU and apart on
another, adds up in four, eight or sixteen lanes, and takes another polynomial for exp where
optimizations are on. Each rounding errs by at most half a unit in the last place of what is
rounded, so two right results differ by no more than

    ROUNDINGS * terms * eps * (|expected| + scale)

where eps is that of the coarser dtype of the two, ``terms`` the length of the longest sum behind an
element (through the steps of a loop, too), and ``scale`` the largest number that is rounded on the
way: an element near zero is often a difference of large ones. [1]_

The same bits are to be expected only where one compiled program, or one operation with the same
shapes, computes both; where numbers are only moved; and of small whole numbers.

References
----------
.. [1] Higham, "Accuracy and Stability of Numerical Algorithms", second edition, 2002, section 3.1.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

# For one term, of both results: each errs in the product and in the sum, and by the two or three
# units to which elementary functions are good.
ROUNDINGS = 16


def assert_same(actual: Any, expected: Any) -> None:
    """Compare two pytrees bit for bit; arrays of random keys, too."""
    jax.tree.map(lambda a, e: np.testing.assert_array_equal(plain(a), plain(e)), actual, expected)


def assert_close(actual: Any, expected: Any, terms: int = 8, scale: float = 0.0) -> None:
    """Compare two pytrees up to rounding; whole numbers and random keys exactly.

    ``terms`` is the length of the sums: eight are enough for the small models of most tests.
    ``scale`` is wanted only where larger numbers are added up than the largest expected one.
    """

    def compare(a: Any, e: Any) -> None:
        a, e = plain(a), plain(e)
        if not jnp.issubdtype(e.dtype, np.inexact) and not jnp.issubdtype(a.dtype, np.inexact):
            np.testing.assert_array_equal(a, e)
            return
        rtol = ROUNDINGS * terms * max(map(_epsilon, (a, e)))
        size = np.abs(e[np.isfinite(e)]).max(initial=scale)
        np.testing.assert_allclose(a, e, rtol, rtol * size)

    jax.tree.map(compare, actual, expected)


def assert_leaves_close(actual: Any, expected: Any, terms: int = 8) -> None:
    """Compare the leaves of two pytrees up to rounding, whatever containers they are in."""
    assert_close(jax.tree.leaves(actual), jax.tree.leaves(expected), terms)


def assert_to_last_place(actual: Any, expected: float) -> None:
    """Compare a float32 that keeps all its digits with its value in float64: at most two units off.

    Of results whose rounding is carried along, such as a sum in two floats.
    """
    np.testing.assert_allclose(actual, expected, rtol=2 * float(np.finfo(np.float32).eps))


def plain(leaf: Any) -> np.ndarray[Any, Any]:
    """Return a leaf as an array of numpy: of random keys, their numbers."""
    if isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        return np.asarray(jax.random.key_data(leaf))
    return np.asarray(leaf)


def _epsilon(array: np.ndarray[Any, Any]) -> float:
    if not jnp.issubdtype(array.dtype, np.inexact):
        return 0.0
    return float(jnp.finfo(array.dtype).eps)  # type: ignore[no-untyped-call]  # of jax
