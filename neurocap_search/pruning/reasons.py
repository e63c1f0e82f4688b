"""The sentences that say why a trial goes on, waits or stops."""

from neurocap_search.prediction import Prediction, plain
from neurocap_search.pruning.rungs import Score, Standing, Verdict


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


def standing_reason(
    metric: str, sign: int, score: Score, standing: Standing, places: int, prediction: Prediction | None
) -> str:
    """Return a clause with the numbers a promotion rests on.

    Args:
        metric: Name of the number the trials compete by.
        sign: 1 if larger is better, -1 otherwise; undoes the sign of the scores.
        score: The trial's own.
        standing: Where it stands at its rung.
        places: How many of its peers there may go on.
        prediction: The trial's prediction, if any.

    Example:
        >>> standing_reason("acc", 1, Score(0.1, None), Standing(2, 4), 2, None)
        'acc 0.100 ranks 3 of 4 at its rung, where the best 2 may go on'
    """
    position, peers = standing
    who = {0: "nobody", 1: "the best one"}.get(places, f"the best {places}")
    what = _compared(metric, sign, score, prediction)
    return f"{what} ranks {position + 1} of {peers} at its rung, where {who} may go on"


def _compared(metric: str, sign: int, score: Score, prediction: Prediction | None) -> str:
    if score.predicted is not None:
        return f"predicted final {metric} {prediction}"
    why = f" (no prediction: {prediction.fallback})" if prediction and prediction.fallback else ""
    return f"{metric} {plain(sign * score.seen)}{why}"
