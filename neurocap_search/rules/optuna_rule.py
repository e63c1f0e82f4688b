"""Optuna's own pruners, in a study in memory whose trials nobody trains."""

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import optuna
from optuna.pruners import (
    BasePruner,
    HyperbandPruner,
    MedianPruner,
    PatientPruner,
    PercentilePruner,
    SuccessiveHalvingPruner,
)
from optuna.trial import Trial, TrialState

from neurocap_search.pruning import PruningPolicy
from neurocap_search.pruning.arguments import check_halving
from neurocap_search.rules.context import RuleContext
from neurocap_search.rules.foreign import ForeignPolicy

_CLASSES: dict[str, type[BasePruner]] = {
    "MedianPruner": MedianPruner,
    "PercentilePruner": PercentilePruner,
    "SuccessiveHalvingPruner": SuccessiveHalvingPruner,
    "HyperbandPruner": HyperbandPruner,
}


class OptunaRule:
    """A pruner in a study of its own: trials are asked for, report and are told as an objective would.

    A trial that starts over is a new trial of the study, as with Optuna's own retries.

    Args:
        pruner: Knows nothing yet.
        mode: Direction of the study.
        study_name: ``HyperbandPruner`` shares trials out by it, so that one name means one assignment.
        seed: Of the sampler, which has nothing to sample.
    """

    def __init__(self, pruner: BasePruner, mode: str, study_name: str, seed: int) -> None:
        with _without_messages():
            self._study = optuna.create_study(
                storage=optuna.storages.InMemoryStorage(),
                sampler=optuna.samplers.RandomSampler(seed),
                pruner=pruner,
                study_name=study_name,
                direction="maximize" if mode == "max" else "minimize",
            )
        self._trials: dict[str, Trial] = {}
        self._reported: dict[str, float] = {}

    def add(self, trial_id: str) -> None:
        """Ask the study for a trial."""
        self._trials[trial_id] = self._study.ask()

    def prunes(self, trial_id: str, epoch: float, value: float) -> bool:
        """Report the value and ask whether to prune."""
        self._report(trial_id, epoch, value)
        return self._trials[trial_id].should_prune()

    def finish(self, trial_id: str, epoch: float, value: float, pruned: bool) -> None:
        """Tell the study the trial's last value, or that it was pruned."""
        if pruned:
            self._study.tell(self._trials.pop(trial_id), state=TrialState.PRUNED)
            return
        if epoch > self._reported.get(trial_id, 0):
            self._report(trial_id, epoch, value)
        self._study.tell(self._trials.pop(trial_id), value)

    def fail(self, trial_id: str) -> None:
        """Tell the study that the trial has failed."""
        self._study.tell(self._trials.pop(trial_id), state=TrialState.FAIL)
        self._reported.pop(trial_id, None)

    def _report(self, trial_id: str, epoch: float, value: float) -> None:
        self._reported[trial_id] = epoch
        self._trials[trial_id].report(value, int(epoch))


def optuna_policy(name: str, number: float | None, context: RuleContext) -> PruningPolicy:
    """Return a pruner of Optuna as a policy; arguments not named here have Optuna's defaults.

    Args:
        name: Name of its class.
        number: What the user typed after it: the percentile that is kept, or the patience.
        context: Where the other arguments come from. Optuna's steps are our epochs, from 1.

    Raises:
        ValueError: If Optuna cannot work with the arguments.
    """
    check_halving(context.mode, context.max_t, context.grace_period, context.reduction_factor)
    arguments = _arguments(name, number, context)
    return ForeignPolicy(
        lambda: OptunaRule(_pruner(name, arguments), context.mode, f"neurocap-{context.seed}", context.seed),
        name=f"Optuna's {name}",
        settings={**arguments, "seed": context.seed},
        metric=context.metric,
        mode=context.mode,
        max_t=context.max_t,
    )


def _arguments(name: str, number: float | None, context: RuleContext) -> dict[str, Any]:
    if name in ("SuccessiveHalvingPruner", "HyperbandPruner"):
        rungs = {"min_resource": context.grace_period, "reduction_factor": _whole(context.reduction_factor)}
        return rungs if name == "SuccessiveHalvingPruner" else {**rungs, "max_resource": context.max_t}
    warm_up: dict[str, Any] = {"n_warmup_steps": context.grace_period}
    if name == "PercentilePruner":
        return {**warm_up, "percentile": 100 / context.reduction_factor if number is None else number}
    return {**warm_up, "patience": int(number or 1)} if name == "PatientPruner" else warm_up


def _pruner(name: str, arguments: dict[str, Any]) -> BasePruner:
    if name != "PatientPruner":
        return _CLASSES[name](**arguments)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        median = MedianPruner(n_warmup_steps=arguments["n_warmup_steps"])
        return PatientPruner(median, patience=arguments["patience"])


def _whole(reduction_factor: float) -> int:
    if reduction_factor < 2 or reduction_factor != int(reduction_factor):
        raise ValueError(
            f"Optuna's halving needs a whole reduction_factor of at least 2, received {reduction_factor:g}."
        )
    return int(reduction_factor)


@contextmanager
def _without_messages() -> Iterator[None]:
    """Drop what this thread logs meanwhile about a new study; nobody else's messages and levels change."""
    thread = threading.get_ident()
    logger = logging.getLogger("optuna.storages._in_memory")

    def is_anothers(record: logging.LogRecord) -> bool:
        return record.thread != thread

    logger.addFilter(is_anothers)
    try:
        yield
    finally:
        logger.removeFilter(is_anothers)
