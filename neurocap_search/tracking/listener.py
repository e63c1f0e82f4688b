"""Those who follow a search: MLflow, the run directory, the screen."""

from neurocap_search.tracking.record import SearchRecord, TrialRecord
from neurocap_search.tracking.summary import Summary


class SearchListener:
    """Is told what happens in a search; every hook does nothing unless overridden.

    Listeners look and never decide. They run on the search's thread, so each must be quick; an error
    in one is logged and does not stop the search.
    """

    def on_search_start(self, record: SearchRecord) -> None:
        """The search begins, or goes on with what ``record`` already holds."""

    def on_trial_start(self, record: SearchRecord, trial: TrialRecord) -> None:
        """A trial begins or starts over."""

    def on_trial_resume(self, record: SearchRecord, trial: TrialRecord) -> None:
        """A paused trial goes on after its last report."""

    def on_report(self, record: SearchRecord, trial: TrialRecord) -> None:
        """A trial has reported; its last report and decision are the new ones."""

    def on_trial_end(self, record: SearchRecord, trial: TrialRecord) -> None:
        """A trial has ended; its state says how."""

    def on_search_end(self, record: SearchRecord, summary: Summary) -> None:
        """The search has ended, also when it was interrupted."""
