"""What attention is called with: what does not fit is refused with what would."""

from typing import Any

import jax.numpy as jnp
import pytest

from brainlite.errors import InputError
from brainlite.nn import ModuleList, MultiheadAttention

LAYER = MultiheadAttention(8, 2, kdim=3, vdim=5)
Q, K, V = jnp.ones((4, 6, 8)), jnp.ones((4, 7, 3)), jnp.ones((4, 7, 5))


@pytest.mark.parametrize(
    ("inputs", "call", "text"),
    [
        ((Q[..., :7], K, V), {}, r"query is no sequence(.|\n)*time, 8\)(.|\n)*\(4, 6, 7\)"),
        ((Q[0, 0], K, V), {}, r"query is no sequence(.|\n)*got: +an array of shape \(8,\)"),
        ((Q, V, V), {}, r"key is no(.|\n)*time, 3\)(.|\n)*\(4, 7, 5\)"),
        ((Q, K, K), {}, r"value is no(.|\n)*time, 5\)"),
        ((Q, K, V[:, :6]), {}, r"do not fit each other(.|\n)*value of shape \(4, 6, 5\)"),
        ((Q[:3], K, V), {}, r"do not fit each other(.|\n)*query of shape \(3, 6, 8\)"),
        ((Q, K, V), {"attn_mask": jnp.ones((7, 6), bool)}, r"attn_mask(.|\n)*\(6, 7\), \(4, 2,"),
        ((Q, K, V), {"attn_mask": jnp.ones((3, 6, 7))}, r"or \(8, 6, 7\)(.|\n)*\(3, 6, 7\)"),
        ((Q, K, V), {"attn_mask": jnp.ones((6, 7), int)}, r"bool or float(.|\n)*int32"),
        ((Q, K, V), {"attn_mask": jnp.ones((4, 3, 6, 7))}, r"attn_mask(.|\n)*\(4, 3, 6, 7\)"),
        (
            (Q, K, V),
            {"key_padding_mask": jnp.ones((4, 6), bool)},
            r"key_padding_mask(.|\n)*\(4, 7\)(.|\n)*True where it is not read",
        ),
    ],
)
def test_what_does_not_fit_is_refused(inputs: Any, call: Any, text: str) -> None:
    with pytest.raises(InputError, match=rf"(?s)^MultiheadAttention: .*{text}"):
        LAYER(*inputs, **call)


def test_the_message_names_the_path() -> None:
    model = ModuleList([LAYER])
    with pytest.raises(InputError, match=r"^ModuleList\[0\].*: query"):
        model[0](Q[..., :1], K, V)


def test_masks_for_all_for_each_head_and_as_torch_folds_them_are_one() -> None:
    mask = jnp.arange(42).reshape(6, 7) % 3 == 0
    whole, _ = LAYER(Q, K, V, attn_mask=mask)
    for other in (
        jnp.broadcast_to(mask, (8, 6, 7)),
        jnp.broadcast_to(mask, (4, 1, 6, 7)),
        jnp.broadcast_to(mask, (1, 2, 6, 7)),
    ):
        assert jnp.allclose(LAYER(Q, K, V, attn_mask=other)[0], whole, atol=1e-6)
