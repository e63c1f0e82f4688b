"""The suite passes what is right, and each of its properties fails a scheduler that lacks it."""

import math
import random
import threading

import pytest
from ray.tune.experiment import Trial

from neurocap_search.testing.scheduler_contract import ContractError
from neurocap_search.testing.schedulers import SchedulerConformance, failing_properties, property_names
from tests.testing.example_schedulers import Halving, Promotion


def suite_of(scheduler):
    """The suite over a class of schedulers."""

    class Suite(SchedulerConformance):
        def make_scheduler(self, *, metric="value", mode="max", grace_period=1):
            return scheduler(metric, mode, grace_period)

    return Suite()


class TestHalving(SchedulerConformance):
    def make_scheduler(self, *, metric="value", mode="max", grace_period=1):
        return Halving(metric, mode, grace_period)


class TestPromotion(SchedulerConformance):
    def make_scheduler(self, *, metric="value", mode="max", grace_period=1):
        return Promotion(metric, mode, grace_period)


# Schedulers with one fault each ----------------------------------------------------------------------


class NoScheduler:
    def __init__(self, *settings):
        pass


class TakesMetricTwice(Halving):
    def set_search_properties(self, metric, mode, **spec):
        super().set_search_properties(metric, mode)
        return True


class IgnoresTheTuneConfig(Halving):
    def set_search_properties(self, metric, mode, **spec):
        accepted = super().set_search_properties(metric, mode)
        self._mode = "max"
        return accepted


class IgnoresTheMode(Halving):
    def judge(self, trial, epoch, score):
        return super().judge(trial, epoch, score if self._mode == "max" else -score)


class DecidesByChance(Halving):
    def judge(self, trial, epoch, score):
        return random.choice(["STOP", "CONTINUE"])


class KnowsOnlyAddedTrials(Halving):
    def __init__(self, *settings):
        super().__init__(*settings)
        self.added = {}

    def on_trial_add(self, tune_controller, trial):
        super().on_trial_add(tune_controller, trial)
        self.added[trial.trial_id] = trial

    def on_trial_result(self, tune_controller, trial, result):
        _ = self.added[trial.trial_id]
        return super().on_trial_result(tune_controller, trial, result)

    def on_trial_error(self, tune_controller, trial):
        _ = self.added[trial.trial_id]


class RaisesOnText(Halving):
    def on_trial_result(self, tune_controller, trial, result):
        _ = result.get("value", 0) * 1.0
        return super().on_trial_result(tune_controller, trial, result)


class RaisesWithoutMetric(Halving):
    def warn(self, key, result):
        raise KeyError(key)


class NeverWarns(Halving):
    def warn(self, key, result):
        pass


class AlwaysWarns(Halving):
    def warn(self, key, result):
        self.warned = set()
        super().warn(key, result)


class WarnsWithoutKeys(Halving):
    def warn(self, key, result):
        super().warn(key, ["secret"])


class KeepsDivergedTrials(Halving):
    def on_trial_result(self, tune_controller, trial, result):
        if not math.isfinite(result.get("value", 0) or 0):
            return "CONTINUE"
        return super().on_trial_result(tune_controller, trial, result)


class RecordsDivergedTrials(Halving):
    def on_trial_result(self, tune_controller, trial, result):
        answer = super().on_trial_result(tune_controller, trial, result)
        value = result.get("value")
        if isinstance(value, float) and not math.isfinite(value):
            self.scores["1"][trial.trial_id] = math.inf
        return answer


class JudgesRepeatedReports(Halving):
    def judge(self, trial, epoch, score):
        self.scores["1"].pop(trial.trial_id, None)
        return super().judge(trial, epoch, score)


class WantsOrder(Halving):
    def judge(self, trial, epoch, score):
        assert trial.last_result.get("epoch", 0) <= epoch
        return super().judge(trial, epoch, score)


class ReturnsNoneBetweenRungs(Halving):
    def judge(self, trial, epoch, score):
        return super().judge(trial, epoch, score) if epoch in (1, 3) else None


class ReturnsAnUnknownWord(Halving):
    def judge(self, trial, epoch, score):
        return super().judge(trial, epoch, score).lower()


class ReturnsNoop(Halving):
    def judge(self, trial, epoch, score):
        return "NOOP"


class StopsBeforeTheFirstEpoch(Halving):
    def judge(self, trial, epoch, score):
        return super().judge(trial, epoch, score) if epoch > 0 else "STOP"


class HasNoEnd(Halving):
    def on_trial_result(self, tune_controller, trial, result):
        answer = super().on_trial_result(tune_controller, trial, result)
        return "CONTINUE" if result.get("epoch", 0) >= 9 else answer


class EndsTooEarly(Halving):
    def judge(self, trial, epoch, score):
        return "STOP" if epoch >= 6 else super().judge(trial, epoch, score)


class HasNoGrace(Halving):
    def __init__(self, metric, mode, grace_period):
        super().__init__(metric, mode, 1)


class PunishesTies(Halving):
    def judge(self, trial, epoch, score):
        known = score in self.scores["1"].values() and trial.trial_id not in self.scores["1"]
        return "STOP" if known else super().judge(trial, epoch, score)


class KnowsOnlyPythonFloats(Halving):
    def on_trial_result(self, tune_controller, trial, result):
        if type(result.get("value", 0.0)) is not float:
            return "CONTINUE"
        return super().on_trial_result(tune_controller, trial, result)


class ChangesResults(Halving):
    def on_trial_result(self, tune_controller, trial, result):
        answer = super().on_trial_result(tune_controller, trial, result)
        result["judged"] = answer
        return answer


class ForgetsWhenAddedAgain(Halving):
    def on_trial_add(self, tune_controller, trial):
        super().on_trial_add(tune_controller, trial)
        for scores in self.scores.values():
            scores.pop(trial.trial_id, None)


class RaisesOnFinalErrors(Halving):
    def on_trial_error(self, tune_controller, trial):
        if trial.status != Trial.ERROR:
            raise RuntimeError("unexpected error")


class ChoosesRemovedTrials(Halving):
    def on_trial_remove(self, tune_controller, trial):
        pass

    def choose_trial_to_run(self, tune_controller):
        return next(iter(self.waiting.values()), None)


class EndsOnce(Halving):
    def __init__(self, *settings):
        super().__init__(*settings)
        self.ended = set()

    def on_trial_complete(self, tune_controller, trial, result):
        if trial.trial_id in self.ended:
            raise KeyError(trial.trial_id)
        self.ended.add(trial.trial_id)


class RefusesLateReports(EndsOnce):
    def on_trial_result(self, tune_controller, trial, result):
        if trial.trial_id in self.ended:
            raise KeyError(trial.trial_id)
        return super().on_trial_result(tune_controller, trial, result)


class WantsALastResult(Halving):
    def on_trial_complete(self, tune_controller, trial, result):
        _ = result["epoch"], result["value"]


class ChoosesByChance(Halving):
    def choose_trial_to_run(self, tune_controller):
        return random.choice([None, super().choose_trial_to_run(tune_controller)])


class TakesWhatItChooses(Halving):
    def choose_trial_to_run(self, tune_controller):
        chosen = super().choose_trial_to_run(tune_controller)
        self.waiting.clear()
        return chosen


class LooksAtAllTrials(Halving):
    def choose_trial_to_run(self, tune_controller):
        return next((t for t in tune_controller.get_trials() if t.status == Trial.PENDING), None)


class CannotPrintNoScores(Halving):
    def debug_string(self):
        return "best " + ", ".join(max(scores) for scores in self.scores.values())


class CannotPrintScores(Halving):
    def debug_string(self):
        return "scores " + ", ".join(name for scores in self.scores.values() for name in scores.values())


class HoldsALock(Halving):
    def __init__(self, *settings):
        super().__init__(*settings)
        self.lock = threading.Lock()


class HoldsALockOnceUsed(Halving):
    def judge(self, trial, epoch, score):
        self.lock = threading.Lock()
        return super().judge(trial, epoch, score)


class KnowsTrialsByObject(Halving):
    def judge(self, trial, epoch, score):
        return super().judge(_ByObject(trial), epoch, score)


class _ByObject:
    def __init__(self, trial):
        self.trial_id = trial


class SavesNothing(Halving):
    def restore(self, checkpoint_path):
        pass


class RestoresHalf(Halving):
    def restore(self, checkpoint_path):
        super().restore(checkpoint_path)
        del self.scores["3"]


class SharesItsState(Halving):
    saved = None

    def save(self, checkpoint_path):
        SharesItsState.saved = self.scores

    def restore(self, checkpoint_path):
        self.scores = self.saved


class NeverResumes(Promotion):
    def promotable(self):
        return None

    def choose_trial_to_run(self, tune_controller):
        return Halving.choose_trial_to_run(self, tune_controller)


class RaisesOnRetries(Halving):
    def on_trial_error(self, tune_controller, trial):
        if trial.status == Trial.ERROR:
            raise RuntimeError("the docstring says RUNNING")


class RemembersRemovedTrials(Promotion):
    def on_trial_remove(self, tune_controller, trial):
        if trial.status != Trial.PAUSED:
            super().on_trial_remove(tune_controller, trial)


class WaitsForAllReports(Promotion):
    def on_trial_complete(self, tune_controller, trial, result):
        if "epoch" in result:
            super().on_trial_complete(tune_controller, trial, result)


class PromotesTheWorst(Promotion):
    def promotable(self):
        for rung in reversed(self.rungs):
            scores = self.scores[str(rung)]
            for name in sorted(scores, key=scores.get):
                if self.paused_at.get(name) == rung and len(scores) >= 3:
                    return self.trials[name]
        return None


class StumblesOverKnownEpochs(Halving):
    """After a restore trials report later epochs first."""

    def judge(self, trial, epoch, score):
        if epoch > 1 and not self.scores["1"]:
            raise KeyError(trial.trial_id)
        return super().judge(trial, epoch, score)


BROKEN = {
    "test_a_diverged_trial_changes_nothing_for_the_others": [RecordsDivergedTrials],
    "test_a_diverged_trial_is_stopped": [KeepsDivergedTrials],
    "test_a_metric_of_a_wrong_type_is_answered": [RaisesOnText],
    "test_a_missing_metric_is_warned_of_once": [
        RaisesWithoutMetric,
        NeverWarns,
        AlwaysWarns,
        WarnsWithoutKeys,
    ],
    "test_a_missing_time_attr_is_warned_of_once": [
        RaisesWithoutMetric,
        NeverWarns,
        AlwaysWarns,
        WarnsWithoutKeys,
    ],
    "test_a_repeated_report_changes_nothing": [JudgesRepeatedReports],
    "test_a_report_after_the_end_is_answered": [RefusesLateReports],
    "test_a_restored_experiment_ends": [StumblesOverKnownEpochs],
    "test_a_saved_state_gives_the_same_later_answers": [SavesNothing, SharesItsState],
    "test_a_second_end_is_survived": [EndsOnce],
    "test_a_trial_it_never_met_is_answered": [KnowsOnlyAddedTrials],
    "test_a_trial_that_failed_for_good_is_let_go": [RaisesOnFinalErrors],
    "test_a_trial_that_is_tried_again_keeps_what_was_decided": [ForgetsWhenAddedAgain],
    "test_a_trial_that_never_ran_can_be_removed": [ChoosesRemovedTrials],
    "test_adding_a_trial_again_changes_nothing": [ForgetsWhenAddedAgain],
    "test_an_end_without_a_result_is_survived": [WantsALastResult],
    "test_an_experiment_ends_and_nobody_is_left_paused": [NeverResumes],
    "test_an_experiment_ends_though_paused_trials_were_removed": [RemembersRemovedTrials],
    "test_an_experiment_of_trials_that_return_early_ends": [WaitsForAllReports],
    "test_an_experiment_restored_with_its_state_ends": [RestoresHalf],
    "test_an_experiment_with_failures_ends": [NeverResumes, RaisesOnRetries],
    "test_any_kind_of_number_counts": [KnowsOnlyPythonFloats],
    "test_choosing_a_trial_changes_nothing": [ChoosesByChance, TakesWhatItChooses],
    "test_choosing_a_trial_does_not_look_at_those_that_have_ended": [LooksAtAllTrials],
    "test_huge_and_negative_epochs_are_answered": [StopsBeforeTheFirstEpoch],
    "test_it_can_be_pickled_before_and_after_use": [HoldsALock, HoldsALockOnceUsed],
    "test_it_ends_trials_at_max_t": [HasNoEnd],
    "test_it_is_a_trial_scheduler": [NoScheduler],
    "test_metric_and_mode_come_from_one_place": [TakesMetricTwice],
    "test_metric_and_mode_of_the_tune_config_count": [IgnoresTheTuneConfig],
    "test_mode_min_mirrors_mode_max": [IgnoresTheMode],
    "test_nobody_is_stopped_before_the_grace_period": [HasNoGrace],
    "test_results_are_not_changed": [ChangesResults],
    "test_skipped_and_disordered_epochs_are_answered": [
        WantsOrder,
        ReturnsNoneBetweenRungs,
        ReturnsAnUnknownWord,
        ReturnsNoop,
    ],
    "test_somebody_is_fully_trained_and_nobody_beyond": [HasNoEnd, EndsTooEarly],
    "test_the_best_paused_trial_goes_on_first": [PromotesTheWorst],
    "test_the_debug_string_is_always_there": [CannotPrintNoScores, CannotPrintScores],
    "test_the_end_of_a_trial_it_never_met_is_survived": [KnowsOnlyAddedTrials],
    "test_the_same_calls_give_the_same_answers": [DecidesByChance],
    "test_trials_are_known_by_their_id": [KnowsTrialsByObject],
    "test_two_equal_trials_are_both_kept": [PunishesTies],
}


def test_every_property_has_a_scheduler_that_lacks_it():
    assert sorted(BROKEN) == property_names()
    assert all(BROKEN.values())


@pytest.mark.parametrize(("name", "broken"), [(n, b) for n, classes in BROKEN.items() for b in classes])
def test_a_faulty_scheduler_fails_the_matching_property(name, broken):
    random.seed(0)
    with pytest.raises((AssertionError, TypeError)):
        getattr(suite_of(broken), name)()


def test_a_property_can_be_switched_off():
    class Suite(SchedulerConformance):
        test_it_ends_trials_at_max_t = None

        def make_scheduler(self, *, metric="value", mode="max", grace_period=1):
            return HasNoEnd(metric, mode, grace_period)

    assert list(failing_properties(Suite())) == ["test_somebody_is_fully_trained_and_nobody_beyond"]


def test_what_is_right_lacks_nothing():
    assert failing_properties(suite_of(Halving)) == failing_properties(suite_of(Promotion)) == {}


def test_a_broken_contract_says_what_ray_does_and_what_to_do():
    with pytest.raises(ContractError) as raised:
        suite_of(ReturnsNoneBetweenRungs).test_skipped_and_disordered_epochs_are_answered()
    assert str(raised.value) == (
        "on_trial_result returned None: Ray never schedules the trial again after None and ends the "
        "experiment on an unknown value. Return one of CONTINUE, PAUSE, STOP, NOOP."
    )
