"""What the parts of the policy suite share: how the policy is made and fed."""
# ruff: noqa: S101 – asserting is what this module is for

import json
from typing import Any

import pytest

from neurocap_search.prediction import Report
from neurocap_search.pruning import Action, Decision, PruningPolicy


class PolicyCase:
    """How to make the policy under test, and what to report to it.

    Attributes:
        metric: The number the policy compares trials by.
        max_t: Epochs of full training, at least 4.
    """

    metric: str = "value"
    max_t: int = 9

    def make_policy(self) -> PruningPolicy:
        """Return a fresh policy for :attr:`metric`, larger is better, that trains :attr:`max_t` epochs."""
        raise NotImplementedError("Implement make_policy(self): it returns a fresh policy.")

    def make_min_policy(self) -> PruningPolicy:
        """Return the same policy where smaller is better; without it that test is skipped."""
        pytest.skip("make_min_policy is not implemented")

    def report(self, epoch: int, value: float) -> Report:
        """Return a report with the metric and a number for every other signal of the policy."""
        others = dict.fromkeys(self.make_policy().signals, 1 / epoch)
        return Report(epoch, others | {self.metric: value})

    def saved_and_loaded(self, policy: PruningPolicy) -> PruningPolicy:
        """Return a fresh policy that took over the state of ``policy`` through JSON."""
        fresh = self.make_policy()
        fresh.load_state_dict(as_json(policy))
        return fresh


def as_json(policy: PruningPolicy) -> dict[str, Any]:
    """Return the policy's state as it comes back from strict JSON."""
    state: dict[str, Any] = json.loads(json.dumps(policy.state_dict(), allow_nan=False))
    return state


def check_decision(decision: Decision, epoch: float) -> None:
    """Raise AssertionError unless ``decision`` is a well-formed answer to a report of ``epoch``."""
    assert isinstance(decision, Decision), f"expected a Decision, received {decision!r}"
    assert isinstance(decision.action, Action), f"unknown action {decision.action!r}"
    assert decision.epoch == epoch, f"the decision is on epoch {decision.epoch}, the report was {epoch}"
    assert decision.reason.strip(), "the reason is empty"
    assert "\n" not in decision.reason, "the reason is one sentence on one line"
    assert str(epoch) in decision.reason, f"the reason does not name the epoch: {decision.reason!r}"
    assert not (decision.pruned and decision.failed), "a trial that failed was not pruned"
    assert decision.action is Action.STOP or not (decision.pruned or decision.failed), "only a STOP prunes"
