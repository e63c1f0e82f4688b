"""What the combination knows before a search begins: learned once from recorded trainings."""

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from neurocap_search.prediction.combination.gaussian import Weights
from neurocap_search.prediction.combination.signals import SIGNALS

VERSION = 1
BUNDLED_PRIOR = Path(__file__).with_name("prior.json")


class EpochPrior(NamedTuple):
    """What signals after so many epochs are worth.

    Attributes:
        weights: Of the signals' normal scores.
        noise: Standard deviation of the final standing (a normal score) around the prediction.
    """

    weights: Weights
    noise: float


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
        self._epochs = {int(epoch): _epoch_prior(entry) for epoch, entry in state["epochs"].items()}

    def at(self, epoch: float) -> EpochPrior:
        """Return what is known for the last listed epoch that is not after ``epoch``."""
        return self._epochs[max((e for e in self._epochs if e <= epoch), default=min(self._epochs))]


@lru_cache
def read_prior(path: Path = BUNDLED_PRIOR) -> Prior:
    """Read a prior; default: the one that comes with the package."""
    return Prior(json.loads(path.read_text(encoding="utf-8")))


def _epoch_prior(entry: Mapping[str, Any]) -> EpochPrior:
    sd = np.array(entry["sd"], dtype=float)
    return EpochPrior(Weights(np.array(entry["mean"], dtype=float), np.diag(sd**2)), float(entry["noise"]))
