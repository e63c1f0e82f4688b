"""What was proposed before, so that nothing is trained twice."""

import hashlib
import json
from dataclasses import dataclass, replace
from typing import Any

from neurocap_search.tune.told import Told, failed


@dataclass
class FirstTrial:
    """The first trial with a configuration.

    Attributes:
        trial_id: Ray's id of the trial.
        told: What the sampler was told at its latest end; None before.
    """

    trial_id: str
    told: Told | None = None


class ProposalMemory:
    """Knows every configuration proposed so far; a look-up takes the same time however many there are.

    Example:
        >>> memory = ProposalMemory()
        >>> memory.first("a", {"width": 8, "depth": 2}).trial_id
        'a'
        >>> memory.first("b", {"depth": 2, "width": 8}).trial_id
        'a'
    """

    def __init__(self) -> None:
        self._by_config: dict[str, FirstTrial] = {}
        self._by_trial: dict[str, FirstTrial] = {}

    def __len__(self) -> int:
        return len(self._by_config)

    def first(self, trial_id: str, config: dict[str, Any]) -> FirstTrial:
        """Return the proposal that first had this configuration: it is ``trial_id``'s own if it is new."""
        name = canonical(config)
        if name is None:
            return FirstTrial(trial_id)
        known = self._by_config.get(name)
        if known is None:
            known = self._by_config[name] = self._by_trial[trial_id] = FirstTrial(trial_id)
        return known

    def ended(self, trial_id: str, told: Told) -> None:
        """Keep what the sampler was told of a trial; of one that runs again, until it ends again."""
        if trial_id in self._by_trial:
            self._by_trial[trial_id].told = told

    def rename(self, old_id: str, trial_id: str) -> None:
        """Let the proposal of ``old_id`` belong to ``trial_id``."""
        if old_id in self._by_trial:
            proposal = self._by_trial[trial_id] = self._by_trial.pop(old_id)
            proposal.trial_id = trial_id


def told_again(first: FirstTrial) -> Told:
    """Return what the sampler is told at once of a configuration proposed again: the same as the first time.

    FAIL while the first trial runs, because there is nothing to tell yet.
    """
    attributes = {"neurocap:duplicate_of": first.trial_id}
    if first.told is None:
        return failed("proposed again while the first trial with this configuration runs", attributes)
    return replace(first.told, attributes={**first.told.attributes, **attributes})


def canonical(config: dict[str, Any]) -> str | None:
    """Return a short name that equal configurations share, or None where JSON cannot express one.

    Example:
        >>> canonical({"a": 1, "b": [2.0]}) == canonical({"b": (2.0,), "a": 1})
        True
        >>> canonical({"loss": object()}) is None
        True
    """
    try:
        text = json.dumps(config, sort_keys=True)
    except (TypeError, ValueError):
        return None
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
