"""Any pruning policy as a Ray Tune scheduler."""

import logging
from collections.abc import Callable
from typing import Any, Literal

from ray.tune.experiment import Trial
from ray.tune.result import DEFAULT_METRIC
from ray.tune.schedulers import FIFOScheduler, TrialScheduler

from neurocap_search.pruning import Decision, PruningPolicy
from neurocap_search.tune.results import to_report

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
