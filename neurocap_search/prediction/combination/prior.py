"""What the combination knows before a search begins: learned once from recorded trainings."""

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurocap_search.prediction.combination.gaussian import Weights
from neurocap_search.prediction.combination.signals import GROUPS, METRIC, NATURAL, SIGNALS, Floats

VERSION = 1
BUNDLED_PRIOR = Path(__file__).with_name("prior.json")
PLAIN: Floats = np.array([{METRIC: 1.0, "train_loss": -1.0}.get(signal.name, 0.0) for signal in SIGNALS])
"""The order by running accuracy and training loss, what one would go by without any recorded task."""

_PLAIN_WEIGHT, _PLAIN_SD, _PLAIN_NOISE = 0.4, 0.1, 0.55
"""Round figures in the range of those that the bundled bank gives."""


class EpochPrior(NamedTuple):
    """What signals after so many epochs are worth.

    Attributes:
        weights: Of the signals' normal scores.
        noise: Standard deviation of the final standing (a normal score) around the prediction.
    """

    weights: Weights
    noise: float

    def where_reported(self, reported: NDArray[np.bool_]) -> "EpochPrior":
        """Return the same where some learning curves are not reported: the metric counts in their place.

        They say much the same, so the weight of learning curves against size is kept.

        Args:
            reported: (signals,), whether anybody has reported it.
        """
        names, mean = [signal.name for signal in SIGNALS], self.weights.mean.copy()
        absent = [k for k, name in enumerate(names) if name in GROUPS["learning curve"] and not reported[k]]
        if not absent or names.index(METRIC) in absent:
            return self
        mean[names.index(METRIC)] += sum(NATURAL[names[k]] * mean[k] for k in absent)
        mean[absent] = 0
        return EpochPrior(Weights(mean, self.weights.covariance), self.noise)


class Prior:
    """Weights of the signals after each of some epochs.

    Args:
        state: As in ``prior.json``, which ``scripts/fit_prior.py`` writes.

    Raises:
        ValueError: If it is of another version or of other signals.

    Example:
        >>> prior = read_prior()
        >>> prior.at(1).weights.mean[2] < 0 < prior.at(1).weights.mean[0]  # train_loss, the metric
        np.True_
    """

    def __init__(self, state: Mapping[str, Any]) -> None:
        names = [signal.name for signal in SIGNALS]
        if state.get("version") != VERSION or state.get("signals") != names:
            raise ValueError(
                f"Expected a prior of version {VERSION} for {names}; received version "
                f"{state.get('version')!r} for {state.get('signals')!r}. Write it with scripts/fit_prior.py."
            )
        self.tasks: tuple[str, ...] = tuple(state["tasks"])
        self._epochs = {float(epoch): _epoch_prior(entry) for epoch, entry in state["epochs"].items()}

    def at(self, epoch: float) -> EpochPrior:
        """Return what is known for the last listed epoch that is not after ``epoch``."""
        return self._epochs[max((e for e in self._epochs if e <= epoch), default=min(self._epochs))]


def plain_prior() -> Prior:
    """Return what one goes by without any recorded task: running accuracy and training loss.

    The other signals count for nothing until the search itself has shown that they tell something.

    Example:
        >>> plain_prior().at(5).weights.mean[:3].tolist()
        [0.4, 0.0, -0.4]
    """
    count = len(SIGNALS)
    epoch = {"mean": (_PLAIN_WEIGHT * PLAIN).tolist(), "sd": [_PLAIN_SD] * count, "noise": _PLAIN_NOISE}
    names = [signal.name for signal in SIGNALS]
    return Prior({"version": VERSION, "tasks": [], "signals": names, "epochs": {"1": epoch}})


@lru_cache
def read_prior(path: Path = BUNDLED_PRIOR) -> Prior:
    """Read a prior; default: the one that comes with the package."""
    return Prior(json.loads(path.read_text(encoding="utf-8")))


def _epoch_prior(entry: Mapping[str, Any]) -> EpochPrior:
    sd = np.array(entry["sd"], dtype=float)
    return EpochPrior(Weights(np.array(entry["mean"], dtype=float), np.diag(sd**2)), float(entry["noise"]))
