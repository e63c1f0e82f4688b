"""What a policy remembers: versioned JSON that loses nothing."""
# ruff: noqa: S101, D102 – asserting is what these methods are for, and their names are the rules

import json

import pytest

from neurocap_search.pruning import FullTrainingPolicy
from neurocap_search.testing.policy_case import PolicyCase, as_json
from neurocap_search.testing.policy_history import random_history, tell


class StateProperties(PolicyCase):
    """Properties of ``state_dict`` and ``load_state_dict``."""

    @pytest.mark.parametrize("seed", range(2))
    def test_the_state_is_strict_json_with_kind_and_version(self, seed: int) -> None:
        policy = self.make_policy()
        for event in random_history(seed):
            tell(policy, event, self.report)
            state = json.loads(json.dumps(policy.state_dict(), allow_nan=False))
            assert isinstance(state["version"], int)
            assert isinstance(state["policy"], str)

    @pytest.mark.parametrize(("seed", "every"), [(0, 1), (1, 2), (2, 7), (3, 3)])
    def test_saving_and_loading_at_any_point_changes_no_decision(self, seed: int, every: int) -> None:
        policy, steady = self.make_policy(), self.make_policy()
        for step, event in enumerate(random_history(seed)):
            if step % every == 0:
                policy = self.saved_and_loaded(policy)
            assert tell(policy, event, self.report) == tell(steady, event, self.report), f"step {step}"
            assert policy.resumable() == steady.resumable(), f"step {step}"
            assert policy.surplus() == steady.surplus(), f"step {step}"

    @pytest.mark.parametrize("seed", range(2))
    def test_a_loaded_state_is_saved_as_it_was(self, seed: int) -> None:
        policy = self.make_policy()
        for event in random_history(seed):
            tell(policy, event, self.report)
        assert as_json(self.saved_and_loaded(policy)) == as_json(policy)

    def test_loading_replaces_what_was_there(self) -> None:
        policy, empty = self.make_policy(), as_json(self.make_policy())
        for event in random_history(0):
            tell(policy, event, self.report)
        policy.load_state_dict(empty)
        assert as_json(policy) == empty

    def test_a_saved_state_does_not_change_with_the_policy(self) -> None:
        policy = self.make_policy()
        history = random_history(1)
        for event in history[:70]:
            tell(policy, event, self.report)
        state = policy.state_dict()
        frozen = json.dumps(state)
        for event in history[70:]:
            tell(policy, event, self.report)
        assert json.dumps(state) == frozen

    def test_a_loaded_state_does_not_change_with_the_policy(self) -> None:
        policy = self.make_policy()
        history = random_history(2)
        for event in history[:70]:
            tell(policy, event, self.report)
        state = as_json(policy)
        frozen = json.dumps(state)
        policy.load_state_dict(state)
        for event in history[70:]:
            tell(policy, event, self.report)
        assert json.dumps(state) == frozen

    @pytest.mark.parametrize("wrong", [{"policy": "somebody's else"}, {"version": -1}, {"version": "1"}])
    def test_a_state_of_another_kind_or_version_is_refused(self, wrong: dict[str, object]) -> None:
        policy = self.make_policy()
        before = as_json(policy)
        with pytest.raises(ValueError, match=r".+"):
            policy.load_state_dict({**before, **wrong})
        assert as_json(policy) == before, "a refused state has changed the policy"

    def test_a_state_of_another_policy_is_refused(self) -> None:
        policy, other = self.make_policy(), FullTrainingPolicy(max_t=self.max_t + 1)
        with pytest.raises(ValueError, match=r".+"):
            policy.load_state_dict(other.state_dict())
