"""The contract of a pruning policy."""

from abc import ABC, abstractmethod
from typing import Any

from neurocap_search.prediction import Report
from neurocap_search.pruning.decision import Action, Decision


class PruningPolicy(ABC):
    """Decides which trials go on: a pure decision core without any framework.

    The very same object decides live under Ray, inside an Optuna study and in replay. The same
    calls in the same order give the same decisions on any machine; randomness comes only from an
    explicit :class:`numpy.random.Generator`. Adapters translate, they don't decide.

    A trial's life: :meth:`on_add` (again after a failure that is tried again), :meth:`on_report` after each
    epoch, :meth:`on_complete` or :meth:`on_error` once. A policy that answers PAUSE is also asked for
    :meth:`resumable` trials when a worker is free, told of them by :meth:`on_resume`, and asked for the
    :meth:`surplus`, paused trials whose checkpoints need not be kept. Asking changes nothing.
    """

    pauses: bool = False
    """True if the policy may answer PAUSE; such a policy needs an adapter that can resume trials."""

    @property
    def signals(self) -> tuple[str, ...]:
        """Names of the reported numbers it decides by; the first is what it compares trials by."""
        return ()

    @property
    def milestones(self) -> tuple[float, ...]:
        """Epochs at which trials are compared, ascending: where a checkpoint is worth its cost."""
        return ()

    def on_add(self, trial_id: str) -> None:  # noqa: B027
        """Learn of a trial before its first report; may be called again."""

    @abstractmethod
    def on_report(self, trial_id: str, report: Report) -> Decision:
        """Answer a trial's report after an epoch."""

    def on_complete(self, trial_id: str, report: Report | None) -> None:  # noqa: B027
        """Learn that a trial has ended, by itself or stopped; ``report`` is its last one."""

    def on_error(self, trial_id: str) -> None:  # noqa: B027
        """Learn that a trial has failed; :meth:`on_add` follows if it is tried again."""

    def on_exhausted(self) -> None:  # noqa: B027
        """Learn that no new trials will come."""

    def resumable(self) -> tuple[str, Decision] | None:
        """Return the paused trial that goes on next, with the decision to CONTINUE it."""
        return None

    def on_resume(self, trial_id: str) -> None:  # noqa: B027
        """Learn that a paused trial goes on."""

    def surplus(self) -> list[tuple[str, Decision]]:
        """Return the paused trials to be given up, each with its STOP; on_complete follows for each."""
        return []

    @abstractmethod
    def state_dict(self) -> dict[str, Any]:
        """Return the whole state as JSON-ready values with a ``version``."""

    @abstractmethod
    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over a state from :meth:`state_dict`.

        Raises:
            ValueError: If the state is of another version or another kind of policy.
        """


class FullTrainingPolicy(PruningPolicy):
    """Trains every trial to the end: the yardstick every pruning rule is measured by.

    Args:
        max_t: Epochs of full training.

    Example:
        >>> policy = FullTrainingPolicy(max_t=2)
        >>> policy.on_report("a", Report(epoch=1)).action.value
        'CONTINUE'
        >>> policy.on_report("a", Report(epoch=2)).reason
        'epoch 2 of 2: fully trained'
    """

    def __init__(self, max_t: int) -> None:
        self.max_t = max_t

    def on_report(self, trial_id: str, report: Report) -> Decision:
        """Continue until ``max_t``."""
        if report.epoch >= self.max_t:
            return fully_trained(report.epoch, self.max_t)
        return Decision(Action.CONTINUE, report.epoch, f"epoch {report.epoch} of {self.max_t}: no pruning")

    def state_dict(self) -> dict[str, Any]:
        """Return the version only: there is no state."""
        return {"version": 1, "policy": "full_training"}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Check the version."""
        check_state(state, "full_training", version=1)


def fully_trained(epoch: int, max_t: float) -> Decision:
    """Return the decision that ends a trial which has had its whole budget."""
    return Decision(Action.STOP, epoch, f"epoch {epoch} of {max_t:g}: fully trained")


def check_state(state: dict[str, Any], policy: str, version: int) -> None:
    """Raise ValueError unless ``state`` is one of ``policy`` in ``version``."""
    received = (state.get("policy"), state.get("version"))
    if received != (policy, version):
        raise ValueError(
            f"Expected a state of policy {policy!r}, version {version}; received policy {received[0]!r}, "
            f"version {received[1]!r}. Load it with the policy and the release that saved it."
        )
