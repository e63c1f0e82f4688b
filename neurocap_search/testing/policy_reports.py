"""What a policy answers to reports, good and bad."""
# ruff: noqa: S101, D102 – asserting is what these methods are for, and their names are the rules

import numpy as np
import pytest

from neurocap_search.prediction import Report
from neurocap_search.pruning import Action, PruningPolicy
from neurocap_search.testing.policy_case import PolicyCase, as_json, check_decision
from neurocap_search.testing.policy_history import random_history, tell
from neurocap_search.testing.policy_simulation import Simulation

SEEDS = range(2)
NOT_FINITE = [float("nan"), float("inf"), float("-inf")]


class ReportProperties(PolicyCase):
    """Properties of single decisions."""

    def peers(self, count: int = 6) -> PruningPolicy:
        """Return a policy to which ``count`` trials have reported their first two epochs."""
        policy = self.make_policy()
        for k in range(count):
            policy.on_add(f"peer {k}")
            for epoch in (1, 2):
                policy.on_report(f"peer {k}", self.report(epoch, k / count))
        return policy

    def test_it_is_a_pruning_policy(self) -> None:
        assert isinstance(self.make_policy(), PruningPolicy)

    def test_signals_are_names_with_the_metric_first(self) -> None:
        signals = self.make_policy().signals
        assert isinstance(signals, tuple)
        assert all(isinstance(name, str) for name in signals)
        assert len(set(signals)) == len(signals)
        assert signals[:1] in ((), (self.metric,))

    def test_milestones_ascend_within_the_training(self) -> None:
        milestones = self.make_policy().milestones
        assert list(milestones) == sorted(set(milestones))
        assert all(0 < epoch < self.max_t for epoch in milestones)

    @pytest.mark.parametrize("seed", SEEDS)
    def test_every_report_is_answered_with_a_decision_and_its_reason(self, seed: int) -> None:
        policy = self.make_policy()
        for event in random_history(seed):
            answers = tell(policy, event, self.report)
            if event.kind == "report":
                check_decision(answers[0][1], event.epoch)

    def test_a_trial_may_report_without_having_been_added(self) -> None:
        check_decision(self.make_policy().on_report("a", self.report(1, 0.5)), 1)

    @pytest.mark.parametrize("metrics", [{}, {"something else": 0.5}])
    def test_a_missing_metric_prunes_nobody(self, metrics: dict[str, float]) -> None:
        for epoch in range(1, self.max_t):
            decision = self.peers().on_report("a", Report(epoch, metrics))
            check_decision(decision, epoch)
            assert not decision.pruned
            assert not decision.failed

    @pytest.mark.parametrize("value", NOT_FINITE)
    def test_a_metric_that_is_not_finite_is_no_reason_to_prune(self, value: float) -> None:
        decision = self.peers().on_report("a", self.report(1, value))
        check_decision(decision, 1)
        assert not decision.pruned, "a diverged trial has failed; the rule did not prune it"
        assert decision.action is not Action.PAUSE

    @pytest.mark.parametrize("value", NOT_FINITE)
    def test_a_diverged_trial_changes_nothing_for_the_others(self, value: float) -> None:
        answers = []
        for diverges in (True, False):
            policy = self.peers()
            policy.on_add("a")
            if diverges:
                policy.on_report("a", self.report(1, value))
            policy.on_add("b")
            answers.append([policy.on_report("b", self.report(epoch, 0.45)) for epoch in (1, 2)])
        assert answers[0] == answers[1]

    def test_a_repeated_report_does_not_change_a_decision_to_go_on(self) -> None:
        policy = self.make_policy()
        first = policy.on_report("a", self.report(1, 0.5))
        again = policy.on_report("a", self.report(1, 0.5))
        check_decision(again, 1)
        assert again.action is first.action

    @pytest.mark.parametrize("epochs", [(1, 5, 2, 1, 8), (8, 1), (4, 4, 3), (2, 10**9, 1)])
    def test_skipped_and_out_of_order_epochs_are_answered(self, epochs: tuple[int, ...]) -> None:
        policy = self.peers()
        for epoch in epochs:
            check_decision(policy.on_report("a", self.report(epoch, 0.3)), epoch)

    @pytest.mark.parametrize("late", [0, 1, 10**6])
    def test_a_fully_trained_trial_ends_and_was_not_pruned(self, late: int) -> None:
        decision = self.peers().on_report("a", self.report(self.max_t + late, 0.0))
        check_decision(decision, self.max_t + late)
        assert decision.action is Action.STOP
        assert not decision.pruned
        assert not decision.failed

    def test_a_lone_first_report_stops_nobody(self) -> None:
        for value in (-1e9, 0.0, 1e9):
            decision = self.make_policy().on_report("a", self.report(1, value))
            assert decision.action is not Action.STOP

    @pytest.mark.parametrize("seed", SEEDS)
    def test_two_policies_decide_alike(self, seed: int) -> None:
        one, other = self.make_policy(), self.make_policy()
        for event in random_history(seed):
            assert tell(one, event, self.report) == tell(other, event, self.report)
        assert as_json(one) == as_json(other)

    @pytest.mark.parametrize("seed", SEEDS)
    def test_the_order_of_the_numbers_in_a_report_does_not_matter(self, seed: int) -> None:
        def numbers(epoch: int, value: float) -> list[tuple[str, float]]:
            return [*self.report(epoch, value).metrics.items(), ("no signal", 0.5)]

        one, other = self.make_policy(), self.make_policy()
        for event in random_history(seed):
            forth = tell(one, event, lambda t, v: Report(t, dict(numbers(t, v))))
            back = tell(other, event, lambda t, v: Report(t, dict(reversed(numbers(t, v)))))
            assert forth == back

    @pytest.mark.parametrize("seed", SEEDS)
    def test_only_the_signals_in_a_report_matter(self, seed: int) -> None:
        def fuller_report(epoch: int, value: float) -> Report:
            report = self.report(epoch, value)
            return Report(epoch, {**report.metrics, "no signal": float("nan"), "another": 1 - value}, 3.0)

        one, other = self.make_policy(), self.make_policy()
        for event in random_history(seed):
            assert tell(one, event, self.report) == tell(other, event, fuller_report)

    def test_numbers_of_numpy_and_whole_numbers_are_numbers(self) -> None:
        answers = []
        for number in (float, np.float64, int):
            policy = self.make_policy()
            reports = [self.report(epoch, number(k % 2)) for epoch in (1, 2) for k in range(6)]
            answers.append([policy.on_report(f"t{i % 6}", r) for i, r in enumerate(reports)])
            as_json(policy)
        assert answers[0] == answers[1] == answers[2]

    def test_where_smaller_is_better_the_decisions_are_mirrored(self) -> None:
        larger, smaller = self.make_policy(), self.make_min_policy()
        curves = _curves(12, self.max_t, seed=0)
        mirrored = {trial_id: [-value for value in curve] for trial_id, curve in curves.items()}
        one = Simulation(larger, curves, self.report).run()
        other = Simulation(smaller, mirrored, self.report).run()
        assert _actions(one) == _actions(other)


def _curves(trials: int, epochs: int, seed: int) -> dict[str, list[float]]:
    """Return curves that rise and cross; all values differ."""
    rng = np.random.default_rng(seed)
    ends, rates = rng.uniform(0.2, 1, trials), rng.uniform(0.1, 1, trials)
    steps = np.arange(1, epochs + 1)
    return {f"t{k}": list(map(float, ends[k] * (1 - np.exp(-rates[k] * steps)))) for k in range(trials)}


def _actions(simulation: Simulation) -> dict[str, list[Action]]:
    return {trial_id: [d.action for d in ds] for trial_id, ds in simulation.decisions.items()}
