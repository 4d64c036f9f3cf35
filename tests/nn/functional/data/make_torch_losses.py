"""Writes torch_losses.npz: what torch's losses compute, and their gradients.

Run it with torch installed: ``python -m tests.nn.functional.data.make_torch_losses``. The tests
draw the same inputs with numpy, so that results alone are stored: for each case one vector of the
loss of each element, their sum and mean, and the gradients with respect to floating inputs of
the mean and a weighted sum together.
"""

import importlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

PATH = Path(__file__).with_name("torch_losses.npz")
CLASSES = 3
REDUCTIONS = ("none", "sum", "mean")

Floats = np.ndarray[Any, np.dtype[Any]]


class Case(NamedTuple):
    """A loss, what its inputs are (see `draw`), and its options."""

    loss: str
    inputs: str
    options: dict[str, Any]
    batch: tuple[int, ...] = (4,)

    def __str__(self) -> str:
        options = [f"{k}={'...' if isinstance(v, list) else v}" for k, v in self.options.items()]
        return "-".join([self.loss, *self.inputs.split(), str(len(self.batch)), *options])


def make_cases() -> list[Case]:
    weight = [0.5, 2.0, 1.5]
    cases = [
        Case("mse_loss", "normal normal", {}),
        Case("mse_loss", "normal normal", {}, ()),
        Case("l1_loss", "normal normal", {}),
        *[Case("smooth_l1_loss", "normal normal", {"beta": b}) for b in (0.0, 0.5)],
        Case("huber_loss", "normal normal", {"delta": 0.5}),
        *[
            Case("poisson_nll_loss", "uniform counts", {"log_input": log, "full": full})
            for log, full in ((True, True), (False, False))
        ],
        *[
            Case("gaussian_nll_loss", f"normal normal {var}", {"full": full, "eps": 0.3})
            for full, var in ((True, "uniform"), (False, "uniform-1"))
        ],
        Case("binary_cross_entropy", "uniform uniform", {}),
        Case("binary_cross_entropy", "uniform uniform", {"weight": weight}),
        Case("binary_cross_entropy_with_logits", "normal uniform", {}),
        Case("binary_cross_entropy_with_logits", "normal uniform", {"pos_weight": weight}),
        Case("binary_cross_entropy_with_logits", "normal uniform", {"weight": weight}),
        Case("soft_margin_loss", "normal signs", {}),
        Case("hinge_embedding_loss", "normal signs", {"margin": 0.5}),
        Case("margin_ranking_loss", "normal normal signs", {"margin": 0.3}),
        Case("cosine_embedding_loss", "normal normal sign", {"margin": 0.2}),
        *[
            Case("triplet_margin_loss", "normal normal normal", {"p": p, "swap": swap})
            for p, swap in ((1.0, True), (2.0, False), (3.0, True))
        ],
        Case("multi_margin_loss", "normal classes", {}),
        Case("multi_margin_loss", "normal classes", {"p": 2, "margin": 0.7, "weight": weight}),
        Case("kl_div", "logs probabilities", {}),
        Case("kl_div", "logs logs", {"log_target": True}),
        *[Case("ctc_loss", "ctc", {"blank": b, "zero_infinity": True}) for b in (0, 2)],
    ]
    for batch in ((), (4,), (4, 2), (3, 2, 2)):
        options: list[dict[str, Any]] = [{}]
        if len(batch) == 2:
            options += [{"weight": weight}, {"label_smoothing": 0.1}, {"ignore_index": 1}]
            options += [{"weight": weight, "ignore_index": 1, "label_smoothing": 0.3}]
        for each in options:
            cases.append(Case("cross_entropy", "normal classes", each, batch))
            if "ignore_index" not in each:
                cases.append(Case("cross_entropy", "normal probabilities", each, batch))
            if "label_smoothing" not in each:
                cases.append(Case("nll_loss", "logs classes", each, batch))
    return cases


CASES = make_cases()


def draw(case: Case, seed: int = 7) -> list[Floats]:
    """Return the inputs of a case, the same on every machine; classes are the last axis."""
    generator = np.random.RandomState(seed)
    shape = (*case.batch, CLASSES)
    if case.inputs == "ctc":
        labels = generator.randint(0, 3, (3, 3))
        labels += labels >= case.options["blank"]
        labels[2] = labels[2, 0]  # three equal ones need five steps
        scores = generator.randn(6, 3, 4).astype(np.float32)
        logs = scores - np.log(np.exp(scores).sum(-1, keepdims=True))
        return [logs, labels, np.array([6, 4, 4]), np.array([3, 0, 3])]
    made: dict[str, Any] = {
        "normal": lambda: generator.randn(*shape),
        "uniform": lambda: generator.uniform(0.05, 0.95, shape),
        "uniform-1": lambda: generator.uniform(0.05, 0.95, (*case.batch, 1)),
        "counts": lambda: generator.poisson(2.0, shape) * 1.0,
        "signs": lambda: generator.choice([-1.0, 1.0], shape),
        "sign": lambda: generator.choice([-1.0, 1.0], case.batch),
        "classes": lambda: np.asarray(generator.randint(0, CLASSES, case.batch)),
        "probabilities": lambda: generator.dirichlet(np.ones(CLASSES), case.batch),
        "logs": lambda: np.log(generator.dirichlet(np.ones(CLASSES), case.batch)),
    }
    arrays: list[Any] = [made[kind]() for kind in case.inputs.split()]
    return [x.astype(np.float32) if x.dtype == np.float64 else x for x in arrays]


def draw_weights(shape: tuple[int, ...], seed: int = 8) -> Floats:
    """Return what the losses of the elements are weighted with."""
    return np.asarray(np.random.RandomState(seed).uniform(0.5, 1.5, shape), np.float32)


def differentiable(case: Case) -> list[int]:
    """Return the positions of the inputs with a gradient: of targets, torch leaves some out."""
    found = [n for n, x in enumerate(draw(case)) if x.dtype == np.float32]
    rest = ("poisson_nll_loss", "soft_margin_loss", "hinge_embedding_loss", "margin_ranking_loss")
    signed = (*rest, "cosine_embedding_loss")
    return found[:-1] if case.loss in signed else found


def compute(case: Case, seed: int = 7) -> Floats:
    """Return what torch computes, as one vector."""
    torch: Any = importlib.import_module("torch")
    arrays = draw(case, seed)
    leaves = [torch.tensor(x) for x in arrays]
    which = differentiable(case)
    for n in which:
        leaves[n].requires_grad_()
    options = {k: torch.tensor(v) if isinstance(v, list) else v for k, v in case.options.items()}

    def evaluate(reduction: str) -> Any:
        given = leaves
        if case.loss in ("cross_entropy", "nll_loss"):
            ranks = len(case.batch) + 1
            given = [x.movedim(-1, 1).contiguous() if x.ndim == ranks > 1 else x for x in leaves]
        function = getattr(torch.nn.functional, case.loss)
        return function(*given, reduction=reduction, **options)

    results = [evaluate(reduction) for reduction in REDUCTIONS]
    weights = torch.tensor(draw_weights(tuple(results[0].shape), seed + 1))
    loss = (results[0] * weights).sum() + results[-1]
    results += torch.autograd.grad(loss, [leaves[n] for n in which])
    return np.concatenate([x.detach().numpy().ravel() for x in results]).astype(np.float32)


def main() -> None:
    found: dict[str, Any] = {str(case): compute(case) for case in CASES}
    assert len(found) == len(CASES)
    np.savez_compressed(PATH, **found)


if __name__ == "__main__":
    main()
