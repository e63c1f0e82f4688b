"""Predictions beside what would have happened, live or replayed."""

import math
from collections.abc import Iterable

from neurocap_search.comparison.results import Guess
from neurocap_search.pruning import Decision


def guesses_of(decisions: Iterable[Decision], final: float, epochs: int, pruned: bool) -> list[Guess]:
    """Return the real predictions of a trial before its last epoch, the latest of each epoch.

    Args:
        decisions: All on the trial.
        final: Its final metric without pruning.
        epochs: Of full training.
        pruned: Whether it was pruned in the end.
    """
    made = {decision.epoch: decision.prediction for decision in decisions if decision.epoch < epochs}
    return [
        Guess(epoch, guess.mean, math.nan if guess.std is None else guess.std, final, pruned)
        for epoch, guess in made.items()
        if guess is not None and guess.fallback is None and math.isfinite(guess.mean)
    ]
