"""The memory of what was proposed."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.trial import TrialState

from neurocap_search.tune.duplicates import FirstTrial, ProposalMemory, canonical, told_again
from neurocap_search.tune.told import Seen, Told

configs = st.dictionaries(
    st.text(max_size=3),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
        max_leaves=6,
    ),
    max_size=4,
)


@given(configs)
def test_a_name_does_not_depend_on_the_order_of_keys(config) -> None:
    turned = dict(reversed(config.items()))
    assert canonical(turned) == canonical(config) is not None


@given(configs, configs)
def test_different_configurations_have_different_names(one, other) -> None:
    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert (canonical(one) == canonical(other)) is same


@given(st.lists(configs, max_size=8))
def test_the_first_trial_with_a_configuration_owns_it(proposed) -> None:
    memory, owners = ProposalMemory(), {}
    for number, config in enumerate(proposed):
        owner = owners.setdefault(json.dumps(config, sort_keys=True), str(number))
        assert memory.first(str(number), config).trial_id == owner
    assert len(memory) == len(owners)


def test_what_json_cannot_express_is_never_a_duplicate() -> None:
    memory = ProposalMemory()
    config = {"loss": object()}
    assert [memory.first(name, config).trial_id for name in "ab"] == ["a", "b"]
    memory.ended("a", Told(TrialState.FAIL))
    assert len(memory) == 0


def test_a_duplicate_is_told_what_the_first_was_told() -> None:
    memory = ProposalMemory()
    memory.first("a", {"x": 1})
    memory.ended("a", Told(TrialState.PRUNED, (), Seen(0.5, 3), {"neurocap:raw": 0.5}))
    again = told_again(memory.first("b", {"x": 1}))
    assert (again.state, again.seen) == (TrialState.PRUNED, Seen(0.5, 3))
    assert again.attributes == {"neurocap:raw": 0.5, "neurocap:duplicate_of": "a"}


def test_a_duplicate_of_a_running_trial_fails_and_says_why() -> None:
    again = told_again(FirstTrial("a"))
    assert again.state is TrialState.FAIL
    assert again.attributes == {
        "neurocap:duplicate_of": "a",
        "neurocap:reason": "proposed again while the first trial with this configuration runs",
    }


@pytest.mark.parametrize("name", ["b", "a"])
def test_a_renamed_trial_keeps_its_configuration(name: str) -> None:
    memory = ProposalMemory()
    memory.first("a", {"x": 1})
    memory.rename("a", name)
    memory.ended(name, Told(TrialState.COMPLETE, (0.5,)))
    known = memory.first("c", {"x": 1})
    assert (known.trial_id, known.told) == (name, Told(TrialState.COMPLETE, (0.5,)))
    memory.rename("unknown", "d")
