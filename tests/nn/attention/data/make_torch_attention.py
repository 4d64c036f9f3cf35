"""Writes torch_attention.npz: what torch's attention and transformers compute, and their gradients.

Run it with torch installed: ``python -m tests.nn.attention.data.make_torch_attention``. The tests
draw the same inputs and parameters with numpy, so that results alone are stored: for each case one
vector of the outputs and of the gradients of inputs and parameters.
"""

import importlib
import itertools
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

PATH = Path(__file__).with_name("torch_attention.npz")
B, T, S, E, H = 2, 3, 4, 4, 2

Array = np.ndarray[Any, Any]
Shapes = dict[str, tuple[int, ...]]

RANDOM = np.random.RandomState(3)
LATER = np.triu(np.ones((T, T), bool), 1)  # of bools, True where a key is not read
SOME = RANDOM.rand(T, S) < 0.4
SOME[:, 1] = False
EACH = RANDOM.randn(B * H, T, S).astype(np.float32)
EACH[0, 1, 2] = EACH[3, 0, :2] = -np.inf
PADDED = np.array([[False, False, False, True], [True, False, True, False]])
SHORT = PADDED[:, :T]


class Case(NamedTuple):
    """A class of torch, its options, its inputs, and what else it is called with."""

    kind: str
    options: dict[str, Any]
    inputs: Shapes
    call: dict[str, Any]


OWN: Shapes = {"query": (B, T, E)}
CROSS: Shapes = {"query": (B, T, E), "key": (B, S, E), "value": (B, S, E)}
SIZED: Shapes = {"query": (B, T, E), "key": (B, S, 3), "value": (B, S, 5)}
SOURCE: Shapes = {"src": (B, T, E)}
BOTH: Shapes = {"tgt": (B, T, E), "memory": (B, S, E)}
CAUSAL = {"attn_mask": LATER, "is_causal": True}


def attention_cases() -> dict[str, Case]:
    found: dict[str, tuple[dict[str, Any], Shapes, dict[str, Any]]] = {
        "plain": ({}, OWN, {}),
        "heads": ({}, OWN, {"average_attn_weights": False}),
        "causal": ({"bias": False}, OWN, CAUSAL),
        "weightless": ({}, OWN, {**CAUSAL, "need_weights": False, "key_padding_mask": SHORT}),
        "cross": ({}, CROSS, {"attn_mask": SOME, "key_padding_mask": PADDED}),
        "sizes": ({"kdim": 3, "vdim": 5}, SIZED, {"attn_mask": EACH}),
        "biasless": ({"kdim": 3, "vdim": 5, "bias": False}, SIZED, {"need_weights": False}),
        "floats": ({}, CROSS, {"attn_mask": EACH, "need_weights": False}),
        "appended": (
            {"add_bias_kv": True, "add_zero_attn": True},
            CROSS,
            {"attn_mask": SOME, "key_padding_mask": PADDED},
        ),
        "zeros": ({"add_zero_attn": True}, OWN, CAUSAL),  # without weights torch drops the zeros
    }
    return {
        f"attention-{name}": Case("MultiheadAttention", {"embed_dim": E, "num_heads": H, **o}, i, c)
        for name, (o, i, c) in found.items()
    }


def transformer_cases() -> dict[str, Case]:
    cases: dict[str, Case] = {}
    flags = itertools.product((True, False), ("relu", "gelu"))
    for first, act in flags:
        options: dict[str, Any] = {"d_model": E, "nhead": H, "dim_feedforward": 5, "dropout": 0.0}
        options |= {"activation": act, "norm_first": first, "bias": act == "relu"}
        call: dict[str, Any] = (
            {"src_mask": LATER, "is_causal": True} if first else {"src_key_padding_mask": SHORT}
        )
        cases[f"encoder-{first}-{act}"] = Case("TransformerEncoderLayer", options, SOURCE, call)
        call = {"tgt_mask": LATER, "memory_key_padding_mask": PADDED, "tgt_is_causal": True}
        if not first:
            call = {"memory_mask": SOME, "tgt_key_padding_mask": SHORT}
        cases[f"decoder-{first}-{act}"] = Case("TransformerDecoderLayer", options, BOTH, call)
    whole: dict[str, Any] = {
        "d_model": E,
        "nhead": H,
        "num_encoder_layers": 2,
        "num_decoder_layers": 2,
    }
    whole |= {"dim_feedforward": 5, "dropout": 0.0}
    inputs: Shapes = {"src": (B, S, E), "tgt": (B, T, E)}
    masks: dict[str, Any] = {
        "tgt_mask": LATER,
        "src_key_padding_mask": PADDED,
        "memory_key_padding_mask": PADDED,
    }
    cases["transformer"] = Case("Transformer", whole, inputs, masks)
    return cases


CASES = {**attention_cases(), **transformer_cases()}


def draw(shapes: Shapes, seed: int) -> dict[str, Array]:
    """Return an array for each name, the same on every machine."""
    generator = np.random.RandomState(seed)
    return {k: (generator.randn(*shape) / 2).astype(np.float32) for k, shape in shapes.items()}


def weigh(results: list[Any], seed: int = 5) -> list[Array]:
    """Return with what the loss weighs each result."""
    shapes = {str(number): tuple(each.shape) for number, each in enumerate(results)}
    return list(draw(shapes, seed).values())


def compute(case: Case, seed: int = 7) -> Array:
    """Return what torch computes, as one vector."""
    torch: Any = importlib.import_module("torch")
    layer = getattr(torch.nn, case.kind)(**case.options, batch_first=True)
    shapes = {name: tuple(value.shape) for name, value in layer.state_dict().items()}
    layer.load_state_dict({k: torch.tensor(v) for k, v in draw(shapes, seed + 2).items()})
    drawn = draw(case.inputs, seed)
    leaves = {name: torch.tensor(each, requires_grad=True) for name, each in drawn.items()}
    call = {k: torch.tensor(v) if isinstance(v, np.ndarray) else v for k, v in case.call.items()}
    given = [*leaves.values()] * (3 if case.inputs == OWN else 1)
    found = layer(*given, **call)
    results = [
        each for each in (found if isinstance(found, tuple) else (found,)) if each is not None
    ]
    pairs = zip(results, weigh(results), strict=True)
    loss: Any = sum((each * torch.tensor(weight)).sum() for each, weight in pairs)
    loss.backward()
    parameters = dict(layer.named_parameters())
    gradients = [each.grad for each in (*leaves.values(), *(parameters[name] for name in shapes))]
    return np.concatenate([each.detach().numpy().ravel() for each in (*results, *gradients)])


def compute_function(seed: int = 7) -> dict[str, Any]:
    """Return what torch's function computes."""
    torch: Any = importlib.import_module("torch")
    function = torch.nn.functional.scaled_dot_product_attention
    found: dict[str, Array] = {}
    for name, (shapes, call) in FUNCTION.items():
        arrays = [torch.tensor(each) for each in draw(shapes, seed).values()]
        call = {k: torch.tensor(v) if isinstance(v, np.ndarray) else v for k, v in call.items()}
        found[f"function-{name}"] = function(*arrays, **call).numpy()
    return found


def qkv(*lead: int, keys: tuple[int, ...] | None = None, features: int = E) -> Shapes:
    keys = lead if keys is None else keys
    return {"q": (*lead, T, E), "k": (*keys, S, E), "v": (*keys, S, features)}


FUNCTION: dict[str, tuple[Shapes, dict[str, Any]]] = {
    "plain": (qkv(B, H), {}),
    "flat": (qkv(), {"is_causal": True}),
    "masked": (qkv(B, 3, H), {"attn_mask": ~SOME, "scale": 0.7}),
    "floats": (qkv(B, H), {"attn_mask": EACH.reshape(B, H, T, S)}),
    "wide": (qkv(B, H, features=5), {"is_causal": True}),
    "grouped": (qkv(B, 4, keys=(B, 2)), {"enable_gqa": True, "is_causal": True}),
    "batch": (qkv(B), {"attn_mask": EACH[:B]}),
}


def main() -> None:
    found: dict[str, Any] = {name: compute(case) for name, case in CASES.items()}
    np.savez_compressed(PATH, **(found | compute_function()))


if __name__ == "__main__":
    main()
