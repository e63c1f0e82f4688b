"""Random calls of a policy, also such as no good adapter would make."""

from functools import cache
from typing import NamedTuple

import numpy as np

from neurocap_search.pruning import Decision, PruningPolicy
from neurocap_search.testing.policy_simulation import MakeReport

KINDS = ("report", "add", "complete", "error", "resume", "give up", "exhausted")
_ODDS = (0.70, 0.08, 0.06, 0.04, 0.06, 0.04, 0.02)
_MOVES = (1, 1, 1, 1, 2, 4, 0, -1, -3)


class Event(NamedTuple):
    """One call of a policy.

    Attributes:
        kind: One of :data:`KINDS`; ``resume`` takes what the policy offers, ``give up`` its surplus.
        trial_id: Whom it is about.
        epoch: Epoch of the last report.
        value: Value of the metric there.
    """

    kind: str
    trial_id: str
    epoch: int
    value: float


@cache
def random_history(seed: int, *, trials: int = 8, steps: int = 150) -> tuple[Event, ...]:
    """Return random events: duplicate, skipped and out-of-order epochs, ties, nan, errors, late calls."""
    rng = np.random.default_rng(seed)
    epochs = dict.fromkeys((f"t{k}" for k in range(trials)), 0)
    events = []
    for _ in range(steps):
        kind = str(rng.choice(KINDS, p=_ODDS))
        trial_id = f"t{rng.integers(trials)}"
        if kind == "report":
            epochs[trial_id] = max(1, epochs[trial_id] + int(rng.choice(_MOVES)))
        value = float("nan") if rng.random() < 0.02 else float(rng.integers(0, 11)) / 10
        events.append(Event(kind, trial_id, max(1, epochs[trial_id]), value))
    return tuple(events)


def tell(policy: PruningPolicy, event: Event, report: MakeReport) -> list[tuple[str, Decision]]:
    """Make the call and return the decisions it brings, with their trials."""
    trial_id = event.trial_id
    if event.kind == "report":
        return [(trial_id, policy.on_report(trial_id, report(event.epoch, event.value)))]
    if event.kind == "resume":
        offer = policy.resumable()
        if offer is not None:
            policy.on_resume(offer[0])
        return [] if offer is None else [offer]
    if event.kind == "give up":
        surplus = policy.surplus()
        for given_up, _ in surplus:
            policy.on_complete(given_up, None)
        return surplus
    if event.kind == "complete":
        policy.on_complete(trial_id, report(event.epoch, event.value))
    elif event.kind == "exhausted":
        policy.on_exhausted()
    else:
        (policy.on_add if event.kind == "add" else policy.on_error)(trial_id)
    return []
