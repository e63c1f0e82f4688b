"""How a policy leads trials through their lives, pauses included."""
# ruff: noqa: S101, D102 – asserting is what these methods are for, and their names are the rules

import numpy as np
import pytest

from neurocap_search.pruning import Action, PruningPolicy
from neurocap_search.testing.policy_case import PolicyCase, as_json, check_decision
from neurocap_search.testing.policy_history import random_history, tell
from neurocap_search.testing.policy_simulation import Simulation


class LifeProperties(PolicyCase):
    """Properties of whole searches and of the calls beside the reports."""

    def curves(self, trials: int, seed: int = 0, levels: int = 1000) -> dict[str, list[float]]:
        """Return a curve of :attr:`max_t` values for each trial; few ``levels`` make ties."""
        rng = np.random.default_rng(seed)
        values = rng.integers(0, levels, (trials, self.max_t)) / levels
        return {f"t{k}": list(map(float, row)) for k, row in enumerate(values)}

    def paused(self) -> tuple[PruningPolicy, list[str]]:
        """Return a policy with all the trials it has paused of ten; skip if it never pauses."""
        policy, paused = self.make_policy(), list[str]()
        if not policy.pauses:
            pytest.skip("the policy does not pause")
        for trial_id, curve in self.curves(10).items():
            policy.on_add(trial_id)
            for epoch in range(1, self.max_t):
                if policy.on_report(trial_id, self.report(epoch, curve[epoch - 1])).action is Action.PAUSE:
                    paused.append(trial_id)
                    break
        assert paused, "the policy says that it pauses, but it has paused none of ten trials"
        return policy, paused

    @pytest.mark.parametrize("workers", [1, 2, 5])
    @pytest.mark.parametrize("trials", [1, 2, 3, 20])
    def test_a_search_comes_to_an_end(self, trials: int, workers: int) -> None:
        Simulation(self.make_policy(), self.curves(trials), self.report, workers=workers).run()

    @pytest.mark.parametrize("levels", [1, 2, 5])
    def test_a_search_among_equals_comes_to_an_end(self, levels: int) -> None:
        Simulation(self.make_policy(), self.curves(15, levels=levels), self.report).run()

    def test_a_search_with_diverging_trials_comes_to_an_end(self) -> None:
        curves = self.curves(15)
        for k, curve in enumerate(curves.values()):
            if k % 3 == 0:
                curve[k % self.max_t] = float("nan")
        Simulation(self.make_policy(), curves, self.report).run()

    def test_a_search_whose_trials_end_early_comes_to_an_end(self) -> None:
        curves = {trial_id: curve[: 1 + k % 5] for k, (trial_id, curve) in enumerate(self.curves(15).items())}
        Simulation(self.make_policy(), curves, self.report).run()

    @pytest.mark.parametrize("epoch", [1, 2, 4])
    def test_a_search_whose_trials_fail_and_start_over_comes_to_an_end(self, epoch: int) -> None:
        failures = dict.fromkeys(list(self.curves(15))[::2], epoch)
        Simulation(self.make_policy(), self.curves(15), self.report, failures=failures).run()

    def test_a_search_without_trials_comes_to_an_end(self) -> None:
        policy = self.make_policy()
        policy.on_exhausted()
        policy.on_exhausted()
        assert policy.resumable() is None
        assert policy.surplus() == []

    def test_adding_a_trial_twice_changes_nothing(self) -> None:
        once, twice = self.make_policy(), self.make_policy()
        for event in random_history(3):
            assert tell(once, event, self.report) == tell(twice, event, self.report)
            if event.kind == "add":
                twice.on_add(event.trial_id)
        assert as_json(once) == as_json(twice)

    def test_asking_changes_nothing(self) -> None:
        policy = self.make_policy()
        for event in random_history(4):
            tell(policy, event, self.report)
            before = as_json(policy)
            answers = [(policy.resumable(), policy.surplus()) for _ in range(2)]
            assert answers[0] == answers[1]
            assert (policy.signals, policy.milestones, policy.pauses) is not None
            assert as_json(policy) == before

    def test_calls_about_unknown_trials_are_harmless(self) -> None:
        policy, other = self.make_policy(), self.make_policy()
        other.on_error("unknown")
        other.on_resume("not paused")
        other.on_complete("nobody", None)
        for epoch in (1, 2):
            one = [policy.on_report(f"t{k}", self.report(epoch, k / 9)).action for k in range(4)]
            assert one == [other.on_report(f"t{k}", self.report(epoch, k / 9)).action for k in range(4)]
        assert other.resumable() is None or other.resumable() == policy.resumable()

    @pytest.mark.parametrize("twice", ["on_complete", "on_error"])
    def test_an_end_told_twice_changes_nothing_more(self, twice: str) -> None:
        states = []
        for times in (1, 2):
            policy = self.make_policy()
            for trial_id in ("a", "b"):
                policy.on_report(trial_id, self.report(1, 0.5))
            for _ in range(times):
                policy.on_error("a") if twice == "on_error" else policy.on_complete("a", self.report(1, 0.5))
            states.append([policy.on_report(f"c{k}", self.report(1, k / 4)) for k in range(4)])
        assert states[0] == states[1]

    def test_a_report_after_the_end_is_answered(self) -> None:
        policy = self.make_policy()
        policy.on_report("a", self.report(1, 0.5))
        policy.on_complete("a", self.report(1, 0.5))
        check_decision(policy.on_report("a", self.report(2, 0.5)), 2)
        policy.on_exhausted()
        assert policy.resumable() is None
        assert policy.surplus() == []

    def test_a_policy_that_does_not_pause_neither_resumes_nor_gives_up(self) -> None:
        policy = self.make_policy()
        if policy.pauses:
            pytest.skip("the policy pauses")
        for event in random_history(5):
            answers = tell(policy, event, self.report)
            assert all(decision.action is not Action.PAUSE for _, decision in answers)
            assert policy.resumable() is None
            assert policy.surplus() == []

    def test_only_paused_trials_are_resumed_or_given_up(self) -> None:
        policy, paused = self.paused()
        for _ in range(2):
            offered = [offer for offer in [policy.resumable()] if offer is not None]
            for trial_id, decision in [*offered, *policy.surplus()]:
                assert trial_id in paused
                check_decision(decision, decision.epoch)
                assert decision.epoch >= 1
            policy.on_exhausted()

    def test_nobody_is_resumable_and_surplus_at_once(self) -> None:
        policy = self.make_policy()
        for event in random_history(6):
            tell(policy, event, self.report)
            offer, surplus = policy.resumable(), [trial_id for trial_id, _ in policy.surplus()]
            assert offer is None or offer[0] not in surplus
            assert len(set(surplus)) == len(surplus)

    @pytest.mark.parametrize("end", ["on_complete", "on_error", "on_resume"])
    def test_a_trial_that_waits_no_longer_is_not_offered_again(self, end: str) -> None:
        policy, paused = self.paused()
        for trial_id in paused:
            if end == "on_complete":
                policy.on_complete(trial_id, None)
            else:
                getattr(policy, end)(trial_id)
        policy.on_exhausted()
        assert policy.resumable() is None
        assert policy.surplus() == []

    def test_once_nothing_is_to_come_every_paused_trial_goes_on_or_is_given_up(self) -> None:
        policy, paused = self.paused()
        for trial_id in self.curves(10):
            if trial_id not in paused:
                policy.on_complete(trial_id, None)
        policy.on_exhausted()
        while paused:
            ending = [trial_id for trial_id, _ in policy.surplus()]
            offer = policy.resumable()
            if offer is not None:
                policy.on_resume(offer[0])
                ending.append(offer[0])
            assert ending, f"{paused} are neither resumable nor surplus"
            for trial_id in ending:
                policy.on_complete(trial_id, None)
                paused.remove(trial_id)
