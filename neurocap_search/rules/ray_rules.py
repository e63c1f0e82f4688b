"""Ray Tune's own schedulers, fed with trials that nobody trains."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from ray.tune.schedulers import AsyncHyperBandScheduler, MedianStoppingRule, TrialScheduler

from neurocap_search.pruning import PruningPolicy
from neurocap_search.pruning.arguments import check_halving
from neurocap_search.rules.context import RuleContext
from neurocap_search.rules.foreign import ForeignPolicy

_TIME, _METRIC = "epoch", "value"


class _Trial:
    """All that these schedulers look at in a trial: its id, and that it is itself."""

    def __init__(self, trial_id: str) -> None:
        self.trial_id = trial_id


class RayRule:
    """A scheduler of Ray Tune that neither pauses nor asks the controller.

    It is called as Ray's controller would call it. Whatever it draws from numpy's global generator comes from
    a generator of its own: the global one is as before after each call.

    Args:
        scheduler: Time attribute ``"epoch"``, metric ``"value"``.
        seed: Of its draws.
    """

    def __init__(self, scheduler: TrialScheduler, seed: int) -> None:
        self._scheduler, self._trials = scheduler, dict[str, _Trial]()
        self._draws = np.random.RandomState(seed).get_state()

    def add(self, trial_id: str) -> None:
        """Add a trial, unless it comes back: then Ray knows it."""
        if trial_id not in self._trials:
            self._trials[trial_id] = _Trial(trial_id)
            with self._own_draws():
                self._scheduler.on_trial_add(None, self._trials[trial_id])

    def prunes(self, trial_id: str, epoch: float, value: float) -> bool:
        """Hand over a result; anything but CONTINUE and STOP would be an error of this adapter."""
        result = {_TIME: epoch, _METRIC: value}
        answer = self._scheduler.on_trial_result(None, self._trials[trial_id], result)
        if answer not in (TrialScheduler.CONTINUE, TrialScheduler.STOP):
            raise RuntimeError(f"{type(self._scheduler).__name__} answered {answer!r}, which is not handled.")
        return bool(answer == TrialScheduler.STOP)

    def finish(self, trial_id: str, epoch: float, value: float, pruned: bool) -> None:
        """Hand over the last result."""
        result = {_TIME: epoch, _METRIC: value}
        self._scheduler.on_trial_complete(None, self._trials[trial_id], result)

    def fail(self, trial_id: str) -> None:
        """Tell of the failure."""
        self._scheduler.on_trial_error(None, self._trials[trial_id])

    @contextmanager
    def _own_draws(self) -> Iterator[None]:
        everybodys = np.random.get_state()  # noqa: NPY002
        np.random.set_state(self._draws)  # noqa: NPY002
        try:
            yield
        finally:
            self._draws = np.random.get_state()  # noqa: NPY002
            np.random.set_state(everybodys)  # noqa: NPY002


def ray_asha(context: RuleContext, brackets: int = 1) -> PruningPolicy:
    """Return Ray's ``AsyncHyperBandScheduler``, which is also its ``ASHAScheduler``.

    Its decisions are those of :class:`~neurocap_search.pruning.SuccessiveHalvingPolicy`, but where a trial
    diverges after it has been at a rung: Ray keeps its score there, and ours does not.
    """
    arguments = {
        "max_t": context.max_t,
        "grace_period": context.grace_period,
        "reduction_factor": context.reduction_factor,
        "brackets": brackets,
    }
    return _policy(AsyncHyperBandScheduler, "Ray's AsyncHyperBandScheduler", arguments, context)


def ray_median(context: RuleContext) -> PruningPolicy:
    """Return Ray's ``MedianStoppingRule``.

    While there are too few trials to compare it would pause one to let others run. That needs a controller
    and prunes nobody, so it is turned off with Ray's own argument ``min_time_slice``.
    """
    arguments = {"grace_period": context.grace_period}
    return _policy(MedianStoppingRule, "Ray's MedianStoppingRule", arguments, context)


def _policy(
    scheduler: type[TrialScheduler], name: str, arguments: dict[str, Any], context: RuleContext
) -> PruningPolicy:
    check_halving(context.mode, context.max_t, context.grace_period, context.reduction_factor)
    fixed: dict[str, Any] = {"time_attr": _TIME, "metric": _METRIC, "mode": context.mode}
    if scheduler is MedianStoppingRule:
        fixed["min_time_slice"] = math.inf
    return ForeignPolicy(
        lambda: RayRule(scheduler(**fixed, **arguments), context.seed),
        name=name,
        settings={**arguments, "seed": context.seed},
        metric=context.metric,
        mode=context.mode,
        max_t=context.max_t,
    )
