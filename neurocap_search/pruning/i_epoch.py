"""The trivial rule every other has to beat: everybody trains i epochs, the best few go on."""

from typing import Any, Literal

from neurocap_search.prediction import Report, plain
from neurocap_search.prediction.arguments import check_at_least, check_mode
from neurocap_search.pruning.arguments import check_state
from neurocap_search.pruning.decision import Action, Decision
from neurocap_search.pruning.outcomes import already_ended, fully_trained, not_comparable, usable
from neurocap_search.pruning.policy import PruningPolicy
from neurocap_search.pruning.ranking import Ranking
from neurocap_search.pruning.roster import Pause, Roster

_STATE = ("i_epoch", 1)


class IEpochPolicy(PruningPolicy):
    """Pauses every trial after ``epochs`` epochs; when all are there, the best ``keep`` go on to the end.

    Whoever falls out of the current best ``keep`` is given up at once, since a growing set only
    pushes out: at most ``keep`` checkpoints are kept. The best goes on first.

    When not to use it: as more than a baseline, think twice about ``epochs``: it must be chosen
    beforehand, and nobody knows it. But it is a strong one: in its source one epoch is often about as
    good as successive halving.

    Source: Egele et al., Is One Epoch All You Need For Multi-Fidelity Hyperparameter Optimization?,
    arXiv 2307.15422.

    Args:
        metric: Name of the number in the reports that trials compete by.
        epochs: Epochs of everybody, below ``max_t``.
        mode: ``"max"`` if larger is better, ``"min"`` otherwise.
        keep: How many go on.
        max_t: Epochs of full training.

    Raises:
        ValueError: If an argument is out of its range.

    Example:
        >>> policy = IEpochPolicy(metric="acc", epochs=1, keep=1, max_t=9)
        >>> for trial, acc in (("a", 0.2), ("b", 0.1)):
        ...     print(policy.on_report(trial, Report(1, {"acc": acc})).reason)
        epoch 1: acc 0.200 ranks 1 of 1, where the best one goes on; it waits for the others
        epoch 1: acc 0.100 ranks 2 of 2, where the best one goes on; it waits for the others
        >>> [trial for trial, _ in policy.surplus()]
        ['b']
        >>> policy.on_complete("b", None)
        >>> policy.on_exhausted()
        >>> policy.resumable()[0]
        'a'
    """

    pauses = True

    def __init__(
        self,
        *,
        metric: str,
        epochs: int,
        mode: Literal["max", "min"] = "max",
        keep: int = 3,
        max_t: float = 100,
    ) -> None:
        check_mode(mode)
        check_at_least("keep", keep, 1)
        if not 1 <= epochs < max_t:
            raise ValueError(f"epochs must be at least 1 and below max_t = {max_t:g}, received {epochs}.")
        self.metric, self.mode, self.epochs, self.keep, self.max_t = metric, mode, epochs, keep, max_t
        self._sign = 1 if mode == "max" else -1
        self._ranking = Ranking()
        self._promoted: dict[str, None] = {}
        self._roster, self._exhausted = Roster(), False

    @property
    def signals(self) -> tuple[str, ...]:
        """The metric."""
        return (self.metric,)

    @property
    def milestones(self) -> tuple[float, ...]:
        """The epoch at which everybody pauses."""
        return (self.epochs,)

    def on_add(self, trial_id: str) -> None:
        """Note that the trial runs: the others wait for it."""
        self._roster.add(trial_id)

    def on_report(self, trial_id: str, report: Report) -> Decision:
        """Pause the trial after ``epochs`` epochs, unless it would be the next to go on."""
        if self._roster.has_ended(trial_id):
            return already_ended(report.epoch)
        self._roster.run(trial_id)
        value = report.get(self.metric)
        if report.epoch >= self.max_t and (value is None or usable(value)):
            return fully_trained(report.epoch, self.max_t)
        if not usable(value):
            return self._turn_away(trial_id, report)
        if report.epoch < self.epochs:
            why = f"epoch {report.epoch}: everybody trains {self.epochs} epochs"
            return Decision(Action.CONTINUE, report.epoch, why)
        if trial_id in self._promoted:
            why = f"epoch {report.epoch}: among the {self.keep} that train to the end"
            return Decision(Action.CONTINUE, report.epoch, why)
        return self._pause(trial_id, report.epoch, value)

    def on_complete(self, trial_id: str, report: Report | None) -> None:
        """Let the trial go; one given up ranks no longer."""
        self._drop_paused(trial_id)
        self._roster.end(trial_id)

    def on_error(self, trial_id: str) -> None:
        """Let the trial go; one that waited ranks no longer, so that another has its place."""
        self._drop_paused(trial_id)
        self._roster.fail(trial_id)

    def on_exhausted(self) -> None:
        """Let the best go on as soon as all that run have trained ``epochs`` epochs."""
        self._exhausted = True

    def resumable(self) -> tuple[str, Decision] | None:
        """Return the best trial that waits, once nobody is to come."""
        trial_id = self._next()
        return None if trial_id is None else (trial_id, self._decide(trial_id, Action.CONTINUE, "it goes on"))

    def on_resume(self, trial_id: str) -> None:
        """Let the trial train to the end."""
        if trial_id in self._roster.paused:
            self._promoted[trial_id] = None
            self._roster.run(trial_id)

    def surplus(self) -> list[tuple[str, Decision]]:
        """Return the waiting trials outside the current best ``keep``, worst first."""
        outside = [t for t in self._roster.paused if self._ranking.position(t) >= self.keep]
        outside.sort(key=self._ranking.position, reverse=True)
        return [(trial_id, self._decide(trial_id, Action.STOP, "it is given up")) for trial_id in outside]

    def state_dict(self) -> dict[str, Any]:
        """Return the ranking and who runs and who waits."""
        return {
            "policy": _STATE[0],
            "version": _STATE[1],
            "settings": self._settings(),
            "values": self._ranking.values(),
            "promoted": list(self._promoted),
            "roster": self._roster.to_json(),
            "exhausted": self._exhausted,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over a state from :meth:`state_dict`."""
        check_state(state, *_STATE, self._settings())
        self._ranking, self._promoted = Ranking(state["values"]), dict.fromkeys(state["promoted"])
        self._roster, self._exhausted = Roster.from_json(state["roster"]), state["exhausted"]

    def _settings(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("metric", "mode", "epochs", "keep", "max_t")}

    def _turn_away(self, trial_id: str, report: Report) -> Decision:
        decision = not_comparable(self.metric, report)
        if decision.failed:  # it has no claim to a place any more
            self._ranking.withdraw(trial_id)
        return decision

    def _drop_paused(self, trial_id: str) -> None:
        if trial_id in self._roster.paused:
            self._ranking.withdraw(trial_id)

    def _pause(self, trial_id: str, epoch: float, value: float) -> Decision:
        if trial_id not in self._ranking:
            self._ranking.enter(trial_id, self._sign * value)
        self._roster.pause(trial_id, Pause(epoch, None))
        if self._next() != trial_id:
            return self._decide(trial_id, Action.PAUSE, "it waits for the others")
        decision = self._decide(trial_id, Action.CONTINUE, "it goes on")
        self.on_resume(trial_id)
        return decision

    def _next(self) -> str | None:
        """Return the best that waits, if the set is complete: nobody to come, nobody on the way."""
        if not self._exhausted or any(trial_id not in self._ranking for trial_id in self._roster.running):
            return None
        waiting = [t for t in self._roster.paused if self._ranking.position(t) < self.keep]
        return min(waiting, key=self._ranking.position, default=None)

    def _decide(self, trial_id: str, action: Action, outcome: str) -> Decision:
        epoch, _ = self._roster.paused[trial_id]
        value, position = self._ranking.value(trial_id), self._ranking.position(trial_id)
        who = "the best one goes on" if self.keep == 1 else f"the best {self.keep} go on"
        reason = (
            f"epoch {epoch}: {self.metric} {plain(self._sign * value)} ranks {position + 1} of "
            f"{len(self._ranking)}, where {who}; {outcome}"
        )
        return Decision(action, epoch, reason, pruned=action is Action.STOP)
