"""The contract of a pruning policy."""

from abc import ABC, abstractmethod
from typing import Any

from neurocap_search.prediction import Report
from neurocap_search.pruning.decision import Decision
from neurocap_search.pruning.insight import Insight


class PruningPolicy(ABC):
    """Decides which trials go on: a pure decision core without any framework.

    The very same object decides live under Ray, inside an Optuna study and in replay. The same
    calls in the same order give the same decisions on any machine; randomness comes only from an
    explicit :class:`numpy.random.Generator`. Adapters translate, they don't decide.

    A trial's life: :meth:`on_add` (again after a failure that is tried again), :meth:`on_report` after each
    epoch and at :attr:`early_stops` within the first, :meth:`on_complete` or :meth:`on_error` once. A policy
    that answers PAUSE is also asked for :meth:`resumable` trials when a worker is free, told of them by
    :meth:`on_resume`, and asked for the :meth:`surplus`, paused trials whose checkpoints need not be kept.
    Asking changes nothing.
    """

    pauses: bool = False
    """True if the policy may answer PAUSE; such a policy needs an adapter that can resume trials."""

    @property
    def signals(self) -> tuple[str, ...]:
        """Names of the reported numbers it decides by; the first is what it compares trials by."""
        return ()

    @property
    def required(self) -> tuple[str, ...]:
        """Names of the reported numbers it cannot do without: all it decides by, unless it says otherwise."""
        return self.signals

    @property
    def milestones(self) -> tuple[float, ...]:
        """Epochs at which trials are compared, ascending: where a checkpoint is worth its cost."""
        return ()

    @property
    def early_stops(self) -> tuple[float, ...]:
        """Shares of the first epoch, ascending, at which trials are compared by what training has told.

        A trial reports there what its training loop knows anyway, without the metric. Nobody pauses there.
        """
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

    def insight(self) -> Insight | None:
        """Return what it has learned of its signals by now; None if it learns nothing."""
        return None

    @abstractmethod
    def state_dict(self) -> dict[str, Any]:
        """Return the whole state as JSON-ready values with a ``version``."""

    @abstractmethod
    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over a state from :meth:`state_dict`.

        Raises:
            ValueError: If the state is of another version or another kind of policy.
        """
