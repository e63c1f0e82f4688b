"""Any policy, on a number that is computed from the reports."""

import math
from collections.abc import Callable
from typing import Any

from neurocap_search.prediction import Report
from neurocap_search.pruning import Action, Decision, PruningPolicy
from neurocap_search.pruning.arguments import check_state
from neurocap_search.pruning.wrapped import WrappedPolicy
from neurocap_search.rules.derived import Derived

_STATE = ("derived", 1)


class DerivedPolicy(WrappedPolicy):
    """Lets a policy decide by a number that is computed from the reports.

    Where the source is missing, so is the number; where it is not finite, see :attr:`Derived.diverges`.

    When not to use it: for a number that trials report themselves; name that to the policy.

    Args:
        make_policy: Makes the policy that decides, from the name of the number it is to look at.
        derived: The number; knows nothing yet.

    Example:
        >>> from neurocap_search.pruning import SuccessiveHalvingPolicy
        >>> from neurocap_search.rules.derived import RunningMean
        >>> policy = DerivedPolicy(lambda name: SuccessiveHalvingPolicy(metric=name), RunningMean("acc"))
        >>> _ = policy.on_report("a", Report(1, {"acc": 0.9}))
        >>> policy.on_report("b", Report(1, {"acc": 0.1})).reason[:52]
        'epoch 1: mean_acc 0.100 is below 0.900, the cut-off '
    """

    def __init__(self, make_policy: Callable[[str], PruningPolicy], derived: Derived) -> None:
        super().__init__(make_policy(derived.name))
        self._derived = derived

    @property
    def signals(self) -> tuple[str, ...]:
        """The source of the number."""
        return (self._derived.source,)

    @property
    def required(self) -> tuple[str, ...]:
        """The same."""
        return self.signals

    def on_report(self, trial_id: str, report: Report) -> Decision:
        """Let the policy decide."""
        decision = self.policy.on_report(trial_id, self._with_number(trial_id, report))
        value = report.get(self._derived.source)
        if decision.action is not Action.CONTINUE or value is None or math.isfinite(value):
            return decision
        why = f"epoch {report.epoch}: {self._derived.source} is {value}, which says nothing; it goes on"
        return Decision(Action.CONTINUE, report.epoch, why)

    def on_complete(self, trial_id: str, report: Report | None) -> None:
        """Tell the policy."""
        last = None if report is None else self._with_number(trial_id, report)
        self._derived.forget(trial_id)
        self.policy.on_complete(trial_id, last)

    def on_error(self, trial_id: str) -> None:
        """Tell the policy."""
        self._derived.forget(trial_id)
        self.policy.on_error(trial_id)

    def state_dict(self) -> dict[str, Any]:
        """Return what the number rests on and the policy's state."""
        return {
            "policy": _STATE[0],
            "version": _STATE[1],
            "settings": self._settings(),
            "derived": self._derived.to_json(),
            "inner": self.policy.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over a state from :meth:`state_dict`."""
        check_state(state, *_STATE, self._settings())
        self.policy.load_state_dict(state["inner"])
        self._derived.load_json(state["derived"])

    def _settings(self) -> dict[str, Any]:
        return {"number": self._derived.name}

    def _with_number(self, trial_id: str, report: Report) -> Report:
        value = report.get(self._derived.source)
        if value is None:
            return report
        metrics = dict(report.metrics)
        if math.isfinite(value):
            metrics[self._derived.name] = self._derived.follow(trial_id, report.epoch, value)
        elif self._derived.diverges:
            metrics[self._derived.name] = value
        else:
            metrics.pop(self._derived.name, None)
        return Report(report.epoch, metrics, report.seconds)
