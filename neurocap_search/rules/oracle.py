"""The bound: a rule that knows how every training ends."""

import math
from typing import Any

from neurocap_search.errors import UserError
from neurocap_search.prediction import Report
from neurocap_search.pruning import Action, Decision, PruningPolicy
from neurocap_search.pruning.arguments import check_max_t, check_state
from neurocap_search.pruning.outcomes import fully_trained
from neurocap_search.rules.context import RuleContext
from neurocap_search.traces.trace import Trace

_STATE = ("oracle", 1)


class OraclePolicy(PruningPolicy):
    """Trains one trial to the end and stops all others after their first epoch.

    No rule that begins every trial can do better: it loses nothing and spends the fewest epochs.

    When not to use it: it is no rule for a search, only the bound that others are shown against.

    Args:
        best: The trial that is to be trained to the end; None if there is none.
        max_t: Epochs of full training.

    Raises:
        ValueError: If ``max_t`` is not above 0.

    Example:
        >>> policy = OraclePolicy("1", max_t=9)
        >>> policy.on_report("0", Report(1)).reason
        'epoch 1: trial 1 is the one that ends best'
        >>> policy.on_report("1", Report(1)).action.value
        'CONTINUE'
    """

    def __init__(self, best: str | None, max_t: float) -> None:
        check_max_t(max_t)
        self.best, self.max_t = best, max_t

    def on_report(self, trial_id: str, report: Report) -> Decision:
        """Let the best go on and stop everybody else."""
        epoch = report.epoch
        if epoch >= self.max_t:
            return fully_trained(epoch, self.max_t)
        if self.best is None:
            return Decision(Action.STOP, epoch, f"epoch {epoch}: no trial ends well", pruned=True)
        why = f"epoch {epoch}: trial {self.best} is the one that ends best"
        if trial_id == self.best:
            return Decision(Action.CONTINUE, epoch, why)
        return Decision(Action.STOP, epoch, why, pruned=True)

    def state_dict(self) -> dict[str, Any]:
        """Return the settings only: there is no state."""
        return {"policy": _STATE[0], "version": _STATE[1], "settings": self._settings()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Check that the state is one of this policy for the same stream."""
        check_state(state, *_STATE, self._settings())

    def _settings(self) -> dict[str, Any]:
        return {"best": self.best, "max_t": self.max_t}


def oracle(context: RuleContext) -> OraclePolicy:
    """Return the oracle of a stream; of equally good trials it knows the first.

    Raises:
        UserError: If there is no recorded stream.
    """
    if not context.stream:
        raise UserError(
            "Rule 'oracle' knows how recorded trainings end, and here are none. It works in a replay, not in "
            "a live search: leave it out."
        )
    sign = 1 if context.mode == "max" else -1
    finals = {str(k): sign * _final(trace, context) for k, trace in enumerate(context.stream)}
    ended = [trial_id for trial_id, final in finals.items() if math.isfinite(final)]
    return OraclePolicy(max(ended, key=finals.__getitem__, default=None), context.max_t)


def _final(trace: Trace, context: RuleContext) -> float:
    """Return the metric after full training; nan where the training failed before."""
    reports = trace.reports[: context.max_t]
    failed = trace.failure is not None and len(reports) < context.max_t
    value = reports[-1].get(context.metric) if reports and not failed else None
    return math.nan if value is None else value
