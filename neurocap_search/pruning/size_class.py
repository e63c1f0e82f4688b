"""Any policy, applied among networks of about the same size."""

from collections.abc import Callable
from math import floor, log
from typing import Any

from neurocap_search.prediction import Report
from neurocap_search.pruning.arguments import check_state
from neurocap_search.pruning.decision import Decision
from neurocap_search.pruning.insight import Insight, pooled
from neurocap_search.pruning.outcomes import usable
from neurocap_search.pruning.policy import PruningPolicy

_STATE = ("size_class", 1)


class SizeClassPolicy(PruningPolicy):
    r"""Lets trials compete only with those of about their own size: bigger networks converge later.

    A trial's class is :math:`\lfloor \log(\text{size}) / \log(\text{ratio}) \rfloor`, from the size in
    its first report; trials whose first report has no usable size make up a class of their own,
    ``None``. Each class has its own policy, made when the first trial of the class is seen.

    When not to use it: every class must fill before it can prune, so with few trials nearly nothing is
    pruned. And if small networks are simply worse in the end, their best is trained for nothing.

    Args:
        make_policy: Makes the policy of a class, given its number or None. Called once with None at
            once, to learn whether the policies pause and what they look at. Each call must return a
            new policy of the same kind.
        size: Name of the size in the reports, such as the number of parameters.
        ratio: Sizes of one class differ by less than this factor, above 1.

    Raises:
        ValueError: If ``ratio`` is not above 1.

    Example:
        >>> from neurocap_search.pruning import SuccessiveHalvingPolicy
        >>> policy = SizeClassPolicy(lambda _: SuccessiveHalvingPolicy(metric="acc", max_t=9))
        >>> _ = policy.on_report("small", Report(1, {"acc": 0.9, "parameters": 1_000}))
        >>> print(policy.on_report("big", Report(1, {"acc": 0.1, "parameters": 1_000_000})).reason)
        epoch 1: acc 0.100; nobody to compare with at this rung yet (parameters from 262144 to 1.04858e+06)
    """

    def __init__(
        self,
        make_policy: Callable[[int | None], PruningPolicy],
        *,
        size: str = "parameters",
        ratio: float = 4.0,
    ) -> None:
        if not ratio > 1:
            raise ValueError(f"ratio must be above 1, received {ratio}.")
        self._make, self.size, self.ratio = make_policy, size, ratio
        self._classes: dict[int | None, PruningPolicy] = {None: make_policy(None)}
        self.pauses = self._classes[None].pauses
        self._class_of: dict[str, int | None] = {}
        self._unclassified: dict[str, None] = {}
        self._exhausted = False

    @property
    def signals(self) -> tuple[str, ...]:
        """What the policies look at, and the size."""
        return tuple(dict.fromkeys((*self._classes[None].signals, self.size)))

    @property
    def required(self) -> tuple[str, ...]:
        """What a class's policy cannot do without, and the size."""
        return tuple(dict.fromkeys((*self._classes[None].required, self.size)))

    @property
    def milestones(self) -> tuple[float, ...]:
        """Those of all policies."""
        return tuple(sorted({epoch for policy in self._classes.values() for epoch in policy.milestones}))

    @property
    def early_stops(self) -> tuple[float, ...]:
        """Those of all policies."""
        return tuple(sorted({mark for policy in self._classes.values() for mark in policy.early_stops}))

    def on_add(self, trial_id: str) -> None:
        """Tell the policy of the trial's class, which is not known before its first report."""
        if trial_id in self._class_of:
            self._policy(trial_id).on_add(trial_id)
        else:
            self._unclassified[trial_id] = None

    def on_report(self, trial_id: str, report: Report) -> Decision:
        """Let the policy of the trial's class decide."""
        if trial_id not in self._class_of:
            self._classify(trial_id, report)
        decision = self._policy(trial_id).on_report(trial_id, report)
        return self._named(trial_id, decision)

    def on_complete(self, trial_id: str, report: Report | None) -> None:
        """Tell the policy of the trial's class."""
        if trial_id not in self._class_of and report is not None:
            self._classify(trial_id, report)
        if trial_id in self._class_of:
            self._policy(trial_id).on_complete(trial_id, report)
        self._settle(trial_id)

    def on_error(self, trial_id: str) -> None:
        """Tell the policy of the trial's class."""
        if trial_id in self._class_of:
            self._policy(trial_id).on_error(trial_id)
        self._settle(trial_id)

    def on_exhausted(self) -> None:
        """Tell the policies, as soon as the class of every trial is known."""
        self._exhausted = True
        self._pass_on_exhaustion()

    def resumable(self) -> tuple[str, Decision] | None:
        """Return the trial that has come furthest of those the policies would let go on."""
        offers = [offer for policy in self._classes.values() if (offer := policy.resumable())]
        if not offers:
            return None
        trial_id, decision = max(offers, key=lambda offer: offer[1].epoch)
        return trial_id, self._named(trial_id, decision)

    def on_resume(self, trial_id: str) -> None:
        """Tell the policy of the trial's class."""
        if trial_id in self._class_of:
            self._policy(trial_id).on_resume(trial_id)

    def surplus(self) -> list[tuple[str, Decision]]:
        """Return what the policies give up."""
        given_up = [pair for policy in self._classes.values() for pair in policy.surplus()]
        return [(trial_id, self._named(trial_id, decision)) for trial_id, decision in given_up]

    def insight(self) -> Insight | None:
        """Return what the policies have learned, pooled over the classes."""
        found = (policy.insight() for policy in self._classes.values())
        return pooled([insight for insight in found if insight is not None])

    def state_dict(self) -> dict[str, Any]:
        """Return the classes of the trials and the states of the policies."""
        return {
            "policy": _STATE[0],
            "version": _STATE[1],
            "settings": {"size": self.size, "ratio": self.ratio},
            "classes": [[number, policy.state_dict()] for number, policy in self._classes.items()],
            "class_of": dict(self._class_of),
            "unclassified": list(self._unclassified),
            "exhausted": self._exhausted,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over a state from :meth:`state_dict`."""
        check_state(state, *_STATE, {"size": self.size, "ratio": self.ratio})
        classes = {number: self._make(number) for number, _ in state["classes"]}
        for number, inner in state["classes"]:
            classes[number].load_state_dict(inner)
        self._classes, self._class_of = classes, dict(state["class_of"])
        self._unclassified, self._exhausted = dict.fromkeys(state["unclassified"]), state["exhausted"]

    def _policy(self, trial_id: str) -> PruningPolicy:
        return self._classes[self._class_of[trial_id]]

    def _classify(self, trial_id: str, report: Report) -> None:
        number = self._class(report.get(self.size))
        self._class_of[trial_id] = number
        if number not in self._classes:
            self._classes[number] = self._make(number)
        if trial_id in self._unclassified:
            self._policy(trial_id).on_add(trial_id)
        self._settle(trial_id)

    def _class(self, size: float | None) -> int | None:
        if not usable(size) or size <= 0:
            return None
        return floor(log(size) / log(self.ratio) + 1e-12)  # log(243) / log(3) is just below 5

    def _settle(self, trial_id: str) -> None:
        """Note that the trial's class no longer matters, or is known."""
        self._unclassified.pop(trial_id, None)
        self._pass_on_exhaustion()

    def _pass_on_exhaustion(self) -> None:
        if self._exhausted and not self._unclassified:
            for policy in self._classes.values():
                policy.on_exhausted()

    def _named(self, trial_id: str, decision: Decision) -> Decision:
        number = self._class_of[trial_id]
        if number is None:
            return decision.with_reason(lambda: f"{decision.reason} ({self.size} unknown)")
        low, high = self.ratio**number, self.ratio ** (number + 1)
        return decision.with_reason(lambda: f"{decision.reason} ({self.size} from {low:g} to {high:g})")
