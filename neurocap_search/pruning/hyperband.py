"""Hyperband: brackets of successive halving that begin at different epochs."""

from collections.abc import Sequence
from heapq import merge
from itertools import islice
from math import ceil
from operator import itemgetter
from typing import Any, Literal

from neurocap_search.prediction import History, Predictor, Report
from neurocap_search.prediction.arguments import check_at_least
from neurocap_search.pruning.arguments import check_halving, check_state
from neurocap_search.pruning.decision import Decision
from neurocap_search.pruning.policy import PruningPolicy
from neurocap_search.pruning.pooled_predictor import PooledPredictor
from neurocap_search.pruning.promotion_halving import PromotionHalvingPolicy
from neurocap_search.pruning.successive_halving import SuccessiveHalvingPolicy

_STATE = ("hyperband", 1)


class HyperbandPolicy(PruningPolicy):
    r"""Shares trials out among brackets of successive halving, from early pruning to none at all.

    Nobody knows how early a metric can be trusted. Bracket ``s`` of ``0 .. s_max``,
    :math:`s_{max} = \lfloor \log_\eta(\text{max_t} / \text{grace_period}) \rfloor`, compares trials first at
    ``grace_period * reduction_factor**(s_max - s)`` epochs: ``s_max`` prunes earliest, 0 latest or
    never. Trials are assigned in the proportions of Hyperband's
    :math:`n_s = \lceil (s_{max} + 1) / (s + 1) \cdot \eta^s \rceil`, always to the bracket that lacks
    most, so the same order of trials gives the same brackets. Within a bracket asynchronous successive
    halving decides, without Hyperband's waiting for a bracket to fill.

    When not to use it: with a metric that ranks trials well early on, successive halving alone spends
    fewer epochs. ``SuccessiveHalvingPolicy(brackets=...)`` is Ray's variant, which draws brackets at
    random and seldom the late ones.

    Source: Li et al., JMLR 18 (2018), Algorithm 1; Li et al., MLSys 2020 for the asynchronous halving.

    Args:
        metric: Name of the number in the reports that trials compete by.
        mode: ``"max"`` if larger is better, ``"min"`` otherwise.
        max_t: Epochs of full training.
        grace_period: Epochs before the first rung of the earliest bracket.
        reduction_factor: One in how many goes on at each rung, above 1.
        type: ``"stopping"`` for :class:`SuccessiveHalvingPolicy` in each bracket, ``"promotion"`` for
            :class:`PromotionHalvingPolicy`.
        predictor: Predicts the final metric from the reports so far; learns from all brackets.
        max_paused: Most trials that may wait, of all brackets together; the worst of the lowest rung are
            given up first. None: no bound.

    Raises:
        ValueError: If an argument is out of its range.

    Example:
        >>> policy = HyperbandPolicy(metric="acc", max_t=9, reduction_factor=3)
        >>> policy.sizes  # brackets 0, 1, 2
        (3, 5, 9)
        >>> print(policy.on_report("a", Report(1, {"acc": 0.5})).reason)
        epoch 1: acc 0.500; nobody to compare with at this rung yet (bracket 2)
    """

    def __init__(
        self,
        *,
        metric: str,
        mode: Literal["max", "min"] = "max",
        max_t: float = 100,
        grace_period: float = 1,
        reduction_factor: float = 3,
        type: Literal["stopping", "promotion"] = "stopping",
        predictor: Predictor | None = None,
        max_paused: int | None = None,
    ) -> None:
        check_halving(mode, max_t, grace_period, reduction_factor)
        if type not in ("stopping", "promotion"):
            raise ValueError(f"type must be 'stopping' or 'promotion', received {type!r}.")
        if max_paused is not None:
            check_at_least("max_paused", max_paused, 0)
        self.type, self.max_paused, self.pauses = type, max_paused, type == "promotion"
        make = PromotionHalvingPolicy if self.pauses else SuccessiveHalvingPolicy
        starts = _starts(grace_period, max_t, reduction_factor)
        pool: dict[int, tuple[Sequence[History], Sequence[float]]] = {}
        self._brackets: list[PromotionHalvingPolicy | SuccessiveHalvingPolicy] = [
            make(
                metric=metric,
                mode=mode,
                max_t=max_t,
                grace_period=start,
                reduction_factor=reduction_factor,
                predictor=None if predictor is None else PooledPredictor(predictor, pool, s),
            )
            for s, start in enumerate(starts)
        ]
        count = len(starts)
        self.sizes = tuple(ceil(count * reduction_factor**s / (s + 1)) for s in range(count))
        self._bracket_of: dict[str, int] = {}
        self._assigned = [0] * count
        inner = [bracket.state_dict()["settings"] for bracket in self._brackets]
        self._settings = {"type": type, "max_paused": max_paused, "brackets": inner}

    @property
    def signals(self) -> tuple[str, ...]:
        """The metric, and what the predictor looks at."""
        return self._brackets[0].signals

    @property
    def milestones(self) -> tuple[float, ...]:
        """Epochs of the rungs of all brackets."""
        return tuple(sorted({epoch for bracket in self._brackets for epoch in bracket.milestones}))

    def on_add(self, trial_id: str) -> None:
        """Assign the trial to the bracket that lacks most."""
        self._bracket(trial_id).on_add(trial_id)

    def on_report(self, trial_id: str, report: Report) -> Decision:
        """Let the trial's bracket decide."""
        return self._named(trial_id, self._bracket(trial_id).on_report(trial_id, report))

    def on_complete(self, trial_id: str, report: Report | None) -> None:
        """Tell the trial's bracket."""
        if trial_id in self._bracket_of:
            self._bracket(trial_id).on_complete(trial_id, report)

    def on_error(self, trial_id: str) -> None:
        """Tell the trial's bracket."""
        if trial_id in self._bracket_of:
            self._bracket(trial_id).on_error(trial_id)

    def on_exhausted(self) -> None:
        """Tell every bracket."""
        for bracket in self._brackets:
            bracket.on_exhausted()

    def resumable(self) -> tuple[str, Decision] | None:
        """Return the trial that has come furthest of those the brackets would let go on."""
        offers = [offer for bracket in reversed(self._brackets) if (offer := bracket.resumable())]
        if not offers:
            return None
        trial_id, decision = max(offers, key=lambda offer: offer[1].epoch)
        return trial_id, self._named(trial_id, decision)

    def on_resume(self, trial_id: str) -> None:
        """Tell the trial's bracket."""
        if trial_id in self._bracket_of:
            self._bracket(trial_id).on_resume(trial_id)

    def surplus(self) -> list[tuple[str, Decision]]:
        """Return what each bracket gives up, the earliest bracket first, and those above ``max_paused``."""
        given_up = [pair for bracket in reversed(self._brackets) for pair in bracket.surplus()]
        given_up += self._excess({trial_id for trial_id, _ in given_up})
        return [(trial_id, self._named(trial_id, decision)) for trial_id, decision in given_up]

    def state_dict(self) -> dict[str, Any]:
        """Return the assignment and the states of the brackets."""
        return {
            "policy": _STATE[0],
            "version": _STATE[1],
            "settings": self._settings,
            "bracket_of": dict(self._bracket_of),
            "brackets": [bracket.state_dict() for bracket in self._brackets],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over a state from :meth:`state_dict`."""
        check_state(state, *_STATE, self._settings)
        for bracket, inner in zip(self._brackets, state["brackets"], strict=True):
            bracket.load_state_dict(inner)
        self._bracket_of = dict(state["bracket_of"])
        assigned = list(self._bracket_of.values())
        self._assigned = [assigned.count(s) for s in range(len(self._brackets))]

    def _excess(self, given_up: set[str]) -> list[tuple[str, Decision]]:
        brackets = [b for b in reversed(self._brackets) if isinstance(b, PromotionHalvingPolicy)]
        if self.max_paused is None or not brackets:
            return []
        excess = sum(bracket.waiting for bracket in brackets) - len(given_up) - self.max_paused
        worst = merge(*(bracket.least_promising(given_up) for bracket in brackets), key=itemgetter(0))
        return [(trial_id, decision) for _, trial_id, decision in islice(worst, max(0, excess))]

    def _bracket(self, trial_id: str) -> PromotionHalvingPolicy | SuccessiveHalvingPolicy:
        number = self._bracket_of.get(trial_id)
        if number is None:
            number = self._bracket_of[trial_id] = self._lacks_most()
            self._assigned[number] += 1
        return self._brackets[number]

    def _lacks_most(self) -> int:
        """Return the bracket furthest behind its share, of several the one that prunes earliest."""
        total, trials = sum(self.sizes), sum(self._assigned) + 1
        # Whole numbers, so that ties are ties on every machine.
        lacks = [
            (size * trials - assigned * total, s)
            for s, (size, assigned) in enumerate(zip(self.sizes, self._assigned, strict=True))
        ]
        return max(lacks)[1]

    def _named(self, trial_id: str, decision: Decision) -> Decision:
        number = self._bracket_of[trial_id]
        return decision.with_reason(lambda: f"{decision.reason} (bracket {number})")


def _starts(grace_period: float, max_t: float, reduction_factor: float) -> list[float]:
    """Return the first milestone of bracket 0, 1, ..., from the latest to the earliest."""
    starts = [grace_period]
    while starts[-1] * reduction_factor <= max_t:
        starts.append(starts[-1] * reduction_factor)
    return starts[::-1]
