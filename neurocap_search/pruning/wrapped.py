"""What every policy around another policy passes on."""

from neurocap_search.prediction import Report
from neurocap_search.pruning.decision import Decision
from neurocap_search.pruning.insight import Insight
from neurocap_search.pruning.policy import PruningPolicy


class WrappedPolicy(PruningPolicy):
    """Leaves everything to another policy; subclasses change what they are for, and keep their own state.

    When not to use it: as it is. It adds nothing.

    Args:
        policy: Decides.
    """

    def __init__(self, policy: PruningPolicy) -> None:
        self.policy = policy
        self.pauses = policy.pauses

    @property
    def signals(self) -> tuple[str, ...]:
        """Those of the policy."""
        return self.policy.signals

    @property
    def required(self) -> tuple[str, ...]:
        """Those of the policy."""
        return self.policy.required

    @property
    def milestones(self) -> tuple[float, ...]:
        """Those of the policy."""
        return self.policy.milestones

    @property
    def early_stops(self) -> tuple[float, ...]:
        """Those of the policy."""
        return self.policy.early_stops

    def on_add(self, trial_id: str) -> None:
        """Tell the policy."""
        self.policy.on_add(trial_id)

    def on_report(self, trial_id: str, report: Report) -> Decision:
        """Let the policy decide."""
        return self.policy.on_report(trial_id, report)

    def on_complete(self, trial_id: str, report: Report | None) -> None:
        """Tell the policy."""
        self.policy.on_complete(trial_id, report)

    def on_error(self, trial_id: str) -> None:
        """Tell the policy."""
        self.policy.on_error(trial_id)

    def on_exhausted(self) -> None:
        """Tell the policy."""
        self.policy.on_exhausted()

    def resumable(self) -> tuple[str, Decision] | None:
        """Return the policy's choice."""
        return self.policy.resumable()

    def on_resume(self, trial_id: str) -> None:
        """Tell the policy."""
        self.policy.on_resume(trial_id)

    def surplus(self) -> list[tuple[str, Decision]]:
        """Return what the policy gives up."""
        return self.policy.surplus()

    def insight(self) -> Insight | None:
        """Return what the policy has learned."""
        return self.policy.insight()
