"""How well signatures and simpler predictors tell the final accuracy, by the same splits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.metrics import r2_score

from graph_signatures.population import EARLY
from graph_signatures.population_file import history
from neurocap_search.prediction.graph_signature import (
    EIGENVECTOR_CENTRALITY,
    STRENGTH_AND_FLUCTUATION,
    WEIGHTED_DEGREE,
    ModelKind,
    RepeatedSplits,
    SignatureFeatures,
    accuracy_classes,
    make_classifier,
    make_regressor,
)

Array = NDArray[np.float64]

DEGREE, BOTH = "weighted degree", "weighted degree and eigenvector centrality"
VALUE, LOSS = "validation accuracy at epoch 5", "training loss at epoch 5"
RATE, RATE_DROPOUT = "log learning rate", "log learning rate and dropout"
TOGETHER = "validation accuracy at epoch 5 and both graph signatures"
NOTHING = "nothing: the larger class, the mean"


def inputs(lines: Sequence[Mapping[str, Any]]) -> dict[str, Array]:
    """Return what each predictor sees of the networks: the signatures first, then what they must beat."""
    histories = [history(line) for line in lines]
    layers = dict.fromkeys(
        name for line in lines for name in line["curves"] if name.startswith("fluctuation ")
    )

    def signature(*names: str) -> Array:
        return SignatureFeatures(names, EARLY).matrix(histories)

    both = signature(*WEIGHTED_DEGREE, *EIGENVECTOR_CENTRALITY)
    value, loss = (signature(name)[:, -1:] for name in ("val_accuracy", "train_loss"))
    rate = np.log10([[line["learning_rate"]] for line in lines])
    return {
        DEGREE: signature(*WEIGHTED_DEGREE),
        "eigenvector centrality": signature(*EIGENVECTOR_CENTRALITY),
        BOTH: both,
        "node strength and layer fluctuation": signature(*STRENGTH_AND_FLUCTUATION),
        "the same with the fluctuation of each layer": signature(*STRENGTH_AND_FLUCTUATION[:2], *layers),
        VALUE: value,
        TOGETHER: np.hstack([value, both]),
        LOSS: loss,
        RATE: rate,
        RATE_DROPOUT: np.hstack([rate, [[line["dropout"]] for line in lines]]),
        NOTHING: np.zeros((len(lines), 1)),
    }


@dataclass(frozen=True)
class Task:
    """One question to some networks: what is seen of them, their classes and finals, the splits for all.

    The scores have one value for each split, (splits,).
    """

    inputs: dict[str, Array]
    labels: NDArray[np.int64]
    finals: Array
    splits: RepeatedSplits

    @classmethod
    def of(cls, lines: Sequence[Mapping[str, Any]], repeats: int, cut: float | None = None) -> "Task":
        """Class the networks at the median of their finals, or at ``cut``."""
        finals = np.array([line["final_accuracy"] for line in lines])
        labels, _ = accuracy_classes(finals, cuts=None if cut is None else [cut])
        return cls(inputs(lines), labels, finals, RepeatedSplits.stratified(labels, repeats=repeats))

    def right(self, kind: ModelKind) -> dict[str, Array]:
        """Return the share of networks put into the right class, for each predictor."""
        return {name: self._right(name, kind) for name in self.inputs}

    def _right(self, name: str, kind: ModelKind) -> Array:
        model = DummyClassifier() if name == NOTHING else make_classifier(kind)
        scores = {"right": lambda y, predicted: float((y == predicted).mean())}
        return self.splits.scores(model, self.inputs[name], self.labels, scores)["right"]

    def regression(self, kind: ModelKind) -> dict[str, dict[str, Array]]:
        """Return ``r2`` and ``spearman`` with the final accuracy, for each predictor."""
        return {name: self._regression(name, kind) for name in self.inputs}

    def _regression(self, name: str, kind: ModelKind) -> dict[str, Array]:
        model = DummyRegressor() if name == NOTHING else make_regressor(kind)
        return self.splits.scores(
            model, self.inputs[name], self.finals, {"r2": r2_score, "spearman": _spearman}
        )


def _spearman(y: Array, predicted: Array) -> float:
    # Equal predictions order nothing.
    return float(spearmanr(y, predicted).statistic) if np.ptp(y) and np.ptp(predicted) else 0.0
