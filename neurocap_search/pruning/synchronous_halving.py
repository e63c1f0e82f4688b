"""Synchronous successive halving: a rung's trials wait until all are there, then the best go on."""

from collections.abc import Iterator
from typing import Any, Literal

from neurocap_search.prediction import Report
from neurocap_search.pruning.arguments import check_halving, check_state
from neurocap_search.pruning.decision import Action, Decision
from neurocap_search.pruning.outcomes import (
    already_ended,
    between_rungs,
    fully_trained,
    not_comparable,
    usable,
)
from neurocap_search.pruning.policy import PruningPolicy
from neurocap_search.pruning.reasons import standing_reason
from neurocap_search.pruning.roster import Pause, Roster
from neurocap_search.pruning.rungs import Score, bracket_rungs
from neurocap_search.pruning.synchronous_rung import SynchronousRung

_STATE = ("synchronous_halving", 1)


class SynchronousHalvingPolicy(PruningPolicy):
    r"""Compares nobody before everybody is there: of a rung's ``n`` trials the best n/eta go on.

    Successive halving as it was before it became asynchronous (Jamieson and Talwalkar, AISTATS 2016). Rungs
    lie at ``grace_period * reduction_factor**k`` epochs. At each, trials pause until no new trial is to come
    and none is on its way there; then the best :math:`\lfloor n/\eta \rfloor`, at least one, go on, best
    first, and the others are given up. No decision rests on who came first, so every decision is as good as
    the metric at its rung.

    When not to use it: workers idle while a rung waits for its slowest trial, nothing is fully trained before
    all trials have had their first epochs, and every trial of a rung keeps a checkpoint. With many workers
    :class:`PromotionHalvingPolicy` wastes less; with a search of unknown length this one never begins.

    Args:
        metric: Name of the number in the reports that trials compete by.
        mode: ``"max"`` if larger is better, ``"min"`` otherwise.
        max_t: Epochs of full training.
        grace_period: Epochs before the first rung.
        reduction_factor: One in how many goes on at each rung, above 1.

    Raises:
        ValueError: If an argument is out of its range.

    Example:
        >>> policy = SynchronousHalvingPolicy(metric="acc", max_t=9, reduction_factor=2)
        >>> for trial, acc in (("a", 0.2), ("b", 0.1)):
        ...     print(policy.on_report(trial, Report(1, {"acc": acc})).action)
        PAUSE
        PAUSE
        >>> policy.resumable() is None  # others may come
        True
        >>> policy.on_exhausted()
        >>> policy.resumable()[1].reason
        'epoch 1: acc 0.200 ranks 1 of 2 at its rung, where the best one may go on; it goes on'
        >>> policy.surplus()[0][0]
        'b'
    """

    pauses = True

    def __init__(
        self,
        *,
        metric: str,
        mode: Literal["max", "min"] = "max",
        max_t: float = 100,
        grace_period: float = 1,
        reduction_factor: float = 4,
    ) -> None:
        check_halving(mode, max_t, grace_period, reduction_factor)
        self.metric, self.mode, self.max_t = metric, mode, max_t
        self.reduction_factor = reduction_factor
        self._sign = 1 if mode == "max" else -1
        milestones = (
            rung.milestone for rung in reversed(bracket_rungs(grace_period, max_t, reduction_factor))
        )
        self._rungs = [
            SynchronousRung(milestone, reduction_factor) for milestone in milestones if milestone < max_t
        ]
        self._roster, self._exhausted = Roster(), False

    @property
    def signals(self) -> tuple[str, ...]:
        """The metric."""
        return (self.metric,)

    @property
    def milestones(self) -> tuple[float, ...]:
        """Epochs of the rungs."""
        return tuple(rung.milestone for rung in self._rungs)

    def on_add(self, trial_id: str) -> None:
        """Note that the trial runs: the others wait for it."""
        self._roster.add(trial_id)

    def on_report(self, trial_id: str, report: Report) -> Decision:
        """Pause the trial if the report reaches a rung, unless it would be the next to go on."""
        if self._roster.has_ended(trial_id):
            return already_ended(report.epoch)
        self._leave(trial_id, for_good=False)
        self._roster.run(trial_id)
        value = report.get(self.metric)
        if report.epoch >= self.max_t and (value is None or usable(value)):
            return fully_trained(report.epoch, self.max_t)
        if not usable(value):
            return self._turn_away(trial_id, report)
        rung = self._rung_to_wait_at(trial_id, report.epoch)
        if rung is None:
            return between_rungs(report.epoch)
        return self._pause(trial_id, rung, self._sign * value, report.epoch)

    def on_complete(self, trial_id: str, report: Report | None) -> None:
        """Let the trial go; one that was given up still counts at its rung."""
        given_up = any(rung.is_outside(trial_id) for rung in self._complete())
        self._leave(trial_id, for_good=not given_up)
        self._roster.end(trial_id)

    def on_error(self, trial_id: str) -> None:
        """Let the trial go; one that waited counts no longer, so that another may have its place."""
        self._leave(trial_id, for_good=True)
        self._roster.fail(trial_id)

    def on_exhausted(self) -> None:
        """Let the best go on as soon as everybody is there."""
        self._exhausted = True

    def resumable(self) -> tuple[str, Decision] | None:
        """Return the best waiting trial of the rung at which everybody is, if it may go on."""
        trial_id = self._next()
        return None if trial_id is None else (trial_id, self._decide(trial_id, Action.CONTINUE, "it goes on"))

    def on_resume(self, trial_id: str) -> None:
        """Count a waiting trial as promoted from its rung."""
        if trial_id in self._roster.paused:
            self._rung_of(trial_id).promote(trial_id)
            self._roster.run(trial_id)

    def surplus(self) -> list[tuple[str, Decision]]:
        """Return who is outside the best of a rung at which everybody is, worst first."""
        outside = [trial_id for rung in self._complete() for trial_id in rung.outside()]
        return [(trial_id, self._decide(trial_id, Action.STOP, "it is given up")) for trial_id in outside]

    def state_dict(self) -> dict[str, Any]:
        """Return the rungs and who runs and who waits."""
        return {
            "policy": _STATE[0],
            "version": _STATE[1],
            "settings": self._settings(),
            "rungs": [rung.to_json() for rung in self._rungs],
            "roster": self._roster.to_json(),
            "exhausted": self._exhausted,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over a state from :meth:`state_dict`."""
        check_state(state, *_STATE, self._settings())
        self._roster, self._exhausted = Roster.from_json(state["roster"]), state["exhausted"]
        self._rungs = [SynchronousRung.from_json(rung, self.reduction_factor) for rung in state["rungs"]]
        for trial_id in self._roster.paused:
            self._rung_of(trial_id).wait(trial_id)

    def _settings(self) -> dict[str, Any]:
        settings = {name: getattr(self, name) for name in ("metric", "mode", "max_t", "reduction_factor")}
        return {**settings, "milestones": list(self.milestones)}

    def _complete(self) -> Iterator[SynchronousRung]:
        """Iterate over the rungs to which nobody is on the way any more, lowest first."""
        for k, rung in enumerate(self._rungs):
            if not self._exhausted or any(self._height(trial_id) < k for trial_id in self._roster.running):
                return
            yield rung
            if rung.next() is not None:
                return  # who is to go on from here is on the way to the rungs above

    def _next(self) -> str | None:
        return next((trial_id for rung in self._complete() if (trial_id := rung.next()) is not None), None)

    def _height(self, trial_id: str) -> int:
        """Return the number of the highest rung the trial has reached, -1 if none."""
        return max((k for k, rung in enumerate(self._rungs) if trial_id in rung), default=-1)

    def _rung_of(self, trial_id: str) -> SynchronousRung:
        return self._rungs[self._height(trial_id)]

    def _rung_to_wait_at(self, trial_id: str, epoch: float) -> SynchronousRung | None:
        """Return the rung reached at ``epoch``, unless the trial has been promoted from there already."""
        reached = sum(epoch >= milestone for milestone in self.milestones) - 1
        if reached < 0 or reached < self._height(trial_id) or self._rungs[reached].has_promoted(trial_id):
            return None
        return self._rungs[reached]

    def _leave(self, trial_id: str, *, for_good: bool) -> None:
        if trial_id in self._roster.paused:
            rung = self._rung_of(trial_id)
            (rung.withdraw if for_good else rung.leave)(trial_id)

    def _turn_away(self, trial_id: str, report: Report) -> Decision:
        decision = not_comparable(self.metric, report)
        if decision.failed:  # nobody shall be measured by a trial that came to nothing
            for rung in self._rungs:
                rung.withdraw(trial_id)
        return decision

    def _pause(self, trial_id: str, rung: SynchronousRung, value: float, epoch: float) -> Decision:
        rung.enter(trial_id, value)
        self._roster.pause(trial_id, Pause(epoch, None))
        if self._next() != trial_id:
            return self._decide(trial_id, Action.PAUSE, "it waits for the others")
        decision = self._decide(trial_id, Action.CONTINUE, "it goes on")
        self.on_resume(trial_id)
        return decision

    def _decide(self, trial_id: str, action: Action, outcome: str) -> Decision:
        epoch, rung = self._roster.paused[trial_id].epoch, self._rung_of(trial_id)
        score, standing = Score(rung.ranking.value(trial_id), None), rung.standing(trial_id)
        why = standing_reason(self.metric, self._sign, score, standing, rung.places, None)
        return Decision(action, epoch, f"epoch {epoch}: {why}; {outcome}", pruned=action is Action.STOP)
