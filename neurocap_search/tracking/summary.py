"""What a search came to: the best architecture, what pruning saved, how good the predictions were."""

from dataclasses import asdict, dataclass
from math import nan
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from neurocap_search.pruning import Insight
from neurocap_search.tracking.events import finite
from neurocap_search.tracking.record import SearchRecord, TrialRecord, TrialState


@dataclass(frozen=True)
class PredictionQuality:
    """Predictions at one epoch against the final metrics, on the fully trained trials.

    These are the survivors of pruning, so the figures say nothing of the trials that were pruned.
    Beside each stands the same figure for the metric simply seen at that epoch.

    Attributes:
        epoch: Epoch the predictions were made at.
        trials: Number of trials compared.
        fallbacks: How many more had no prediction, but a stand-in for it; they are not compared.
        mean_error: Mean absolute error of the prediction; nan without any trial.
        rank_correlation: Spearman's rho of prediction and final metric; None below 3 trials, and where one
            of the two is the same for all.
        within_one_std: Share of finals within one standard deviation (0.68 if well calibrated).
        seen_mean_error: Mean absolute error of the metric seen.
        seen_rank_correlation: Spearman's rho of the metric seen.
    """

    epoch: int
    trials: int
    fallbacks: int
    mean_error: float
    rank_correlation: float | None
    within_one_std: float | None
    seen_mean_error: float
    seen_rank_correlation: float | None


@dataclass(frozen=True)
class Summary:
    """The figures at the end of a search.

    Attributes:
        metric: What was maximised.
        num_trials: Trials asked for.
        completed: Trials fully trained.
        pruned: Trials stopped by the policy.
        failed: Trials that ended with an error.
        interrupted: Trials cut off or not begun when the search was stopped.
        epochs: Epochs trained in the completed and pruned trials.
        full_epochs: Epochs it would have taken to train these to the end.
        lost_epochs: Epochs trained in trials that failed, were cut off or had to start over.
        seconds: Sum of the trials' training time.
        best: Number, description, configuration and final metric of the best trial.
        test_accuracy: Accuracy of the best trial on images no trial has seen (a share).
        quality: Quality of the predictions at the first rung.
        insight: What the policy has learned of its signals; None if it learns nothing.
    """

    metric: str
    num_trials: int
    completed: int
    pruned: int
    failed: int
    interrupted: int
    epochs: float
    full_epochs: int
    lost_epochs: float
    seconds: float
    best: dict[str, Any] | None = None
    test_accuracy: float | None = None
    quality: PredictionQuality | None = None
    insight: Insight | None = None

    @property
    def epoch_share(self) -> float:
        """Epochs trained as a share of full training."""
        return self.epochs / self.full_epochs if self.full_epochs else 1.0

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict."""
        insight = self.insight.to_json() if self.insight else None
        more = {"epoch_share": self.epoch_share, "insight": insight}
        state: dict[str, Any] = finite(asdict(self) | more)
        return state


def summarise(record: SearchRecord, quality_epoch: int, test_accuracy: float | None = None) -> Summary:
    """Add up a record.

    Args:
        record: The search.
        quality_epoch: Epoch at which predictions are judged: the first rung.
        test_accuracy: Test accuracy of the best trial.
    """
    counts = {state: len(record.in_state(state)) for state in TrialState}
    ended = record.in_state(TrialState.COMPLETED, TrialState.PRUNED)
    return Summary(
        metric=record.metric,
        num_trials=record.num_trials,
        completed=counts[TrialState.COMPLETED],
        pruned=counts[TrialState.PRUNED],
        failed=counts[TrialState.FAILED],
        interrupted=max(0, record.num_trials - len(record.finished)),
        epochs=sum(trial.epochs for trial in ended),
        full_epochs=len(ended) * record.max_t,
        lost_epochs=record.lost_epochs + sum(trial.epochs for trial in record if trial not in ended),
        seconds=sum(trial.seconds for trial in record),
        best=_best(record),
        test_accuracy=test_accuracy,
        quality=prediction_quality(record, quality_epoch),
        insight=record.insight,
    )


def prediction_quality(record: SearchRecord, epoch: int) -> PredictionQuality | None:
    """Compare the predictions made at ``epoch`` with the finals; None where there are none."""
    rows = [row for trial in record.in_state(TrialState.COMPLETED) if (row := _row(record, trial, epoch))]
    if not rows:
        return None
    mean, std, seen, final = np.array([row[:4] for row in rows if not row.is_fallback]).reshape(-1, 4).T
    known = np.isfinite(std)
    within = float(np.mean(np.abs(final - mean)[known] <= std[known])) if known.any() else None
    return PredictionQuality(
        epoch=epoch,
        trials=len(mean),
        fallbacks=len(rows) - len(mean),
        mean_error=_mean(np.abs(final - mean)),
        rank_correlation=rank_correlation(mean.tolist(), final.tolist()),
        within_one_std=within,
        seen_mean_error=_mean(np.abs(final - seen)),
        seen_rank_correlation=rank_correlation(seen.tolist(), final.tolist()),
    )


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if len(values) else nan


def rank_correlation(a: list[float], b: list[float]) -> float | None:
    """Return Spearman's rho, or None where it is not defined (below 3 values or all equal)."""
    if len(a) < 3 or len(set(a)) == 1 or len(set(b)) == 1:
        return None
    return float(spearmanr(a, b).statistic)


class _Row(NamedTuple):
    mean: float
    std: float
    seen: float
    final: float
    is_fallback: bool


def _row(record: SearchRecord, trial: TrialRecord, epoch: int) -> _Row | None:
    decision = next((d for d in trial.decisions if d.epoch == epoch), None)
    report = next((r for r in trial.reports if r.epoch == epoch), None)
    final = trial.final(record.metric)
    if decision is None or decision.prediction is None or report is None or final is None:
        return None
    prediction = decision.prediction
    std = nan if prediction.std is None else prediction.std
    return _Row(prediction.mean, std, report.metrics[record.metric], final, prediction.fallback is not None)


def _best(record: SearchRecord) -> dict[str, Any] | None:
    trial = record.best
    if trial is None:
        return None
    return {
        "number": trial.number,
        "trial": trial.name,
        "description": trial.description,
        "parameters": trial.parameters,
        "multiply_adds": trial.multiply_adds,
        record.metric: trial.final(record.metric),
        **(trial.config if trial.is_architecture else {"config": trial.config}),
    }
