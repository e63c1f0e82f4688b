"""The contract between predictors and those who use their predictions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self

from neurocap_search.prediction.report import History


@dataclass(frozen=True)
class Prediction:
    """A predicted final metric with its spread.

    Attributes:
        mean: Predicted final metric, in the metric's own unit.
        std: One standard deviation of the prediction, or None when too little was seen to tell.
        predictor: Who predicted it.
        epochs: The epochs it rests on.
        fallback: None for a real prediction; otherwise why the predictor could not make one and
            ``mean`` only stands for what was seen so far.

    Example:
        >>> print(Prediction(0.9312, 0.012, "capacitance_ridge", (1, 2, 3)))
        0.931 ± 0.012
    """

    mean: float
    std: float | None
    predictor: str
    epochs: tuple[float, ...]
    fallback: str | None = None

    def __str__(self) -> str:
        spread = "" if self.std is None else f" ± {plain(self.std)}"
        return f"{plain(self.mean)}{spread}"

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict, inverse of :meth:`from_json`."""
        return {
            "mean": self.mean,
            "std": self.std,
            "predictor": self.predictor,
            "epochs": list(self.epochs),
            "fallback": self.fallback,
        }

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> "Prediction":
        """Rebuild a prediction from :meth:`to_json`."""
        return cls(**{**state, "epochs": tuple(state["epochs"])})


def plain(value: float) -> str:
    """Return a number as people read it, with three decimals unless it is very small or large.

    Example:
        >>> plain(0.93125), plain(0.0), plain(0.000123), plain(54321.0)
        ('0.931', '0.000', '0.000123', '5.43e+04')
    """
    return f"{value:.3f}" if value == 0 or 1e-3 <= abs(value) < 1e3 else f"{value:.3g}"


class Predictor(Protocol):
    """Predicts the final metric of a trial from its first epochs, in scikit-learn's manners.

    A predictor must work before any trial has finished (cold start) and must not keep global state. It may
    name the reported numbers it looks at in ``signals``, and say ``learns = False`` if :meth:`fit` changes
    nothing: policies then leave a prediction that decides nothing until somebody reads it.
    """

    def fit(self, histories: Sequence[History], finals: Sequence[float]) -> Self:
        """Learn from finished trials; ``histories[i]`` ended at the metric ``finals[i]``."""
        ...

    def predict(self, history: History) -> Prediction:
        """Predict the final metric of a trial from at least one report."""
        ...
