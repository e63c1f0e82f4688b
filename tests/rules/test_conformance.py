"""Other projects' rules and rules on other numbers pass the suite for policies."""

import pytest

from neurocap_search.prediction import Report
from neurocap_search.rules import RuleContext, make_rule
from neurocap_search.rules.oracle import OraclePolicy
from neurocap_search.testing import PolicyConformance
from neurocap_search.testing.policy_states import StateProperties


class Named(PolicyConformance):
    rule = ""

    def make(self, mode):
        return make_rule(self.rule).policy(RuleContext(metric="value", mode=mode, max_t=9))

    def make_policy(self):
        return self.make("max")

    def make_min_policy(self):
        return self.make("min")


class TestRayAsha(Named):
    rule = "ray_asha"


class TestRayAshaWithBrackets(Named):
    rule = "ray_asha:3"


class TestRayMedian(Named):
    rule = "ray_median"


class TestOptunaMedian(Named):
    rule = "optuna:MedianPruner"


class TestOptunaPercentile(Named):
    rule = "optuna:PercentilePruner:60"


class TestOptunaHalving(Named):
    rule = "optuna:SuccessiveHalvingPruner"


class TestOptunaHyperband(Named):
    rule = "optuna:HyperbandPruner"


class TestOptunaPatient(Named):
    rule = "optuna:PatientPruner"


class TestRunningMean(Named):
    rule = "halving:running_mean"


class TestDistanceOfBetaEff(PolicyConformance):
    """beta_eff is the number compared; its suite wants larger to be better, so it is told 10 - value."""

    metric = "beta_eff"

    def make_policy(self):
        return make_rule("halving:beta_eff").policy(RuleContext(metric="value", max_t=9))

    def report(self, epoch, value):
        return Report(epoch, {"beta_eff": value})


class TestOracle(StateProperties):
    def make_policy(self):
        return OraclePolicy("t3", max_t=9)


@pytest.mark.parametrize("name", ["ray_asha", "optuna:MedianPruner", "halving:running_mean"])
def test_a_state_is_loaded_only_into_the_same_rule(name):
    state = make_rule(name).policy(RuleContext(max_t=9)).state_dict()
    for other in (
        RuleContext(max_t=9, grace_period=2),
        RuleContext(max_t=9, mode="min"),
        RuleContext(max_t=8),
    ):
        with pytest.raises(ValueError, match="The state belongs to a policy with"):
            make_rule(name).policy(other).load_state_dict(state)
