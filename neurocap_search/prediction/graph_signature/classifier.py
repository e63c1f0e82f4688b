"""Will a network end high or low? A classifier of signatures."""

from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import NDArray

from neurocap_search.prediction.graph_signature.accuracy_classes import accuracy_classes
from neurocap_search.prediction.graph_signature.features import SignatureFeatures
from neurocap_search.prediction.graph_signature.models import ModelKind, make_classifier
from neurocap_search.prediction.report import History


class SignatureClassifier:
    """Predicts the class of a trial's final accuracy from the signature of its graph (arXiv 2111.05410).

    Not for choosing the best of good networks, which are all of one class; and in a population whose
    learning rates span decades the learning rate alone tells nearly as much (``docs/graph_signatures.md``).

    Args:
        features: Which reported numbers over which epochs.
        kind: Family of the model, see ``make_classifier``.
        classes: Number of classes of equal frequency.
        cuts: Upper bounds of all classes but the last, instead of equal frequencies.
        seed: Draws the forest.

    Attributes:
        cuts_: The bounds of the classes, after ``fit``.

    Example:
        >>> from neurocap_search.prediction import Report
        >>> histories = [[Report(1, {"degree_mean": d})] for d in (1.0, 1.1, 1.2, 3.0, 3.1, 3.2)]
        >>> classifier = SignatureClassifier(SignatureFeatures(("degree_mean",), epochs=1), kind="linear")
        >>> classifier.fit(histories, [0.1, 0.1, 0.2, 0.8, 0.9, 0.9]).predict(histories[::5])
        array([0, 1])
    """

    def __init__(
        self,
        features: SignatureFeatures | None = None,
        *,
        kind: ModelKind = "svm",
        classes: int = 2,
        cuts: Sequence[float] | None = None,
        seed: int = 0,
    ) -> None:
        self.features = features or SignatureFeatures()
        self.classes, self.cuts = classes, cuts
        self._model = make_classifier(kind, seed=seed)

    cuts_: NDArray[np.float64]

    def fit(self, histories: Sequence[History], finals: Sequence[float]) -> Self:
        """Learn from finished trials; ``histories[i]`` ended at the accuracy ``finals[i]``.

        Raises:
            ValueError: If ``accuracy_classes`` cannot class the finals.
        """
        labels, self.cuts_ = accuracy_classes(finals, self.classes, cuts=self.cuts)
        self._model.fit(self.features.matrix(histories), labels)
        return self

    def predict(self, histories: Sequence[History]) -> NDArray[np.int64]:
        """Predict the class of each trial, (trials,), 0 the lowest.

        Raises:
            RuntimeError: If nothing was learned yet.
        """
        if not hasattr(self, "cuts_"):
            raise RuntimeError("classifier: received predict() before fit(); fit it on finished trials")
        labels: NDArray[np.int64] = self._model.predict(self.features.matrix(histories))
        return labels
