"""Reports and decisions in the attributes of an Optuna trial: the only state there is."""

from dataclasses import dataclass
from typing import Any

from optuna.study import Study
from optuna.trial import FrozenTrial

from neurocap_search.prediction import Report
from neurocap_search.pruning import Action, Decision

_PREFIX = "neurocap:decision:"
_VERSION = 1


@dataclass(frozen=True)
class Entry:
    """A report as it was answered.

    Attributes:
        report: What the trial had reported.
        decision: The answer.
        time: When it was given, in seconds since 1970; orders the reports of several processes.
    """

    report: Report
    decision: Decision
    time: float

    @property
    def step(self) -> int:
        """Optuna's step."""
        return int(self.report.epoch)

    @property
    def prunes(self) -> bool:
        """True if the trial ends here before its time; one that is fully trained is not pruned."""
        decision = self.decision
        return decision.action is Action.STOP and (decision.pruned or decision.failed)


def write(study: Study, trial: FrozenTrial, entry: Entry) -> None:
    """Keep an entry in the study's storage, one attribute a step, so that no write grows with the trial."""
    value: dict[str, Any] = {
        "version": _VERSION,
        "trial": trial.number,
        "report": entry.report.to_json(),
        "decision": entry.decision.to_json(),
        "time": entry.time,
    }
    study._storage.set_trial_system_attr(trial._trial_id, f"{_PREFIX}{entry.step}", value)


def read(trial: FrozenTrial, after: int = -1) -> list[Entry]:
    """Return the entries of a trial at steps above ``after``, in the order of steps.

    Raises:
        ValueError: If another release of this package wrote them in another version.
    """
    names = (key for key in trial.system_attrs if key.startswith(_PREFIX))
    steps = sorted(step for step in (int(name.removeprefix(_PREFIX)) for name in names) if step > after)
    values = (trial.system_attrs[f"{_PREFIX}{step}"] for step in steps)
    # A trial that Optuna tries again after a failure inherits the attributes of the failed one.
    return [_entry(value) for value in values if value["trial"] == trial.number]


def decisions(trial: FrozenTrial) -> list[Decision]:
    """Return every decision on a trial, in the order of its steps.

    Empty for a trial that never asked ``trial.should_prune()``, or ran under another pruner.

    Args:
        trial: A trial out of ``study.trials``.

    Raises:
        ValueError: If another release of this package wrote them in another version.

    Example:
        >>> import optuna
        >>> from neurocap_search.pruning import SuccessiveHalvingPolicy
        >>> from neurocap_search.study import PolicyPruner
        >>> policy = SuccessiveHalvingPolicy(metric="acc", max_t=9, reduction_factor=3)
        >>> study = optuna.create_study(direction="maximize", pruner=PolicyPruner(policy))
        >>> for value in (0.9, 0.1):
        ...     trial = study.ask()
        ...     trial.report(value, 1)
        ...     print(trial.should_prune())
        False
        True
        >>> print(decisions(study.trials[1])[-1].reason)
        epoch 1: acc 0.100 is below 0.900, the cut-off for the top 1/3 of the one trial before it
    """
    return [entry.decision for entry in read(trial)]


def _entry(value: dict[str, Any]) -> Entry:
    if value.get("version") != _VERSION:
        raise ValueError(
            f"Expected decisions of version {_VERSION}, received version {value.get('version')!r}. Continue "
            "the study with the release that began it."
        )
    return Entry(Report.from_json(value["report"]), Decision.from_json(value["decision"]), value["time"])
