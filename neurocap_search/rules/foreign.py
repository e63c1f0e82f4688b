"""Another project's early stopping rule behind the contract of a policy."""

from collections.abc import Callable
from typing import Any, Literal, Protocol

from neurocap_search.prediction import Report, plain
from neurocap_search.prediction.arguments import check_mode
from neurocap_search.pruning import Action, Decision, PruningPolicy
from neurocap_search.pruning.arguments import check_max_t, check_state
from neurocap_search.pruning.outcomes import already_ended, fully_trained, not_comparable, usable

_STATE = ("foreign", 1)


class ForeignRule(Protocol):
    """What the other project's rule is told and asked, in the order in which its own framework would."""

    def add(self, trial_id: str) -> None:
        """A trial begins, or begins anew after a failure."""

    def prunes(self, trial_id: str, epoch: float, value: float) -> bool:
        """A running trial has reported a finite value of a later epoch than before; is it pruned?"""
        ...

    def finish(self, trial_id: str, epoch: float, value: float, pruned: bool) -> None:
        """A trial has ended; epoch and value are its last."""

    def fail(self, trial_id: str) -> None:
        """A trial has failed, or has ended without a value."""


class ForeignPolicy(PruningPolicy):
    """Runs another project's own class; it translates and does not decide.

    Four things are the same as in this project's rules, so that nothing but the rule is compared: a trial
    without the metric goes on, one whose metric is not finite has failed and the rule is not asked, nobody
    is pruned at the last epoch, and a repeated or earlier epoch is not judged again.

    Its state is the list of what the rule was told; to load it, a new rule is told the same. So no pickle of
    the other project's objects is kept, and none of their private parts is touched.

    When not to use it: in searches of many thousand trials. Loading takes as long as all decisions did, and
    some of the rules look at every trial for each decision.

    Args:
        make_rule: Makes a rule that knows nothing yet.
        name: What reasons call the rule.
        settings: The rule's arguments, JSON-ready; a state is loaded only into the same.
        metric: Name of the number that trials compete by.
        mode: ``"max"`` if larger is better, ``"min"`` otherwise.
        max_t: Epochs of full training.

    Raises:
        ValueError: If an argument is out of its range.
    """

    def __init__(
        self,
        make_rule: Callable[[], ForeignRule],
        *,
        name: str,
        settings: dict[str, Any],
        metric: str,
        mode: Literal["max", "min"],
        max_t: float,
    ) -> None:
        check_mode(mode)
        check_max_t(max_t)
        self.name, self.metric, self.mode, self.max_t = name, metric, mode, max_t
        self._make_rule, self._arguments = make_rule, dict(settings)
        self._rule = make_rule()
        self._told: list[tuple[Any, ...]] = []
        self._running: dict[str, float] = {}
        self._pruned: dict[str, None] = {}
        self._ended: dict[str, None] = {}

    @property
    def signals(self) -> tuple[str, ...]:
        """The metric."""
        return (self.metric,)

    def on_add(self, trial_id: str) -> None:
        """Tell the rule of a trial it does not know."""
        if trial_id not in self._running and trial_id not in self._ended:
            self._running[trial_id] = 0
            self._tell("add", trial_id)

    def on_report(self, trial_id: str, report: Report) -> Decision:
        """Ask the rule."""
        epoch, value = report.epoch, report.get(self.metric)
        if trial_id in self._pruned or trial_id in self._ended:
            return already_ended(epoch)
        self.on_add(trial_id)
        if epoch >= self.max_t and (value is None or usable(value)):
            return fully_trained(epoch, self.max_t)
        if not usable(value):
            return not_comparable(self.metric, report)
        if epoch <= self._running[trial_id]:
            return Decision(Action.CONTINUE, epoch, f"epoch {epoch}: judged before")
        return self._ask(trial_id, epoch, float(value))

    def on_complete(self, trial_id: str, report: Report | None) -> None:
        """Tell the rule how a trial has ended, once."""
        if trial_id not in self._running:
            return
        value = None if report is None else report.get(self.metric)
        if report is not None and usable(value):
            self._tell("finish", trial_id, report.epoch, float(value), trial_id in self._pruned)
        else:
            self._tell("fail", trial_id)
        del self._running[trial_id]
        self._pruned.pop(trial_id, None)
        self._ended[trial_id] = None

    def on_error(self, trial_id: str) -> None:
        """Tell the rule of a failure; the trial begins anew if it is added again, unless it was pruned."""
        if trial_id in self._pruned:
            self.on_complete(trial_id, None)
        elif trial_id in self._running:
            self._tell("fail", trial_id)
            del self._running[trial_id]

    def state_dict(self) -> dict[str, Any]:
        """Return what the rule was told, and who runs and who has ended."""
        return {
            "policy": _STATE[0],
            "version": _STATE[1],
            "settings": self._settings(),
            "told": [list(call) for call in self._told],
            "running": dict(self._running),
            "pruned": list(self._pruned),
            "ended": list(self._ended),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over a state from :meth:`state_dict`: a new rule is told the same."""
        check_state(state, *_STATE, self._settings())
        self._rule, self._told = self._make_rule(), []
        for what, *facts in state["told"]:
            self._tell(what, *facts)
        self._running = dict(state["running"])
        self._pruned, self._ended = dict.fromkeys(state["pruned"]), dict.fromkeys(state["ended"])

    def _settings(self) -> dict[str, Any]:
        settings = {name: getattr(self, name) for name in ("name", "metric", "mode", "max_t")}
        return {**settings, "arguments": self._arguments}

    def _ask(self, trial_id: str, epoch: float, value: float) -> Decision:
        self._running[trial_id] = epoch
        prunes = self._tell("prunes", trial_id, epoch, value)
        what = f"epoch {epoch}: {self.metric} {plain(value)}; {self.name}"
        if not prunes:
            return Decision(Action.CONTINUE, epoch, f"{what} lets it go on")
        self._pruned[trial_id] = None
        return Decision(Action.STOP, epoch, f"{what} stops it", pruned=True)

    def _tell(self, what: str, *facts: Any) -> Any:
        """Tell the rule and keep what it was told; the answer is that of ``prunes``."""
        self._told.append((what, *facts))
        tell: dict[str, Callable[..., bool | None]] = {
            "add": self._rule.add,
            "prunes": self._rule.prunes,
            "finish": self._rule.finish,
            "fail": self._rule.fail,
        }
        return tell[what](*facts)
