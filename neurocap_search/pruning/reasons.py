"""The sentence that says why a trial goes on or stops at a rung."""

from neurocap_search.prediction import Prediction, plain
from neurocap_search.pruning.rungs import Score, Verdict


def rung_reason(
    metric: str, sign: int, share: float, score: Score, verdict: Verdict, prediction: Prediction | None
) -> str:
    """Return a sentence with the numbers a verdict rests on.

    Args:
        metric: Name of the number the trials compete by.
        sign: 1 if larger is better, -1 otherwise; undoes the sign of the scores.
        share: One in how many goes on.
        score: The trial's own.
        verdict: How it compares.
        prediction: The trial's prediction, if any.

    Example:
        >>> rung_reason("acc", 1, 2, Score(0.1, None), Verdict(False, 0.9, 3), None)
        'acc 0.100 is below 0.900, the cut-off for the top 1/2 of the 3 trials before it'
    """
    what = _compared(metric, sign, score, prediction)
    if verdict.cutoff is None:
        return f"{what}; nobody to compare with at this rung yet"
    below, above = ("below", "at or above") if sign > 0 else ("above", "at or below")
    side = above if verdict.keeps else below
    peers = "the one trial" if verdict.peers == 1 else f"the {verdict.peers} trials"
    cutoff = plain(sign * verdict.cutoff)
    return f"{what} is {side} {cutoff}, the cut-off for the top 1/{share:g} of {peers} before it"


def _compared(metric: str, sign: int, score: Score, prediction: Prediction | None) -> str:
    if score.predicted is not None:
        return f"predicted final {metric} {prediction}"
    why = f" (no prediction: {prediction.fallback})" if prediction and prediction.fallback else ""
    return f"{metric} {plain(sign * score.seen)}{why}"
