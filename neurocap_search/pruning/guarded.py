"""Any policy, with mercy for trials that still improve and for the best so far."""

from math import isfinite
from typing import Any, Literal, NamedTuple

from neurocap_search.prediction import Report, plain
from neurocap_search.prediction.arguments import check_at_least, check_mode
from neurocap_search.pruning.arguments import check_state
from neurocap_search.pruning.decision import Action, Decision
from neurocap_search.pruning.policy import PruningPolicy
from neurocap_search.pruning.ranking import Ranking
from neurocap_search.pruning.wrapped import WrappedPolicy

_STATE = ("guarded", 1)


class _Course(NamedTuple):
    """The last epoch of a trial and the one at which it last surpassed itself."""

    epoch: float
    improved: float | None


class GuardedPolicy(WrappedPolicy):
    """Lets a trial go on that another policy would prune, while it improves or is among the best.

    Two guards, each off at 0. ``patience``: the trial's metric has surpassed its own earlier best
    within the last ``patience`` epochs (a first value surpasses nothing). ``protect_best``: its best
    value so far is among the ``protect_best`` best of all trials seen, by now. The reason names the
    guard and quotes the policy. A trial that has failed, or is fully trained, is never held back.

    A PAUSE is no pruning and stands: comparing by pausing is how such a policy works, and nothing is
    lost yet. But a paused trial that the policy would give up and a guard protects is not given up:
    it is offered to go on, after those the policy itself would let go on.

    When not to use it: every mercy costs epochs. With a large ``patience`` nothing is pruned, since
    most trials improve in most epochs.

    Args:
        policy: Decides.
        metric: Name of the number in the reports the guards look at.
        mode: ``"max"`` if larger is better, ``"min"`` otherwise.
        patience: Epochs for which an improvement protects.
        protect_best: How many of the best trials are protected.

    Raises:
        ValueError: If an argument is out of its range.

    Example:
        >>> from neurocap_search.pruning import SuccessiveHalvingPolicy
        >>> halving = SuccessiveHalvingPolicy(metric="loss_drop", max_t=9, reduction_factor=2)
        >>> policy = GuardedPolicy(halving, metric="acc", protect_best=1)
        >>> _ = policy.on_report("a", Report(1, {"loss_drop": 0.9, "acc": 0.5}))
        >>> policy.on_report("b", Report(1, {"loss_drop": 0.1, "acc": 0.6})).reason[:66]
        'epoch 1: it goes on, because its best acc 0.600 ranks 1, among the'
    """

    def __init__(
        self,
        policy: PruningPolicy,
        *,
        metric: str,
        mode: Literal["max", "min"] = "max",
        patience: int = 0,
        protect_best: int = 0,
    ) -> None:
        check_mode(mode)
        check_at_least("patience", patience, 0)
        check_at_least("protect_best", protect_best, 0)
        super().__init__(policy)
        self.metric, self.mode = metric, mode
        self.patience, self.protect_best = patience, protect_best
        self._sign = 1 if mode == "max" else -1
        self._best = Ranking()
        self._courses: dict[str, _Course] = {}

    @property
    def signals(self) -> tuple[str, ...]:
        """What the policy looks at, and the metric."""
        return tuple(dict.fromkeys((*self.policy.signals, self.metric)))

    @property
    def required(self) -> tuple[str, ...]:
        """What the policy cannot do without, and the metric."""
        return tuple(dict.fromkeys((*self.policy.required, self.metric)))

    def on_report(self, trial_id: str, report: Report) -> Decision:
        """Let the policy decide, and let the trial go on if a guard protects it."""
        decision = self.policy.on_report(trial_id, report)
        value = report.metrics.get(self.metric)
        if decision.failed:
            self._best.withdraw(trial_id)
        elif value is not None and isfinite(value):
            self._follow(trial_id, report.epoch, self._sign * value)
        return self._spare(trial_id, decision) or decision

    def on_complete(self, trial_id: str, report: Report | None) -> None:
        """Tell the policy; the trial's best value stays among those of all."""
        self._courses.pop(trial_id, None)
        self.policy.on_complete(trial_id, report)

    def on_error(self, trial_id: str) -> None:
        """Tell the policy; the trial's best value stays among those of all."""
        self._courses.pop(trial_id, None)
        self.policy.on_error(trial_id)

    def resumable(self) -> tuple[str, Decision] | None:
        """Return the policy's choice, or else a trial it would give up and a guard protects."""
        choice = self.policy.resumable()
        if choice is not None:
            return choice
        spared = ((trial_id, self._spare(trial_id, d)) for trial_id, d in reversed(self.policy.surplus()))
        return next(((trial_id, decision) for trial_id, decision in spared if decision), None)

    def surplus(self) -> list[tuple[str, Decision]]:
        """Return what the policy gives up, less those a guard protects."""
        return [(trial_id, d) for trial_id, d in self.policy.surplus() if self._spare(trial_id, d) is None]

    def state_dict(self) -> dict[str, Any]:
        """Return what the guards have seen and the policy's state."""
        return {
            "policy": _STATE[0],
            "version": _STATE[1],
            "settings": self._settings(),
            "best": self._best.values(),
            "courses": {trial_id: list(course) for trial_id, course in self._courses.items()},
            "inner": self.policy.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over a state from :meth:`state_dict`."""
        check_state(state, *_STATE, self._settings())
        self.policy.load_state_dict(state["inner"])
        self._best = Ranking(state["best"])
        self._courses = {trial_id: _Course(*course) for trial_id, course in state["courses"].items()}

    def _settings(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("metric", "mode", "patience", "protect_best")}

    def _follow(self, trial_id: str, epoch: float, value: float) -> None:
        course = self._courses.get(trial_id)
        improved = None if course is None else course.improved
        if trial_id not in self._best:
            self._best.enter(trial_id, value)
        elif value > self._best.value(trial_id):
            self._best.enter(trial_id, value)
            improved = epoch
        self._courses[trial_id] = _Course(epoch, improved)

    def _spare(self, trial_id: str, decision: Decision) -> Decision | None:
        """Return the decision to go on in place of one that prunes a protected trial, else None."""
        if decision.action is not Action.STOP or not decision.pruned or decision.failed:
            return None
        why = self._improving(trial_id, decision.epoch) or self._among_best(trial_id)
        if why is None:
            return None
        reason = f"epoch {decision.epoch}: it goes on, because {why}, though {decision.reason}"
        return Decision(Action.CONTINUE, decision.epoch, reason, decision.prediction)

    def _improving(self, trial_id: str, epoch: float) -> str | None:
        improved = self._courses[trial_id].improved if trial_id in self._courses else None
        if improved is None or not 0 <= epoch - improved < self.patience:
            return None
        return f"its {self.metric} improved at epoch {improved} (patience {self.patience})"

    def _among_best(self, trial_id: str) -> str | None:
        if trial_id not in self._best or (position := self._best.position(trial_id)) >= self.protect_best:
            return None
        best = plain(self._sign * self._best.value(trial_id))
        return f"its best {self.metric} {best} ranks {position + 1}, among the {self.protect_best} protected"
