"""A policy for the callbacks."""

from neurocap_search.pruning import Action, Decision, FullTrainingPolicy


class StopAtOnce(FullTrainingPolicy):
    """Prunes every trial at its first report."""

    def on_report(self, trial_id, report):
        return Decision(Action.STOP, report.epoch, "on purpose", pruned=True)
