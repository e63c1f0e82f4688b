"""Ray Tune schedulers over a pruning policy."""

import logging
from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np
from ray.tune.experiment import Trial
from ray.tune.result import DEFAULT_METRIC
from ray.tune.schedulers import FIFOScheduler, TrialScheduler

from neurocap_search.prediction import CapacitanceRidge, Report
from neurocap_search.pruning import Decision, PruningPolicy, SuccessiveHalvingPolicy

_log = logging.getLogger(__name__)

PolicyMaker = Callable[[str, Literal["max", "min"]], PruningPolicy]
"""Makes the policy once metric and mode are known."""


class PolicyScheduler(FIFOScheduler):  # type: ignore[misc]
    """Runs any :class:`~neurocap_search.pruning.PruningPolicy` as a Ray Tune scheduler.

    It translates and does not decide. An error in the policy is logged, counted in
    :meth:`debug_string` and answered with CONTINUE, because an exception in a scheduler would end
    the whole experiment.

    Args:
        make_policy: Called once with metric and mode.
        time_attr: The result's key for the epoch; must count up in every trial.
        metric: The result's key that is optimised; None takes the one of ``tune.TuneConfig``.
        mode: ``"max"`` or ``"min"``; None takes the one of ``tune.TuneConfig``.

    Attributes:
        decisions: Every decision so far, by trial id, in order.
    """

    def __init__(
        self,
        make_policy: PolicyMaker,
        *,
        time_attr: str = "training_iteration",
        metric: str | None = None,
        mode: Literal["max", "min"] | None = None,
    ) -> None:
        super().__init__()
        if mode not in ("max", "min", None):
            raise ValueError(f"mode must be 'max' or 'min', received {mode!r}.")
        self._make_policy, self._time_attr = make_policy, time_attr
        self._metric, self._mode = metric, mode
        self._policy: PruningPolicy | None = None
        self.decisions: dict[str, list[Decision]] = {}
        self._errors = 0
        self._warned = False

    @property
    def policy(self) -> PruningPolicy:
        """The policy that decides; made on first use, when metric and mode are known."""
        if self._policy is None:
            self._policy = self._make_policy(self._metric or DEFAULT_METRIC, self._mode or "max")
        return self._policy

    @property
    def metric(self) -> str | None:
        """The result's key that is optimised."""
        return self._metric

    def set_search_properties(
        self, metric: str | None, mode: Literal["max", "min"] | None, **spec: Any
    ) -> bool:
        """Take metric and mode from ``tune.TuneConfig``; False if they were given twice."""
        if (self._metric and metric) or (self._mode and mode):
            return False
        self._metric = metric or self._metric or DEFAULT_METRIC
        self._mode = mode or self._mode
        if metric or mode:
            self._policy = None  # it was made, if at all, without knowing them
        return True

    def on_trial_add(self, tune_controller: Any, trial: Trial) -> None:
        """Refuse to begin without a mode: pruning the wrong way round would be worse than an error.

        Raises:
            ValueError: If neither the scheduler nor ``tune.TuneConfig`` names the mode.
        """
        if self._mode is None:
            raise ValueError(
                f"{type(self).__name__} does not know whether {self._metric!r} is to be large or small. Give "
                "mode='max' or mode='min' to the scheduler or to tune.TuneConfig."
            )

    def on_trial_result(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> str:
        """Pass the result to the policy and its decision to Ray."""
        try:
            if self._time_attr not in result:
                return self._no_time(result)
            report = to_report(result, self._time_attr, keep=self._metric)
            decision = self.policy.on_report(trial.trial_id, report)
            action = decision.action.value
        except Exception:
            self._count_error("on_trial_result")
            return str(TrialScheduler.CONTINUE)
        self.decisions.setdefault(trial.trial_id, []).append(decision)
        if decision.pruned:
            _log.info("trial %s pruned: %s", trial.trial_id, decision.reason)
        return action

    def on_trial_complete(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> None:
        """Tell the policy that the trial has ended."""
        try:
            known = self._time_attr in (result or {})
            report = to_report(result, self._time_attr, keep=self._metric) if known else None
            self.policy.on_complete(trial.trial_id, report)
        except Exception:
            self._count_error("on_trial_complete")

    def on_trial_error(self, tune_controller: Any, trial: Trial) -> None:
        """Tell the policy that the trial has failed."""
        try:
            self.policy.on_error(trial.trial_id)
        except Exception:
            self._count_error("on_trial_error")

    def debug_string(self) -> str:
        """Return one line with the counts."""
        pruned = sum(bool(d) and d[-1].pruned for d in self.decisions.values())
        return (
            f"{type(self).__name__}: {pruned} of {len(self.decisions)} trials pruned, {self._errors} errors"
        )

    def _no_time(self, result: dict[str, Any]) -> str:
        self._errors += 1
        if not self._warned:
            self._warned = True
            keys = sorted(key for key in result if not key.startswith("config/"))
            _log.warning(
                "time_attr %r is not among the reported %s; nothing is pruned", self._time_attr, keys
            )
        return str(TrialScheduler.CONTINUE)

    def _count_error(self, hook: str) -> None:
        self._errors += 1
        _log.exception("%s: the policy failed in %s; the trial continues", type(self).__name__, hook)


class NeuralCapacitanceScheduler(PolicyScheduler):
    r"""Prunes trials by their final metric as predicted from beta_eff: a drop-in for ``ASHAScheduler``.

    Asynchronous successive halving with rungs at ``grace_period * reduction_factor**k``. At a rung a
    trial goes on if its *predicted* final metric is among the top ``1 / reduction_factor`` of those
    before it. The prediction is a Bayesian ridge regression of the metric on beta_eff over the epochs
    seen, read off at beta_eff = 0 (:class:`~neurocap_search.prediction.CapacitanceRidge`). A trial
    that reports no beta_eff, or too few values, competes by its metric as under ASHA.

    Trainables report ``beta_eff`` beside the metric, for example from
    :meth:`~neurocap_search.network_science.NeuralCapacitanceProbe.measure`.

    When not to use it: with a ``grace_period`` below 3 the first rung comes before a prediction is
    possible. beta_eff is not known to rank networks better than their training loss on every task:
    compare both on yours.

    Args:
        time_attr: The result's key for the epoch.
        metric: The result's key that is optimised; None takes the one of ``tune.TuneConfig``.
        mode: ``"max"`` or ``"min"``; None takes the one of ``tune.TuneConfig``.
        max_t: Epochs of full training; trials are stopped there.
        grace_period: Epochs before the first rung.
        reduction_factor: One in how many goes on at each rung.
        brackets: Brackets of successive halving.
        capacitance_attr: The result's key for beta_eff.
        bounds: Range of the metric, such as ``(0, 1)`` for an accuracy; predictions are clipped to it.
        seed: Draws the brackets.

    Raises:
        ValueError: If an argument is out of its range.

    Example:
        >>> scheduler = NeuralCapacitanceScheduler(metric="acc", mode="max", max_t=16, grace_period=4)
        >>> scheduler.debug_string()
        'NeuralCapacitanceScheduler: 0 of 0 trials pruned, 0 errors'
    """

    def __init__(
        self,
        time_attr: str = "training_iteration",
        metric: str | None = None,
        mode: Literal["max", "min"] | None = None,
        max_t: float = 100,
        grace_period: float = 1,
        reduction_factor: float = 4,
        brackets: int = 1,
        *,
        capacitance_attr: str = "beta_eff",
        bounds: tuple[float, float] | None = None,
        seed: int = 0,
    ) -> None:
        def make_policy(metric: str, mode: Literal["max", "min"]) -> PruningPolicy:
            predictor = CapacitanceRidge(
                metric=metric, capacitance=capacitance_attr, mode=mode, bounds=bounds
            )
            return SuccessiveHalvingPolicy(
                metric=metric,
                mode=mode,
                max_t=max_t,
                grace_period=grace_period,
                reduction_factor=reduction_factor,
                brackets=brackets,
                predictor=predictor,
                rng=np.random.default_rng(seed),
            )

        super().__init__(make_policy, time_attr=time_attr, metric=metric, mode=mode)
        make_policy(metric or DEFAULT_METRIC, mode or "max")  # wrong arguments fail here, not in mid-search


def to_report(result: Mapping[str, Any], time_attr: str, keep: str | None = None) -> Report:
    """Return the numbers of a Ray result as a report.

    Args:
        result: What the trainable reported and Ray added to.
        time_attr: The result's key for the epoch.
        keep: A key that is kept even if Ray uses it too, such as the optimised metric.

    Example:
        >>> to_report({"epoch": 2, "acc": 0.5, "config/lr": 0.1, "done": False}, "epoch")
        Report(epoch=2, metrics={'acc': 0.5}, seconds=None)
    """
    metrics = {
        key: float(value)
        for key, value in result.items()
        if _is_number(value)
        and (key == keep or not (key.startswith("config/") or key in {*_RAY_KEYS, time_attr}))
    }
    epoch = result[time_attr]
    seconds = metrics.get("epoch_seconds") if keep == "epoch_seconds" else metrics.pop("epoch_seconds", None)
    return Report(epoch.item() if isinstance(epoch, np.number) else epoch, metrics, seconds)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)


# What Ray adds to every result; none of it says anything about the network.
_RAY_KEYS = frozenset(
    {
        "episodes_total",
        "iterations_since_restore",
        "pid",
        "time_since_restore",
        "time_this_iter_s",
        "time_total_s",
        "timestamp",
        "timesteps_since_restore",
        "timesteps_total",
        "training_iteration",
    }
)
