"""Any pruning policy as a Ray Tune scheduler."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

from ray.tune.experiment import Trial
from ray.tune.result import DEFAULT_METRIC
from ray.tune.schedulers import FIFOScheduler, TrialScheduler

from neurocap_search.prediction import Report
from neurocap_search.pruning import Action, Decision, PruningPolicy
from neurocap_search.tracking import SearchRecorder, TrialState
from neurocap_search.tune.failures import failure_of
from neurocap_search.tune.held_trial import hold
from neurocap_search.tune.hooks import survives
from neurocap_search.tune.ledger import ExperimentLedger
from neurocap_search.tune.results import FAILURE, missing_keys, to_report
from neurocap_search.tune.roster import Roster
from neurocap_search.tune.state import SavesState

_log = logging.getLogger(__name__)

PolicyMaker = Callable[[str, Literal["max", "min"]], PruningPolicy]
"""Makes the policy once metric and mode are known."""


class PolicyScheduler(SavesState, FIFOScheduler):  # type: ignore[misc]
    """Runs any :class:`~neurocap_search.pruning.PruningPolicy` as a Ray Tune scheduler.

    It translates and does not decide. An error in the policy is logged, counted in
    :meth:`debug_string` and answered with CONTINUE, because an exception in a scheduler would end
    the whole experiment.

    It remembers. Ray saves no scheduler's state, so after ``Tuner.restore`` every other scheduler
    begins with empty rungs. This one keeps a journal in the experiment's directory and comes back
    with all it knew: trials that had ended do not run again, paused ones stay paused.

    Paused trials are resumed from their checkpoints, so under a policy that pauses, the trainable
    must report a checkpoint at the policy's milestones and go on from ``tune.get_checkpoint()``. Do not
    set ``max_concurrent_trials`` then: Ray's own limit counts paused trials and the search would stand
    still. Use :class:`~neurocap_search.tune.ActiveTrialLimiter`.

    Args:
        make_policy: Called once with metric and mode; a ready policy does too.
        time_attr: The result's key for the epoch; must count up in every trial. A key of your own, such
            as ``"epoch"``, is safer than ``training_iteration``, which begins at 1 again when a trial is
            started over.
        metric: The result's key that is optimised; None takes the one of ``tune.TuneConfig``.
        mode: ``"max"`` or ``"min"``; None takes the one of ``tune.TuneConfig``.
        journal: Keep a journal in the experiment's directory, where that is on a local or shared
            file system. For other storage hand :class:`~neurocap_search.tune.RecordCallback` to
            ``tune.RunConfig``.

    Attributes:
        decisions: Every decision so far, by trial id, in order.
        roster: The trials that wait, run and are paused.
        recorder: Keeps reports, decisions and ends; None while there is nowhere to keep them.

    Example:
        >>> from neurocap_search.pruning import FullTrainingPolicy
        >>> scheduler = PolicyScheduler(FullTrainingPolicy(max_t=9), metric="acc", mode="max")
        >>> scheduler.debug_string()
        'PolicyScheduler: 0 of 0 trials pruned, 0 paused, 0 errors'
    """

    def __init__(
        self,
        make_policy: PolicyMaker | PruningPolicy,
        *,
        time_attr: str = "training_iteration",
        metric: str | None = None,
        mode: Literal["max", "min"] | None = None,
        journal: bool = True,
    ) -> None:
        super().__init__()
        if mode not in ("max", "min", None):
            raise ValueError(f"mode must be 'max' or 'min', received {mode!r}.")
        self._make_policy, self.time_attr = _maker(make_policy), time_attr
        self._ready = make_policy if isinstance(make_policy, PruningPolicy) else None
        self._metric, self._mode = metric, mode
        self._policy: PruningPolicy | None = None
        self.decisions: dict[str, list[Decision]] = {}
        self.recorder: SearchRecorder | None = None
        self.roster = Roster()
        self._ledger = ExperimentLedger(self) if journal else None
        self._errors, self._said = 0, set[str]()

    @property
    def policy(self) -> PruningPolicy:
        """The policy that decides; made on first use, when metric and mode are known."""
        if self._policy is None:
            self._policy = self._make_policy(self._metric or DEFAULT_METRIC, self.mode)
        return self._policy

    @property
    def metric(self) -> str | None:
        """The result's key that is optimised."""
        return self._metric

    @property
    def mode(self) -> Literal["max", "min"]:
        """Whether the metric is to be large or small."""
        return self._mode or "max"

    def set_search_properties(
        self, metric: str | None, mode: Literal["max", "min"] | None, **spec: Any
    ) -> bool:
        """Take metric and mode from ``tune.TuneConfig``; False if they were given twice."""
        if (self._metric and metric) or (self._mode and mode):
            return False
        self._metric = metric or self._metric or DEFAULT_METRIC
        self._mode = mode or self._mode
        if self._mode is not None:
            self._check_direction()
        if metric or mode:
            self._policy = None  # it was made, if at all, without knowing them
        return True

    def _check_direction(self) -> None:
        """Refuse a ready policy that prunes by something else than the experiment optimises."""
        for name, given in (("metric", self._metric), ("mode", self._mode)):
            own = getattr(self._ready, name, given)
            if own != given and given != DEFAULT_METRIC:
                raise ValueError(
                    f"The policy has {name} {own!r}, the experiment {given!r}. Give both the same, or hand "
                    "the scheduler a function of metric and mode that makes the policy."
                )

    def on_trial_add(self, tune_controller: Any, trial: Trial) -> None:
        """Learn of a trial: a new one, one that is tried again, or on restore any of them.

        Raises:
            ValueError: If neither the scheduler nor ``tune.TuneConfig`` names the mode. Pruning the wrong
                way round would be worse than an error.
        """
        if self._mode is None:
            raise ValueError(
                f"{type(self).__name__} does not know whether {self._metric!r} is to be large or small. Give "
                "mode='max' or mode='min' to the scheduler or to tune.TuneConfig."
            )
        self._on_add(trial)

    @survives()
    def _on_add(self, trial: Trial) -> None:
        if self._ledger is None or not self._ledger.recalls(trial):
            self.take_in(trial)

    def take_in(self, trial: Trial) -> None:
        """Let a trial compete."""
        if trial.status in (Trial.TERMINATED, Trial.ERROR):
            return  # Ray shows finished trials again on restore
        key = self.roster.key(trial.trial_id)
        known = self.recorder.record.trials.get(key) if self.recorder is not None else None
        if known is not None and known.state is TrialState.PAUSED and trial.status == Trial.PENDING:
            hold(trial, known, self.time_attr)  # a resumed search begins where it was
        self.roster.add(trial)
        self.policy.on_add(key)

    @survives(answer=TrialScheduler.CONTINUE)
    def on_trial_result(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> str:
        """Pass the result to the policy and its decision to Ray."""
        self._notice_resumed()
        key = self.roster.key(trial.trial_id)
        if FAILURE in result:
            return self._decide(trial, Decision(Action.STOP, self._epoch(key), result[FAILURE], failed=True))
        if lacking := missing_keys(result, self.time_attr, self._metric):
            self._say_once(lacking)
        if self.time_attr not in result:
            return str(TrialScheduler.CONTINUE)
        report = to_report(result, self.time_attr, keep=self._metric)
        decision = self.policy.on_report(key, report)
        action = self._decide(trial, decision)
        self._write_down(key, report, decision)
        return action

    @survives()  # a full disk must not change a decision
    def _write_down(self, key: str, report: Report, decision: Decision) -> None:
        if self.recorder is not None and self._is_recorded(key):
            self.recorder.reported(key, report, decision)

    def _decide(self, trial: Trial, decision: Decision) -> str:
        """Keep a decision and return it in Ray's words."""
        action = str(getattr(TrialScheduler, decision.action.name))
        self.decisions.setdefault(self.roster.key(trial.trial_id), []).append(decision)
        if decision.action is Action.PAUSE:
            self.roster.pause(trial)
        if decision.pruned or decision.failed:
            how = "failed" if decision.failed else "pruned"
            _log.info("trial %s %s: %s", trial.trial_id, how, decision.reason)
        return action

    def _epoch(self, key: str) -> float:
        made = self.decisions.get(key)
        return made[-1].epoch if made else 0

    @survives()
    def on_trial_complete(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> None:
        """Tell the policy that the trial has ended."""
        self._notice_resumed()
        key = self.roster.key(trial.trial_id)
        self.roster.end(key)
        last = self._last(key)
        if last is not None and last.failed:
            with self._ending(trial, TrialState.FAILED, error=last.reason):
                self.policy.on_error(key)
            return
        known = self.time_attr in (result or {})
        report = to_report(result, self.time_attr, keep=self._metric) if known else None
        if report is not None and (last is None or last.epoch < report.epoch) and self._is_recorded(key):
            last = self._write_down_last(key, report)
        pruned = last is not None and last.pruned
        with self._ending(trial, TrialState.PRUNED if pruned else TrialState.COMPLETED):
            self.policy.on_complete(key, report)

    def _write_down_last(self, key: str, report: Report) -> Decision:
        """Keep a last report that Ray did not show, because a stopping criterion ended the trial with it."""
        why = f"epoch {report.epoch}: ended by itself or by a stopping criterion of the experiment"
        decision = Decision(Action.STOP, report.epoch, why)
        self.decisions.setdefault(key, []).append(decision)
        if self.recorder is not None:
            self.recorder.reported(key, report, decision, asked=False)
        return decision

    def _is_recorded(self, key: str) -> bool:
        return self.recorder is not None and key in self.recorder.record.trials

    @survives()
    def on_trial_error(self, tune_controller: Any, trial: Trial) -> None:
        """Tell the policy that the trial has failed; Ray adds it again if it is to be tried again."""
        key = self.roster.key(trial.trial_id)
        self.roster.end(key)
        if trial.status != Trial.ERROR:  # which is Ray's status of one that is tried again
            state, reason = failure_of(trial)
            with self._ending(trial, state, error=reason):
                self.policy.on_error(key)
            return
        self.policy.on_error(key)
        if self.recorder is not None and self._is_recorded(key):
            self.recorder.retried(key)

    @survives()
    def on_trial_remove(self, tune_controller: Any, trial: Trial) -> None:
        """Learn that a trial ends that does not run: given up while paused, or taken out by somebody."""
        key = self.roster.key(trial.trial_id)
        if not self.roster.knows(key):
            return
        self.roster.end(key)
        last = self._last(key)
        given_up = last if last is not None and last.action is Action.STOP else None
        state = TrialState.PRUNED if given_up else TrialState.INTERRUPTED
        with self._ending(trial, state, decision=given_up):
            self.policy.on_complete(key, None)

    @contextmanager
    def _ending(self, trial: Trial, state: TrialState, **facts: Any) -> Iterator[None]:
        """Write down a trial's end after the policy was told, also where that fails."""
        try:
            yield
        finally:
            self._end(trial, state, **facts)

    def _end(self, trial: Trial, state: TrialState, **facts: Any) -> None:
        key = self.roster.key(trial.trial_id)
        if self.recorder is not None and self._is_recorded(key):
            self.note_insight()  # before the end, so that who is told of that sees it
            self.recorder.ended(key, state, **facts)

    @survives()
    def note_insight(self) -> None:
        """Write down what the policy has learned."""
        if self.recorder is not None:
            self.recorder.learned(self.policy.insight())

    def _last(self, key: str) -> Decision | None:
        made = self.decisions.get(key)
        return made[-1] if made else None

    @survives()
    def choose_trial_to_run(self, tune_controller: Any) -> Trial | None:
        """Return a paused trial that is to go on, else a pending one; end paused ones that are given up."""
        self._notice_resumed()
        if self._ledger is not None:
            self._ledger.end_remembered(tune_controller)
        if self.policy.pauses:
            self._give_up(tune_controller)
            self._choose()
        pending = self.roster.pending()
        while self.roster.lost:
            self._lose(tune_controller, self.roster.lost.pop())
        return self.roster.chosen or pending

    def _lose(self, tune_controller: Any, trial: Trial) -> None:
        """End a trial whose worker could not be used again; Ray tells nobody of it."""
        key = self.roster.key(trial.trial_id)
        self.roster.end(key)
        why = "its worker could not be used again, see Ray's log"
        _log.warning("trial %s did not begin: %s", trial.trial_id, why)
        with self._ending(trial, TrialState.INTERRUPTED, error=why):
            self.policy.on_error(key)
        tune_controller.search_alg.on_trial_complete(trial.trial_id, error=True)

    @survives(answer=True)
    def admits_new_trial(self) -> bool:
        """Tell whether one more trial may begin: there is room, and no paused trial is to go on first."""
        self._notice_resumed()
        if not self.roster.has_room:
            return False
        best = self.policy.resumable() if self.policy.pauses else None
        return best is None or self.roster.paused(best[0]) is None

    def _give_up(self, tune_controller: Any) -> None:
        search = getattr(tune_controller, "search_alg", None)
        if search is not None and search.is_finished():
            self.policy.on_exhausted()
        for key, decision in self.policy.surplus():
            trial = self.roster.paused(key)
            if trial is not None and trial is not self.roster.chosen:
                self._decide(trial, decision)
                tune_controller.stop_trial(trial)

    def _choose(self) -> None:
        """Choose one paused trial at a time; Ray starts it when a worker is free."""
        if self.roster.chosen is None and self.roster.has_room:
            best = self.policy.resumable()
            if best is not None:
                self.roster.choose(best[0])

    def _notice_resumed(self) -> None:
        """Tell the policy of the chosen trial once Ray has acted on the choice."""
        key = self.roster.taken_up()
        if key is not None:
            self.policy.on_resume(key)
            if self.recorder is not None and self._is_recorded(key):
                self.recorder.continued(key)

    def debug_string(self) -> str:
        """Return one line with the counts."""
        pruned = sum(bool(d) and d[-1].pruned for d in self.decisions.values())
        return (
            f"{type(self).__name__}: {pruned} of {len(self.decisions)} trials pruned, "
            f"{self.roster.num_paused} paused, {self._errors} errors"
        )

    def _say_once(self, message: str) -> None:
        self._errors += 1
        if message not in self._said:
            self._said.add(message)
            _log.warning("%s", message)

    def count_error(self, hook: str) -> None:
        """Log an error in a hook and count it."""
        self._errors += 1
        _log.exception("%s: error in %s; the trial continues", type(self).__name__, hook)


def _maker(policy: PolicyMaker | PruningPolicy) -> PolicyMaker:
    """Return what makes a policy; a ready one is always itself."""
    if not isinstance(policy, PruningPolicy):
        return policy
    ready = policy
    return lambda metric, mode: ready
