"""Any pruning policy as an Optuna pruner."""

import copy
import logging
import threading
from abc import abstractmethod
from collections.abc import Callable
from typing import Any, Literal

from optuna.pruners import BasePruner
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial

from neurocap_search.pruning import Insight, PruningPolicy
from neurocap_search.study.reports import check_one_objective
from neurocap_search.study.told_policy import ToldPolicy

_log = logging.getLogger(__name__)

Mode = Literal["max", "min"]
PolicyMaker = Callable[[str, Mode], PruningPolicy]
"""Makes a policy once the name of the objective and the mode are known."""


class StudyPruner(BasePruner):
    """Prunes the trials of an Optuna study as a policy decides: what all pruners of this package share.

    It translates and does not decide. Every report that ``trial.should_prune()`` asks about, and every
    decision with its reason, is kept in the trial's own attributes; the policy is built anew from them in
    each process and after each restart. A decision that was made is honoured and never made again.

    Args:
        metric: The policy's name for the value given to ``trial.report``.
    """

    def __init__(self, metric: str) -> None:
        self.metric = metric
        self._told: ToldPolicy | None = None
        self._lock = threading.Lock()

    @abstractmethod
    def make_policy(self, study: Study, mode: Mode) -> PruningPolicy | None:
        """Return a policy that knows nothing yet, or None while too little is known of the study."""

    @property
    def policy(self) -> PruningPolicy | None:
        """The policy that decides in this process; None before the first decision."""
        return self._told.policy if self._told else None

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        """Answer what the trial has reported since it last asked.

        Optuna calls this from ``trial.should_prune()``.

        Returns:
            Whether the trial is to be pruned. A fully trained trial is not: its objective returns its value.

        Raises:
            ValueError: If the study has several objectives, or the policy does not fit.
        """
        check_one_objective(study)
        with self._lock:
            told = self._policy_of(study)
            return told is not None and told.prunes(study, trial)

    def insight(self, study: Study) -> Insight | None:
        """Return what the policy has learned of its signals, from all that the study's storage holds.

        It needs no trial that runs: a study that was ended, or loaded elsewhere, tells the same.

        Args:
            study: The study that this pruner is to read; of one direction.

        Returns:
            What each signal was worth at each rung, and what the trials that are never pruned say about the
            predictions. None from a policy that learns nothing, or while too little is known of the study.

        Raises:
            ValueError: If the study has several objectives, or the policy does not fit.
        """
        check_one_objective(study)
        with self._lock:
            told = self._policy_of(study)
            if told is None:
                return None
            told.catch_up(study)
            return told.policy.insight()

    def _policy_of(self, study: Study) -> ToldPolicy | None:
        if self._told is None or not self._told.belongs_to(study):
            mode: Mode = "max" if study.direction is StudyDirection.MAXIMIZE else "min"
            policy = self.make_policy(study, mode)
            self._told = ToldPolicy(policy, study, self.metric) if policy else None
        return self._told

    def __getstate__(self) -> dict[str, Any]:
        # What the policy was told stays behind: the storage tells it again.
        return {key: value for key, value in self.__dict__.items() if key not in ("_told", "_lock")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _told=None, _lock=threading.Lock())


class PolicyPruner(StudyPruner):
    """Runs any :class:`~neurocap_search.pruning.PruningPolicy` that does not pause in an Optuna study.

    When not to use it: with policies that pause trials, which Optuna cannot resume; run those under Ray Tune.

    Args:
        policy: A policy that knows nothing yet, of which each study gets a copy, or a function of the
            objective's name and the mode ("max" or "min") that makes one.
        metric: The policy's name for the value given to ``trial.report``; None takes the number that the
            policy compares trials by, or "value" for a function.

    Raises:
        ValueError: If the policy pauses trials.

    Example:
        >>> import optuna
        >>> from neurocap_search.pruning import SuccessiveHalvingPolicy
        >>> policy = SuccessiveHalvingPolicy(metric="acc", max_t=9, grace_period=1, reduction_factor=3)
        >>> study = optuna.create_study(direction="maximize", pruner=PolicyPruner(policy))
        >>> trial = study.ask()
        >>> trial.report(0.5, 1)
        >>> trial.should_prune()
        False
    """

    def __init__(self, policy: PruningPolicy | PolicyMaker, *, metric: str | None = None) -> None:
        name = metric or (_metric(policy) if isinstance(policy, PruningPolicy) else "value")
        super().__init__(name)
        self._make = policy
        if isinstance(policy, PruningPolicy):
            _check_pauses(policy)
        else:
            _check_pauses(policy(name, "max"))  # a policy that does not fit fails here, not in mid-study

    def make_policy(self, study: Study, mode: Mode) -> PruningPolicy:
        """Return a policy that knows nothing yet.

        Raises:
            ValueError: If the policy wants the objective large and the study wants it small, or conversely.
        """
        made = self._make
        policy = copy.deepcopy(made) if isinstance(made, PruningPolicy) else made(self.metric, mode)
        wanted = getattr(policy, "mode", mode)
        if wanted != mode:
            raise ValueError(
                f"The study {study.study_name!r} is {study.direction.name.lower()}d, but its policy "
                f"has mode={wanted!r}. Make the policy with mode={mode!r}, or create the study the other way "
                "round."
            )
        return policy


def _metric(policy: PruningPolicy) -> str:
    return str(next(iter(policy.signals), "value"))


def _check_pauses(policy: PruningPolicy) -> None:
    if policy.pauses:
        raise ValueError(
            f"{type(policy).__name__} pauses trials, and Optuna cannot resume one. Use it under Ray Tune, or "
            "take a policy that only stops, such as SuccessiveHalvingPolicy."
        )
