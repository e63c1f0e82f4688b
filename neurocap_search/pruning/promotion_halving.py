"""Asynchronous successive halving, promotion type: trials pause at rungs and the best go on."""

from collections.abc import Collection, Iterator
from itertools import islice
from math import isfinite
from typing import Any, Literal

from neurocap_search.prediction import Predictor, Report
from neurocap_search.prediction.arguments import check_at_least
from neurocap_search.pruning.arguments import check_halving, check_state
from neurocap_search.pruning.decision import Action, Decision
from neurocap_search.pruning.ladder import Ladder
from neurocap_search.pruning.outcomes import (
    already_ended,
    between_rungs,
    fully_trained,
    not_comparable,
    usable,
)
from neurocap_search.pruning.pausing_rung import PausingRung
from neurocap_search.pruning.policy import PruningPolicy
from neurocap_search.pruning.roster import Pause, Roster
from neurocap_search.pruning.scorer import Scorer

_STATE = ("promotion_halving", 1)


class PromotionHalvingPolicy(PruningPolicy):
    r"""Pauses every trial at every rung; the best :math:`\lfloor n/\eta \rfloor` of a rung's ``n`` go on.

    Asynchronous successive halving as published (Li et al., MLSys 2020, Algorithm 2): a free worker
    takes the best promotable trial of the highest rung that has one, or else a new trial. Against
    the stopping type (:class:`SuccessiveHalvingPolicy`) no bad trial passes a rung for want of
    peers, and one that was unlucky at first may go on later. A trial that would be the next to go on
    when it reports goes on at once, which saves the pause. With a ``predictor`` trials compete by
    predicted final metric, like with like. One addition: a search too small to promote anybody to the
    end trains the leader of its highest rung to the end all the same, once nothing else is left to do.

    When not to use it: trials must be able to pause and go on from a checkpoint, and checkpoints of
    all that wait are kept; ``max_paused`` bounds them. Where saving and loading costs as much as a
    few epochs, the stopping type is cheaper.

    Args:
        metric: Name of the number in the reports that trials compete by.
        mode: ``"max"`` if larger is better, ``"min"`` otherwise.
        max_t: Epochs of full training.
        grace_period: Epochs before the first rung.
        reduction_factor: One in how many goes on at each rung, above 1.
        predictor: Predicts the final metric from the reports so far.
        max_paused: Most trials that may wait; the worst of the lowest rung are given up first. None:
            no bound.

    Raises:
        ValueError: If an argument is out of its range.

    Example:
        >>> policy = PromotionHalvingPolicy(metric="acc", max_t=9, reduction_factor=2)
        >>> for trial, acc in (("a", 0.2), ("b", 0.1)):
        ...     print(policy.on_report(trial, Report(1, {"acc": acc})).action)
        PAUSE
        PAUSE
        >>> policy.resumable()[1].reason
        'epoch 1: acc 0.200 ranks 1 of 2 at its rung, where the best one may go on; it goes on'
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
        predictor: Predictor | None = None,
        max_paused: int | None = None,
    ) -> None:
        check_halving(mode, max_t, grace_period, reduction_factor)
        if max_paused is not None:
            check_at_least("max_paused", max_paused, 0)
        self.metric, self.mode, self.max_t = metric, mode, max_t
        self.reduction_factor, self.max_paused = reduction_factor, max_paused
        self._scorer = Scorer(metric, mode, predictor)
        self._ladder = Ladder(grace_period, max_t, reduction_factor)
        self._roster, self._exhausted, self._any_trained = Roster(), False, False

    @property
    def signals(self) -> tuple[str, ...]:
        """The metric, and what the predictor looks at."""
        return self._scorer.signals

    @property
    def milestones(self) -> tuple[float, ...]:
        """Epochs of the rungs."""
        return self._ladder.milestones

    def on_add(self, trial_id: str) -> None:
        """Note that the trial runs."""
        self._roster.add(trial_id)

    def on_report(self, trial_id: str, report: Report) -> Decision:
        """Pause the trial if the report reaches a rung, unless it would be the next to go on."""
        value, epoch = report.metrics.get(self.metric), report.epoch
        if trial_id not in self._roster.running and not self._run(trial_id):
            return already_ended(epoch)
        if value is None and epoch >= self.max_t:
            return fully_trained(epoch, self.max_t)
        if value is None or not isfinite(value):
            return self._turn_away(trial_id, report)
        if epoch >= self.max_t:
            decision = fully_trained(epoch, self.max_t)
        elif (rung := self._ladder.rung_to_wait_at(trial_id, epoch)) is not None:
            prediction = self._scorer.predict(trial_id, report)
            rung.enter(trial_id, self._scorer.score(value, prediction))
            return self._pause(trial_id, rung, Pause(epoch, prediction))
        else:
            decision = between_rungs(epoch)
        return decision.with_prediction(self._scorer.predict_later(trial_id, report))

    def on_complete(self, trial_id: str, report: Report | None) -> None:
        """Let the trial go; its scores stay, and a fully trained trial teaches the predictor."""
        self._leave(trial_id)
        self._roster.end(trial_id)
        value = report.get(self.metric) if report else None
        if report is not None and report.epoch >= self.max_t and usable(value):
            self._any_trained = True
            self._scorer.learn(trial_id, value)
        self._scorer.forget(trial_id)

    def on_error(self, trial_id: str) -> None:
        """Let the trial go; its scores stay, because they were measured."""
        self._leave(trial_id)
        self._roster.fail(trial_id)

    def on_exhausted(self) -> None:
        """Give up, from now on, who can no longer be promoted."""
        self._exhausted = True

    def resumable(self) -> tuple[str, Decision] | None:
        """Return the best promotable trial of the highest rung that has one."""
        trial_id = self._ladder.next()
        if trial_id is not None:
            return trial_id, self._decide(trial_id, Action.CONTINUE, "it goes on")
        if not self._exhausted or self._roster.running or (leader := self._leader()) is None:
            return None
        why = "it goes on, because no trial would be trained to the end otherwise"
        return leader, self._decide(leader, Action.CONTINUE, why)

    def on_resume(self, trial_id: str) -> None:
        """Count a waiting trial as promoted from its rung."""
        if trial_id in self._roster.paused:
            self._ladder.top_rung(trial_id).promote(trial_id)
            self._roster.run(trial_id)

    def surplus(self) -> list[tuple[str, Decision]]:
        """Return those above ``max_paused`` and, once no new trials come, those that can't go on."""
        hopeless = self._hopeless() if self._exhausted else []
        excess = 0 if self.max_paused is None else self.waiting - len(hopeless) - self.max_paused
        if not hopeless and excess <= 0:  # so it is after nearly every report
            return []
        why = "it is given up, because no trial to come can change that"
        given_up = [(trial_id, self._decide(trial_id, Action.STOP, why)) for trial_id in hopeless]
        least = islice(self.least_promising(set(hopeless)), max(0, excess))
        return given_up + [(trial_id, decision) for _, trial_id, decision in least]

    @property
    def waiting(self) -> int:
        """How many trials are paused."""
        return len(self._roster.paused)

    def least_promising(self, given_up: Collection[str]) -> Iterator[tuple[float, str, Decision]]:
        """Iterate over the paused trials that would be given up for want of room.

        Args:
            given_up: Trials to leave out.

        Yields:
            Milestone, trial and its STOP, the worst of the lowest rung first; never one that is to go on.
        """
        spared = {*given_up, self._ladder.next(), self._leader()}
        why = "it is given up, because too many trials wait"
        for milestone, trial_id in self._ladder.worst_first():
            if trial_id not in spared:
                yield milestone, trial_id, self._decide(trial_id, Action.STOP, why)

    def state_dict(self) -> dict[str, Any]:
        """Return rungs, who runs and who waits, and what the predictor rests on."""
        return {
            "policy": _STATE[0],
            "version": _STATE[1],
            "settings": self._settings(),
            "rungs": self._ladder.to_json(),
            "roster": self._roster.to_json(),
            "exhausted": self._exhausted,
            "any_trained": self._any_trained,
            "scorer": self._scorer.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over a state from :meth:`state_dict`."""
        check_state(state, *_STATE, self._settings())
        self._roster, self._exhausted = Roster.from_json(state["roster"]), state["exhausted"]
        self._any_trained = state["any_trained"]
        self._ladder.load_json(state["rungs"], waiting=self._roster.paused)
        self._scorer.load_state_dict(state["scorer"])

    def _settings(self) -> dict[str, Any]:
        names = ("metric", "mode", "max_t", "reduction_factor", "max_paused")
        settings = {name: getattr(self, name) for name in names}
        predicts = self._scorer.predictor is not None
        return {**settings, "milestones": list(self.milestones), "predicts": predicts}

    def _leader(self) -> str | None:
        """Return who is trained to the end if nobody is promoted so far; None once somebody was."""
        return None if self._any_trained else self._ladder.leader()

    def _hopeless(self) -> list[str]:
        leader = self._leader()
        return [t for t in self._ladder.hopeless(self._roster.running) if t != leader]

    def _run(self, trial_id: str) -> bool:
        """Note that a trial runs; False if it has ended for good."""
        if self._roster.has_ended(trial_id):
            return False
        self._leave(trial_id)
        self._roster.run(trial_id)
        return True

    def _leave(self, trial_id: str) -> None:
        if trial_id in self._roster.paused:
            self._ladder.top_rung(trial_id).leave(trial_id)

    def _turn_away(self, trial_id: str, report: Report) -> Decision:
        decision = not_comparable(self.metric, report)
        if decision.failed:  # nobody shall be measured by a trial that came to nothing
            self._ladder.withdraw(trial_id)
        return decision

    def _pause(self, trial_id: str, rung: PausingRung, pause: Pause) -> Decision:
        rung.wait(trial_id)
        self._roster.pause(trial_id, pause)
        if self._ladder.next() != trial_id:
            return self._decide(trial_id, Action.PAUSE, "it waits")
        decision = self._decide(trial_id, Action.CONTINUE, "it goes on")
        self.on_resume(trial_id)
        return decision

    def _decide(self, trial_id: str, action: Action, outcome: str) -> Decision:
        """Return the decision on a waiting trial, with where it stands by now."""
        epoch, prediction = self._roster.paused[trial_id]
        rung = self._ladder.top_rung(trial_id)
        why = rung.reason(trial_id, self.metric, self._scorer.sign, prediction)
        pruned = action is Action.STOP
        return Decision(action, epoch, lambda: f"epoch {epoch}: {why()}; {outcome}", prediction, pruned)
