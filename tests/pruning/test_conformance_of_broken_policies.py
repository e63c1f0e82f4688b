"""The suite finds what it is there to find: broken policies fail the property that names the fault."""

import math
import subprocess
import sys

import pytest

import neurocap_search.testing
from neurocap_search.pruning import (
    Action,
    Decision,
    FullTrainingPolicy,
    IEpochPolicy,
    MedianPolicy,
    PromotionHalvingPolicy,
    SuccessiveHalvingPolicy,
)
from neurocap_search.testing import PolicyConformance


def suite_of(make):
    class Suite(PolicyConformance):
        def make_policy(self):
            return make()

    return Suite()


class Halving(SuccessiveHalvingPolicy):
    def __init__(self):
        super().__init__(metric="value", max_t=9, reduction_factor=3)


class Promotion(PromotionHalvingPolicy):
    def __init__(self):
        super().__init__(metric="value", max_t=9, reduction_factor=3)


class SaysNothing(Halving):
    def on_report(self, trial_id, report):
        return super().on_report(trial_id, report).with_reason("")


class SaysNoEpoch(Halving):
    def on_report(self, trial_id, report):
        return super().on_report(trial_id, report).with_reason("because")


class ReturnsNone(Halving):
    def on_report(self, trial_id, report):
        return None


class PrunesTheDiverged(Halving):
    def on_report(self, trial_id, report):
        if math.isnan(report.metrics["value"]):
            return Decision(Action.STOP, report.epoch, f"epoch {report.epoch}: nan", pruned=True)
        return super().on_report(trial_id, report)


class RemembersTheDiverged(MedianPolicy):
    """Counts everybody who reports, even a number that is none."""

    def __init__(self):
        super().__init__(metric="value", max_t=9)

    def on_report(self, trial_id, report):
        self.min_trials += 10 * math.isnan(report.metrics["value"])
        return super().on_report(trial_id, report)


class NeverEnds(FullTrainingPolicy):
    def __init__(self):
        super().__init__(max_t=10**9)


class PrunesWhatIsMissing(Halving):
    def on_report(self, trial_id, report):
        if "value" not in report.metrics:
            return Decision(Action.STOP, report.epoch, f"epoch {report.epoch}: missing", pruned=True)
        return super().on_report(trial_id, report)


class PrunesTheFirst(Halving):
    def on_report(self, trial_id, report):
        return Decision(Action.STOP, report.epoch, f"epoch {report.epoch}: no", pruned=True)


class LooksAtTheOrder(Halving):
    def on_report(self, trial_id, report):
        first = next(iter(report.metrics))
        return super().on_report(trial_id, report).with_reason(f"epoch {report.epoch}: {first}")


class LooksAtEverything(Halving):
    def on_report(self, trial_id, report):
        return super().on_report(trial_id, report).with_reason(f"epoch {report.epoch}: {len(report.metrics)}")


class Forgets(Halving):
    def load_state_dict(self, state):
        pass


class AcceptsAnything(Halving):
    def load_state_dict(self, state):
        super().load_state_dict(
            {**super().state_dict(), **state, "policy": "successive_halving", "version": 2}
        )


class SharesItsState(FullTrainingPolicy):
    def __init__(self):
        super().__init__(max_t=9)
        self.seen = []

    def on_report(self, trial_id, report):
        self.seen.append(trial_id)
        return super().on_report(trial_id, report)

    def state_dict(self):
        return {**super().state_dict(), "seen": self.seen}


class NoVersion(Halving):
    def state_dict(self):
        return {key: value for key, value in super().state_dict().items() if key != "version"}


class SavesNan(Halving):
    def state_dict(self):
        return {**super().state_dict(), "best": math.nan}


class AsksAndTells(Promotion):
    def resumable(self):
        offer = super().resumable()
        if offer is not None:
            self.on_resume(offer[0])
        return offer


class KeepsForEver(Promotion):
    def _leader(self):
        return None

    def surplus(self):
        return []


class GivesUpWhoRuns(IEpochPolicy):
    def __init__(self):
        super().__init__(metric="value", epochs=2, keep=1, max_t=9)

    def surplus(self):
        running = [(t, Decision(Action.STOP, 1, "epoch 1: no", pruned=True)) for t in self._roster.running]
        return running + super().surplus()


class ForgetsErrors(Promotion):
    def on_error(self, trial_id):
        pass


class CountsAdds(Halving):
    def __init__(self):
        super().__init__()
        self.adds = 0

    def on_add(self, trial_id):
        self.adds += 1

    def on_report(self, trial_id, report):
        return super().on_report(trial_id, report).with_reason(f"epoch {report.epoch}: {self.adds}")


class PausesSecretly(Promotion):
    pauses = False


@pytest.mark.parametrize(
    ("make", "check", "arguments"),
    [
        (SaysNothing, "every_report_is_answered_with_a_decision_and_its_reason", (0,)),
        (SaysNoEpoch, "every_report_is_answered_with_a_decision_and_its_reason", (0,)),
        (ReturnsNone, "a_trial_may_report_without_having_been_added", ()),
        (PrunesTheDiverged, "a_metric_that_is_not_finite_is_no_reason_to_prune", (math.nan,)),
        (RemembersTheDiverged, "a_diverged_trial_changes_nothing_for_the_others", (math.nan,)),
        (NeverEnds, "a_fully_trained_trial_ends_and_was_not_pruned", (0,)),
        (PrunesWhatIsMissing, "a_missing_metric_prunes_nobody", ({},)),
        (PrunesTheFirst, "a_lone_first_report_stops_nobody", ()),
        (LooksAtTheOrder, "the_order_of_the_numbers_in_a_report_does_not_matter", (0,)),
        (LooksAtEverything, "only_the_signals_in_a_report_matter", (0,)),
        (Forgets, "saving_and_loading_at_any_point_changes_no_decision", (0, 1)),
        (Forgets, "a_loaded_state_is_saved_as_it_was", (0,)),
        (AcceptsAnything, "a_state_of_another_kind_or_version_is_refused", ({"version": -1},)),
        (SharesItsState, "a_saved_state_does_not_change_with_the_policy", ()),
        (NoVersion, "the_state_is_strict_json_with_kind_and_version", (0,)),
        (SavesNan, "the_state_is_strict_json_with_kind_and_version", (0,)),
        (AsksAndTells, "asking_changes_nothing", ()),
        (KeepsForEver, "a_search_comes_to_an_end", (20, 2)),
        (KeepsForEver, "once_nothing_is_to_come_every_paused_trial_goes_on_or_is_given_up", ()),
        (GivesUpWhoRuns, "a_search_comes_to_an_end", (3, 2)),
        (ForgetsErrors, "a_trial_that_waits_no_longer_is_not_offered_again", ("on_error",)),
        (CountsAdds, "adding_a_trial_twice_changes_nothing", ()),
        (PausesSecretly, "a_policy_that_does_not_pause_neither_resumes_nor_gives_up", ()),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else None,
)
def test_a_broken_policy_fails_the_property_that_names_its_fault(make, check, arguments):
    with pytest.raises((AssertionError, KeyError, ValueError, pytest.fail.Exception)):
        getattr(suite_of(make), f"test_{check}")(*arguments)


def test_the_healthy_policies_pass_the_same_properties():
    suite_of(Halving).test_asking_changes_nothing()
    suite_of(Promotion).test_a_search_comes_to_an_end(20, 2)


def test_the_suite_says_what_to_implement():
    with pytest.raises(
        NotImplementedError, match=r"^Implement make_policy\(self\): it returns a fresh policy\.$"
    ):
        PolicyConformance().make_policy()


def test_the_suite_of_policies_needs_no_ray():
    code = (
        "import sys, neurocap_search.testing; sys.exit('ray' in sys.modules or 'hypothesis' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_unknown_name_of_the_package_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        neurocap_search.testing.nothing  # noqa: B018
