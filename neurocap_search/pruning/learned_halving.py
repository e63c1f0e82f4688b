"""Successive halving by a learned combination of signals, stopping or promotion type."""

from collections.abc import Callable, Sequence
from math import nan
from typing import Any, Literal

from neurocap_search.prediction import Report, plain
from neurocap_search.prediction.arguments import check_at_least, check_bounds
from neurocap_search.prediction.combination import LearnedCombination, SignalCourse
from neurocap_search.pruning.arguments import check_early_stops, check_halving, check_state
from neurocap_search.pruning.audit import Arrival, Audit, Estimates
from neurocap_search.pruning.cohort_ladder import CohortLadder
from neurocap_search.pruning.decision import Action, Decision
from neurocap_search.pruning.insight import Insight, SignalShares
from neurocap_search.pruning.learned_rungs import rungs_below, usual_factor
from neurocap_search.pruning.learned_words import AUDITED, place_in_words
from neurocap_search.pruning.outcomes import (
    already_ended,
    between_rungs,
    fully_trained,
    not_comparable,
    usable,
)
from neurocap_search.pruning.policy import PruningPolicy
from neurocap_search.pruning.roster import Pause, Roster

_STATE = ("learned_halving", 4)
"""Since 3 with rungs within the first epoch, since 4 with the reports that may be taken back."""


class LearnedHalvingPolicy(PruningPolicy):
    r"""Lets the trials go on that a learned combination of signals ranks first.

    After ``grace_period`` epochs one trial in :math:`\eta^2` goes on, as many as successive halving with that
    ``reduction_factor`` :math:`\eta` brings to its third rung, and after twice as many epochs four of five of
    those train on to the end. At each of the two rungs *all* trials that have reached it are compared anew by
    :class:`~neurocap_search.prediction.combination.LearnedCombination`, which learns from rung to rung and
    from finished trials what the signals are worth. Many signals together tell more after one epoch than
    the metric alone, so it prunes early, and what that saves goes into finished trials. The promotion type
    lets at least three go on, as long as ``max_paused`` leaves them.

    With ``early_stops`` the worse half of the trials ends at each of these shares of the **first epoch**, for
    good in either type. A trial reports there what training has told so far, ``train_loss`` and
    ``train_accuracy``: nothing has to be evaluated or saved. What a whole epoch of everybody would cost goes
    into finished trials instead.

    A share of the trials, drawn before they train, is never pruned: the **audit**. From trials that no
    decision has selected it estimates how well the prediction ranks and how often it prunes wrongly
    (:meth:`audit`). While eight or more audited trials say that the prediction ranks no better than the
    metric itself, trials compete by the metric, as in plain successive halving, and each reason says so.

    When not to use it: with fewer than about 20 trials: ranks among so few say little. When trials
    report nothing beside the metric. When slow starters may win: nothing seen in ``grace_period`` epochs
    tells of them. When trials end by themselves before ``max_t``: they teach nothing, the audited neither.
    With tens of thousands of trials: each report ranks all of them anew, 2 ms among 1,000.

    Args:
        metric: Name of the number in the reports that is optimised.
        mode: ``"max"`` if larger is better, ``"min"`` otherwise.
        max_t: Epochs of full training.
        grace_period: Epochs before the first rung.
        reduction_factor: One trial in its square goes on; default: 4, with ``early_stops`` 3.5, and 2.5 for
            the stopping type, which needs more room for its early decisions.
        early_stops: Shares of the first epoch, ascending, at each of which the worse half ends. Only where
            trials report within their first epoch: a report whose epoch is 0.25.
        type: ``"stopping"`` decides for good when a trial reaches a rung; ``"promotion"`` pauses it and
            lets it go on when it is among the best, which takes fewer epochs but needs checkpoints.
        audit: Share of trials that is never pruned.
        combination: Ranks the trials; default: the one for ``metric`` with the prior of the package.
        max_paused: Most trials that may be paused.
        bounds: Range of the metric; predictions are clipped to it.
        seed: Draws the audit.

    Raises:
        ValueError: If an argument is out of its range.

    Example:
        >>> policy = LearnedHalvingPolicy(metric="acc", max_t=9, reduction_factor=1.5, audit=0)
        >>> _ = policy.on_report("good", Report(1, {"acc": 0.9}))
        >>> print(policy.on_report("bad", Report(1, {"acc": 0.1})).reason)
        epoch 1: the combination ranks it 2 of 2 (acc 0.100 by now), and the best one goes on; it is pruned
    """

    def __init__(
        self,
        *,
        metric: str,
        mode: Literal["max", "min"] = "max",
        max_t: float = 100,
        grace_period: float = 1,
        reduction_factor: float | None = None,
        early_stops: Sequence[float] = (),
        type: Literal["stopping", "promotion"] = "stopping",
        audit: float = 0.05,
        combination: LearnedCombination | None = None,
        max_paused: int | None = None,
        bounds: tuple[float, float] | None = None,
        seed: int = 0,
    ) -> None:
        if reduction_factor is None:
            reduction_factor = usual_factor(type, early_stops)
        check_halving(mode, max_t, grace_period, reduction_factor)
        check_early_stops(early_stops)
        if type not in ("stopping", "promotion"):
            raise ValueError(f"type must be 'stopping' or 'promotion', received {type!r}.")
        if max_paused is not None:
            check_at_least("max_paused", max_paused, 0)
        check_bounds(bounds)
        self.metric, self.mode, self.max_t, self.type = metric, mode, max_t, type
        self.grace_period, self.reduction_factor, self.max_paused = grace_period, reduction_factor, max_paused
        self.pauses, self._early_stops, self._bounds = type == "promotion", tuple(early_stops), bounds
        self._audit = Audit(audit, seed)
        self._combination = combination or LearnedCombination(metric=metric, mode=mode)
        _check_same_goal(self._combination, metric, mode)
        rungs = rungs_below(max_t, grace_period, reduction_factor, early_stops)
        # One that decides for good lets the first ones pass anyway, and they are as many.
        self._ladder = CohortLadder(self._combination, rungs, bounds, least=3 if self.pauses else 1)
        self._courses: dict[str, SignalCourse] = {}
        self._roster, self._any_trained = Roster(), False

    @property
    def signals(self) -> tuple[str, ...]:
        """The metric, and what the combination looks at."""
        return self._combination.signals

    @property
    def required(self) -> tuple[str, ...]:
        """The metric: a signal that nobody reports says nothing."""
        return (self.metric,)

    @property
    def milestones(self) -> tuple[float, ...]:
        """Epochs of the rungs, less those within the first epoch."""
        return tuple(rung.milestone for rung in self._ladder.rungs if not rung.is_early)

    @property
    def early_stops(self) -> tuple[float, ...]:
        """Shares of the first epoch at which trials are compared."""
        return self._early_stops

    @property
    def waiting(self) -> int:
        """How many trials are paused."""
        return len(self._roster.paused)

    def audit(self) -> Estimates:
        """Return what the trials that are never pruned say about the predictions."""
        revised = self._audit.trials if self.pauses else ()  # who decides for good has noted it at once
        alive = [trial for trial in revised if trial not in self._ladder.ranking.failed]
        return self._audit.estimates([trial for trial in alive if not self._has_place(trial)])

    def contributions(self) -> dict[float, dict[str, float]]:
        """Return for each rung's epoch the share of each signal in the predicted differences."""
        ladder = self._ladder
        reached = [(k, rung.milestone) for k, rung in enumerate(ladder.rungs) if rung.rows]
        return {epoch: self._combination.worth(ladder.ranking.standings(k)) for k, epoch in reached}

    def insight(self) -> Insight:
        """Return the contributions with the number of trials at each rung, and the audit."""
        trials = {rung.milestone: len(rung.rows) for rung in self._ladder.rungs}
        shares = (SignalShares(epoch, trials[epoch], found) for epoch, found in self.contributions().items())
        return Insight(tuple(shares), self.audit(), by_metric=int(self._ladder.by_metric))

    def on_add(self, trial_id: str) -> None:
        """Draw whether the trial is audited, before it trains."""
        self._audit.draw(trial_id)
        self._roster.add(trial_id)

    def on_report(self, trial_id: str, report: Report) -> Decision:
        """Compare the trial if the report reaches a rung, else let it go on."""
        value, epoch = report.get(self.metric), report.epoch
        if self._roster.has_ended(trial_id):
            return already_ended(epoch)
        self._roster.run(trial_id)
        self._ladder.ranking.revive(trial_id)
        self._audit.revive(trial_id)
        if report.is_early:
            return self._compete_early(trial_id, report)
        if epoch >= self.max_t and (value is None or usable(value)):
            return fully_trained(epoch, self.max_t)
        if not usable(value):
            return self._turn_away(trial_id, report)
        if self._ladder.is_passed_by(trial_id):
            return between_rungs(epoch)
        course = self._courses.setdefault(trial_id, self._combination.course())
        course.follow(report)
        number = self._ladder.enter(trial_id, epoch, course.row(), value)
        return between_rungs(epoch) if number is None else self._compete(number, trial_id, epoch)

    def on_complete(self, trial_id: str, report: Report | None) -> None:
        """Let the trial go; its signals stay, and a fully trained trial is learned from."""
        self._roster.end(trial_id)
        self._courses.pop(trial_id, None)
        value = report.get(self.metric) if report else None
        if report is not None and report.epoch >= self.max_t and usable(value):
            self._any_trained = True
            self._ladder.ranking.finish(trial_id, value)
            self._audit.finish(trial_id, self._combination.sign * value)
            self._judge_by_audit()

    def on_error(self, trial_id: str) -> None:
        """Let the trial go; that it failed is learned from, unless it is tried again."""
        self._roster.fail(trial_id)
        self._come_to_nothing(trial_id)

    def on_exhausted(self) -> None:
        """Give up, from now on, who can no longer go on."""
        self._ladder.exhausted = True

    def resumable(self) -> tuple[str, Decision] | None:
        """Return the best waiting trial of the highest rung that has a place for it."""
        trial_id = self._ladder.next(self._roster)
        if trial_id is not None:
            return trial_id, self._decide(trial_id, Action.CONTINUE, "it goes on")
        if not self._ladder.exhausted or self._roster.running or (leader := self._leader()) is None:
            return None
        why = "it goes on, because no trial would be trained to the end otherwise"
        return leader, self._decide(leader, Action.CONTINUE, why)

    def on_resume(self, trial_id: str) -> None:
        """Count a waiting trial as promoted from its rung."""
        if trial_id in self._roster.paused:
            self._ladder.promote(trial_id)
            self._roster.run(trial_id)

    def surplus(self) -> list[tuple[str, Decision]]:
        """Return those above ``max_paused`` and, once no new trials come, those that can't go on."""
        if not self._roster.paused or (self.max_paused is None and not self._ladder.exhausted):
            return []
        leader = self._leader()
        hopeless = [t for t in self._ladder.hopeless(self._roster) if t != leader]
        excess = 0 if self.max_paused is None else self.waiting - len(hopeless) - self.max_paused
        spared = {*hopeless, leader, self._ladder.next(self._roster)}
        least = self._ladder.least_promising(excess, self._roster, spared)
        why = dict.fromkeys(hopeless, "it is given up, because no trial to come can change that")
        why |= dict.fromkeys(least, "it is given up, because too many trials wait")
        return [(trial_id, self._decide(trial_id, Action.STOP, reason)) for trial_id, reason in why.items()]

    def state_dict(self) -> dict[str, Any]:
        """Return rungs, who runs and who waits, the audit, and what the combination learns from."""
        return {
            "policy": _STATE[0],
            "version": _STATE[1],
            "settings": self._settings(),
            "ladder": self._ladder.to_json(),
            "courses": {trial_id: course.to_json() for trial_id, course in self._courses.items()},
            "audit": self._audit.to_json(),
            "roster": self._roster.to_json(),
            "any_trained": self._any_trained,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over a state from :meth:`state_dict`."""
        check_state(state, *_STATE, self._settings())
        self._ladder.load_json(state["ladder"])
        self._courses = {t: self._combination.course(course) for t, course in state["courses"].items()}
        self._audit.load_json(state["audit"])
        self._roster, self._any_trained = Roster.from_json(state["roster"]), state["any_trained"]
        self._judge_by_audit()

    def _settings(self) -> dict[str, Any]:
        names = ("metric", "mode", "max_t", "grace_period", "reduction_factor", "type", "max_paused")
        settings = {name: getattr(self, name) for name in names}
        settings |= {"audit": self._audit.share, "early_stops": list(self._early_stops)}
        return settings | {"bounds": self._bounds and list(self._bounds)} | self._combination.settings()

    def _turn_away(self, trial_id: str, report: Report) -> Decision:
        decision = not_comparable(self.metric, report)
        if decision.failed:
            self._come_to_nothing(trial_id)
        return decision

    def _come_to_nothing(self, trial_id: str) -> None:
        self._ladder.ranking.fail(trial_id)
        self._audit.fail(trial_id)
        self._judge_by_audit()

    def _judge_by_audit(self) -> None:
        self._ladder.by_metric = not self._audit.estimates().trustworthy

    def _compete_early(self, trial_id: str, report: Report) -> Decision:
        """Compare a trial within its first epoch by what that report alone says, and end the worse ones."""
        course = self._combination.course()
        course.follow(report)
        number = self._ladder.enter(trial_id, report.epoch, course.row(), nan)
        if number is None:
            return between_rungs(report.epoch)
        goes_on, outcome = self._fate_early(number, trial_id)
        why = self._reason(number, trial_id, report.epoch, outcome)
        if not goes_on:
            return Decision(Action.STOP, report.epoch, why, pruned=True)
        self._ladder.let_pass(number, trial_id)
        return Decision(Action.CONTINUE, report.epoch, why)

    def _fate_early(self, number: int, trial_id: str) -> tuple[bool, str]:
        has_place = self._ladder.place(number, trial_id, by_metric=False).is_held
        if self._audit.draw(trial_id):
            if not has_place and not self._ladder.by_metric:
                self._audit.prune(trial_id)
            return True, AUDITED
        if self._ladder.by_metric:
            return True, "it goes on, because the metric decides, which it does not have yet"
        return has_place, "it goes on" if has_place else "it is pruned"

    def _compete(self, number: int, trial_id: str, epoch: float) -> Decision:
        if self._audit.draw(trial_id):
            return self._let_pass(number, trial_id, epoch)
        self._roster.pause(trial_id, Pause(epoch, None))
        if self.pauses:
            goes_on = self._ladder.next(self._roster) == trial_id
        else:
            goes_on = self._ladder.place(number, trial_id).is_held
        if goes_on:
            decision = self._decide(trial_id, Action.CONTINUE, "it goes on")
            self.on_resume(trial_id)
        elif self.pauses:
            decision = self._decide(trial_id, Action.PAUSE, "it waits")
        else:
            decision = self._decide(trial_id, Action.STOP, "it is pruned")
            self._roster.run(trial_id)
        return decision

    def _let_pass(self, number: int, trial_id: str, epoch: float) -> Decision:
        """Let an audited trial go on, and note how it stood at the first rung with a metric."""
        first = self._ladder.first_whole
        predicted = self._ladder.place(first, trial_id, by_metric=False)
        seen = self._ladder.place(first, trial_id, by_metric=True)
        self._audit.arrive(trial_id, Arrival(predicted.ahead, seen.ahead))
        if not self.pauses and not self._has_place(trial_id):
            self._audit.prune(trial_id)
        why = self._reason(number, trial_id, epoch, AUDITED)
        self._ladder.promote(trial_id)
        return Decision(Action.CONTINUE, epoch, why, self._ladder.ranking.prediction(number, trial_id))

    def _has_place(self, trial_id: str) -> bool:
        """Tell whether a trial is, by now, among those that go on from each rung with a metric it reached."""
        reached = range(self._ladder.first_whole, self._ladder.height(trial_id) + 1)
        return all(self._ladder.place(k, trial_id).is_held for k in reached)

    def _leader(self) -> str | None:
        """Return who is trained to the end if nobody has been so far; None once somebody has."""
        return None if self._any_trained else self._ladder.leader(self._roster)

    def _decide(self, trial_id: str, action: Action, outcome: str) -> Decision:
        """Return the decision on a waiting trial, with where it stands by now."""
        epoch, number = self._roster.paused[trial_id].epoch, self._ladder.height(trial_id)
        why = self._reason(number, trial_id, epoch, outcome)
        prediction = self._ladder.ranking.prediction(number, trial_id)
        return Decision(action, epoch, why, prediction, pruned=action is Action.STOP)

    def _reason(self, number: int, trial_id: str, epoch: float, outcome: str) -> Callable[[], str]:
        rung = self._ladder.rungs[number]
        by_metric = self._ladder.by_metric and not rung.is_early
        place = self._ladder.place(number, trial_id, by_metric=by_metric)
        value = None if rung.is_early else f"{self.metric} {plain(rung.seen[trial_id])}"
        doubt = self._audit.estimates() if by_metric else None
        return lambda: place_in_words(epoch, place, value, doubt, outcome)


def _check_same_goal(combination: LearnedCombination, metric: str, mode: str) -> None:
    """Raise ValueError if the combination is for another metric, or wants it small instead of large."""
    theirs = (combination.metric, "max" if combination.sign > 0 else "min")
    if theirs != (metric, mode):
        raise ValueError(
            f"The combination ranks for {theirs[0]!r}, mode {theirs[1]!r}, the policy for {metric!r}, mode "
            f"{mode!r}; give both the same."
        )
