"""What can be measured of a network within its first epochs, beyond what every report holds."""

import math

import torch
from torch import Tensor, nn

from neurocap_search.network_science.capacitance.factors import HeadFactors
from neurocap_search.prediction.transferability import h_score, logme
from neurocap_search.training.data import Split
from neurocap_search.training.loop import evaluate

RIDGE_IMAGES, _RIDGE = 1000, 30.0


class Changes:
    """Remembers the matrices of the mark before, to say how far they have turned since."""

    def __init__(self) -> None:
        self._before: dict[str, Tensor] = {}

    def cosine(self, name: str, matrix: Tensor) -> dict[str, float]:
        """Return the cosine with the same matrix at the mark before; nothing at the first."""
        before, self._before[name] = self._before.get(name), matrix.clone()
        return {} if before is None else {f"{name}_cosine": _cosine(before, matrix)}


def of_matrices(factors: HeadFactors, changes: Changes) -> dict[str, float]:
    """Return sums, norms, spectra and changes of the in- and out-degrees behind beta_eff, layer by layer."""
    found: dict[str, float] = {}
    count = len(factors.outputs[0])
    errors = [e.sum(1, keepdim=True) for e in factors.errors]
    outputs = [z.sum(1, keepdim=True) for z in factors.outputs]
    for layer in range(1, factors.depth):
        degrees_in = -(factors.gains[layer - 1] * errors[layer]).T @ factors.outputs[layer - 1] / count
        found[f"in_sum_{layer}"] = float(degrees_in.sum())
        found |= _of_matrix(f"in_{layer}", degrees_in, changes)
        if layer > 1:
            paths = factors.gains[layer - 2] * outputs[layer - 2]
            degrees_out = -factors.errors[layer - 1].T @ paths / count
            found[f"numerator_{layer}"] = float((degrees_in * degrees_out).sum())
            found[f"in_out_{layer}"] = _cosine(degrees_in, degrees_out)
            found |= _of_matrix(f"out_{layer}", degrees_out, changes)
    return found | _of_errors(factors, changes) | _by_sample(factors, errors, outputs)


def of_features(features: Tensor, labels: Tensor) -> dict[str, float]:
    """Return what the features that enter the head say of the classes; nan where it is not defined."""
    x = features.double()
    one_hot = nn.functional.one_hot(labels).double()
    means = torch.stack([x[labels == k].mean(0) for k in labels.unique()])
    nearest = labels.unique()[torch.cdist(x, means).argmin(1)]
    found = _spectrum("features", x - x.mean(0))
    found["nearest_mean"] = float((nearest == labels).double().mean())
    found["alignment"] = _cosine(_gram(x), _gram(one_hot))
    for name, score in (("h_score", h_score), ("logme", logme)):
        try:
            found[name] = float(score(x.numpy(), labels.numpy()))
        except ValueError:
            found[name] = math.nan
    return found


def of_closed_form_head(train: Tensor, split: Split, features: Tensor, labels: Tensor) -> dict[str, float]:
    """Return accuracy and squared error on a split of a ridge regression from features to classes.

    Args:
        train: Features of the images it is fitted on.
        split: Whose labels are to be found.
        features: Of the images of that split.
        labels: Of the images it is fitted on.
    """
    mean, std = train.double().mean(0), train.double().std(0) + 1e-6
    x, v = (train.double() - mean) / std, (features.double() - mean) / std
    y = nn.functional.one_hot(labels).double()
    eye = torch.eye(x.shape[1], dtype=x.dtype)
    weights = torch.linalg.solve(x.T @ x + _RIDGE * eye, x.T @ (y - y.mean(0)))
    guess = v @ weights + y.mean(0)
    target = nn.functional.one_hot(split.labels, y.shape[1]).double()
    return {
        "ridge_accuracy": float((guess.argmax(1) == split.labels).double().mean()),
        "ridge_error": float((guess - target).square().sum(1).mean()),
    }


def with_batch_statistics(model: nn.Module, split: Split, prefix: str) -> dict[str, float]:
    """Evaluate with batch normalisation by the statistics of 500 images each, not by running ones."""
    norms = [module for module in model.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    kept = [(norm.running_mean, norm.running_var, norm.track_running_stats) for norm in norms]
    for norm in norms:
        norm.running_mean, norm.running_var, norm.track_running_stats = None, None, False
    try:
        return evaluate(model, split, prefix, batch_size=500)
    finally:
        for norm, (mean, variance, track) in zip(norms, kept, strict=True):
            norm.running_mean, norm.running_var, norm.track_running_stats = mean, variance, track


def _of_matrix(name: str, matrix: Tensor, changes: Changes) -> dict[str, float]:
    norm = {f"{name}_norm": float(matrix.norm())}
    return norm | _spectrum(name, matrix) | changes.cosine(name, matrix)


def _of_errors(factors: HeadFactors, changes: Changes) -> dict[str, float]:
    last = factors.errors[-1]
    found = {"error_norm": float(last.norm(dim=1).mean())}
    found["active"] = float(torch.cat([gain.flatten() for gain in factors.gains]).mean())
    return found | _spectrum("error", last) | changes.cosine("error", last)


def _by_sample(factors: HeadFactors, errors: list[Tensor], outputs: list[Tensor]) -> dict[str, float]:
    """Return mean and spread over the samples of what each adds to the denominator of beta_eff."""
    terms = [
        -errors[k + 1] * factors.gains[k].sum(1, keepdim=True) * outputs[k] for k in range(factors.depth - 1)
    ]
    total = torch.stack(terms).sum(0).flatten()
    return {
        "sample_mean": float(total.mean()),
        "sample_std": float(total.std()),
        "sample_agreement": float(total.mean() / (total.std() + 1e-12)),
    }


def _spectrum(name: str, matrix: Tensor) -> dict[str, float]:
    """Return effective rank (the exponential of the entropy), share of the first and first singular value."""
    squares = torch.linalg.svdvals(matrix).square()
    total = float(squares.sum())
    if not total > 0:
        return {f"{name}_rank": 0.0, f"{name}_first": 1.0, f"{name}_sigma": 0.0}
    shares = squares / total
    entropy = float(-torch.special.xlogy(shares, shares).sum())
    return {
        f"{name}_rank": math.exp(entropy),
        f"{name}_first": float(shares[0]),
        f"{name}_sigma": math.sqrt(float(squares[0])),
    }


def _gram(x: Tensor) -> Tensor:
    centred = x - x.mean(0)
    return centred @ centred.T


def _cosine(a: Tensor, b: Tensor) -> float:
    norm = float(a.norm() * b.norm())
    return float((a * b).sum()) / norm if norm else 0.0
