"""The median stopping rule of Google Vizier."""

from functools import partial
from math import isfinite
from typing import Any, Literal

from neurocap_search.prediction import Report, plain
from neurocap_search.prediction.arguments import check_at_least, check_mode
from neurocap_search.pruning.arguments import check_max_t, check_state
from neurocap_search.pruning.decision import Action, Decision
from neurocap_search.pruning.outcomes import fully_trained, not_comparable
from neurocap_search.pruning.policy import PruningPolicy
from neurocap_search.pruning.quantiles import Quantiles

_STATE = ("median", 1)


_Course = tuple[float, float, float]
"""A trial's course up to an epoch: the epoch, the sum of its values and the best of them, signed so that
larger is better."""


class MedianPolicy(PruningPolicy):
    r"""Stops a trial whose best metric so far is worse than the median of the others' running averages.

    After epoch :math:`t` the best of the trial's values up to :math:`t` is compared with the median,
    over the other trials that have reported at :math:`t`, of the mean of their values up to
    :math:`t`. The rule assumes no form of the learning curve and has nothing to tune.

    When not to use it: half of the trials or more pass, so successive halving saves more epochs; and a
    slow starter that would end high is stopped early.

    Source: Golovin et al., Google Vizier, KDD 2017. There the median is over completed trials, here
    over all that got as far, as in Ray, so that it works from the start. :attr:`milestones` is empty:
    trials are compared after every epoch and none stands out.

    Args:
        metric: Name of the number in the reports that trials compete by.
        mode: ``"max"`` if larger is better, ``"min"`` otherwise.
        max_t: Epochs of full training.
        grace_period: First epoch at which trials are compared.
        min_trials: Fewest other trials to be compared with.

    Raises:
        ValueError: If an argument is out of its range.

    Example:
        >>> policy = MedianPolicy(metric="acc", max_t=9, min_trials=1)
        >>> _ = policy.on_report("good", Report(1, {"acc": 0.9}))
        >>> print(policy.on_report("bad", Report(1, {"acc": 0.1})).reason)
        epoch 1: best acc 0.100 so far is below 0.900, the median running average of the one trial before it
    """

    def __init__(
        self,
        *,
        metric: str,
        mode: Literal["max", "min"] = "max",
        max_t: float = 100,
        grace_period: float = 1,
        min_trials: int = 3,
    ) -> None:
        check_mode(mode)
        check_max_t(max_t)
        check_at_least("grace_period", grace_period, 1)
        check_at_least("min_trials", min_trials, 1)
        self.metric, self.mode, self.max_t = metric, mode, max_t
        self.grace_period, self.min_trials = grace_period, min_trials
        self._sign = 1 if mode == "max" else -1
        self._courses: dict[str, list[_Course]] = {}
        self._averages: dict[float, Quantiles] = {}
        self._judged: dict[str, float] = {}

    @property
    def signals(self) -> tuple[str, ...]:
        """The metric."""
        return (self.metric,)

    def on_report(self, trial_id: str, report: Report) -> Decision:
        """Compare the trial with those that have reported at this epoch before it."""
        value, epoch = report.metrics.get(self.metric), report.epoch
        if value is None and epoch >= self.max_t:
            return fully_trained(epoch, self.max_t)
        if value is None or not isfinite(value):
            return self._turn_away(trial_id, report)
        peers = self._averages.get(epoch)
        if peers is None:
            peers = self._averages[epoch] = Quantiles()
        peers.withdraw(trial_id)  # it may report an epoch twice
        average, best = self._extend(trial_id, epoch, self._sign * value)
        decision = self._decide(trial_id, epoch, best, peers)
        peers.enter(trial_id, average)
        return decision

    def on_complete(self, trial_id: str, report: Report | None) -> None:
        """Forget the trial's course; its running averages stay."""
        self._courses.pop(trial_id, None)
        self._judged.pop(trial_id, None)

    def state_dict(self) -> dict[str, Any]:
        """Return the courses of running trials and the running averages of all."""
        return {
            "policy": _STATE[0],
            "version": _STATE[1],
            "settings": self._settings(),
            "courses": {trial_id: [list(c) for c in cs] for trial_id, cs in self._courses.items()},
            "judged": dict(self._judged),
            "averages": [[epoch, ranking.values()] for epoch, ranking in self._averages.items()],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over a state from :meth:`state_dict`."""
        check_state(state, *_STATE, self._settings())
        self._courses = {
            trial_id: [(epoch, total, best) for epoch, total, best in cs]
            for trial_id, cs in state["courses"].items()
        }
        self._judged = dict(state["judged"])
        self._averages = {epoch: Quantiles(values) for epoch, values in state["averages"]}

    def _settings(self) -> dict[str, Any]:
        names = ("metric", "mode", "max_t", "grace_period", "min_trials")
        return {name: getattr(self, name) for name in names}

    def _turn_away(self, trial_id: str, report: Report) -> Decision:
        decision = not_comparable(self.metric, report)
        if decision.failed:  # nobody shall be measured by a trial that came to nothing
            for epoch, *_ in self._courses.pop(trial_id, []):
                self._averages[epoch].withdraw(trial_id)
        return decision

    def _extend(self, trial_id: str, epoch: float, value: float) -> tuple[float, float]:
        """Add the value to the trial's course and return its average and its best so far."""
        course = self._courses.setdefault(trial_id, [])
        while course and course[-1][0] >= epoch:
            course.pop()  # the trial has started over: two trainings must not be mixed
        _, total, best = course[-1] if course else (0, 0.0, value)
        total, best = total + value, best if best >= value else value
        course.append((epoch, total, best))
        return total / len(course), best

    def _decide(self, trial_id: str, epoch: float, best: float, peers: Quantiles) -> Decision:
        if epoch >= self.max_t:
            return fully_trained(epoch, self.max_t)
        if epoch <= self._judged.get(trial_id, 0):  # what was decided stands, also after a failure
            return Decision(Action.CONTINUE, epoch, f"epoch {epoch}: judged before")
        self._judged[trial_id] = epoch
        if epoch < self.grace_period:
            why = f"epoch {epoch}: nobody is compared before epoch {self.grace_period:g}"
            return Decision(Action.CONTINUE, epoch, why)
        if (count := len(peers)) < self.min_trials:
            why = f"epoch {epoch}: {count} of {self.min_trials} other trials needed to compare got here"
            return Decision(Action.CONTINUE, epoch, why)
        return self._compare(epoch, best, peers, count)

    def _compare(self, epoch: float, best: float, peers: Quantiles, count: int) -> Decision:
        median = peers.percentile(50)
        keeps = best >= median
        reason = partial(_reason, self.metric, self._sign, epoch, best, keeps, median, count)
        return Decision(Action.CONTINUE if keeps else Action.STOP, epoch, reason, None, not keeps)


def _reason(metric: str, sign: int, epoch: float, best: float, keeps: bool, median: float, count: int) -> str:
    below, above = ("below", "at or above") if sign > 0 else ("above", "at or below")
    side, trials = above if keeps else below, "one trial" if count == 1 else f"{count} trials"
    return (
        f"epoch {epoch}: best {metric} {plain(sign * best)} so far is {side} "
        f"{plain(sign * median)}, the median running average of the {trials} before it"
    )
