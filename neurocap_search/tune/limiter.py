"""A limit on concurrent trials that paused trials do not count against."""

from typing import Any

from ray.tune.search import Searcher

from neurocap_search.tune.policy_scheduler import PolicyScheduler


class ActiveTrialLimiter(Searcher):  # type: ignore[misc]
    """Lets at most ``max_active`` trials wait or run at once, however many are paused.

    Ray's own ``ConcurrencyLimiter`` and ``TuneConfig.max_concurrent_trials`` count a paused trial until it
    ends, so under a policy that pauses, the search stands still for ever. This one asks the scheduler.

    When not to use it: under a scheduler that never pauses, Ray's own does the same.

    Args:
        searcher: Proposes the trials.
        scheduler: Pauses and resumes them.
        max_active: Trials that may wait or run at once, at least 1.

    Raises:
        ValueError: If ``max_active`` is below 1.

    Example:
        >>> from neurocap_search.pruning import FullTrainingPolicy
        >>> scheduler = PolicyScheduler(FullTrainingPolicy(max_t=9), metric="acc", mode="max")
        >>> limiter = ActiveTrialLimiter(Searcher(metric="acc", mode="max"), scheduler, max_active=2)
        >>> scheduler.roster.limit
        2
    """

    def __init__(self, searcher: Searcher, scheduler: PolicyScheduler, max_active: int) -> None:
        super().__init__(metric=searcher.metric, mode=searcher.mode)
        if max_active < 1:
            raise ValueError(f"max_active must be at least 1, received {max_active}.")
        self.searcher, self.scheduler, self.max_active = searcher, scheduler, max_active
        scheduler.roster.limit = max_active

    def set_search_properties(self, *args: Any, **kwargs: Any) -> bool:
        """Pass metric, mode and space on to the searcher."""
        taken = bool(self.searcher.set_search_properties(*args, **kwargs))
        self._metric, self._mode = self.searcher.metric, self.searcher.mode
        return taken

    def suggest(self, trial_id: str) -> dict[str, Any] | None:
        """Propose a trial, or None for now: there is no room, or a paused trial comes first."""
        if not self.scheduler.admits_new_trial():
            return None
        proposed: dict[str, Any] | None = self.searcher.suggest(trial_id)
        return proposed

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Pass a result on."""
        self.searcher.on_trial_result(trial_id, result)

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Pass the end of a trial on."""
        self.searcher.on_trial_complete(trial_id, result=result, error=error)

    def get_state(self) -> dict[str, Any]:
        """Return nothing: Ray saves the searcher by itself."""
        return {}

    def set_state(self, state: dict[str, Any]) -> None:
        """Take nothing."""

    def save(self, checkpoint_path: str) -> None:
        """Save the searcher; the limiter has no state of its own."""
        self.searcher.save(checkpoint_path)

    def restore(self, checkpoint_path: str) -> None:
        """Restore the searcher."""
        self.searcher.restore(checkpoint_path)

    def close(self) -> None:
        """Let the searcher tell its sampler of trials that never ended."""
        if hasattr(self.searcher, "close"):
            self.searcher.close()
