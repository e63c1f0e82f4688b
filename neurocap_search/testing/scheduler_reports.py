"""Properties of a scheduler's answers to reports."""
# ruff: noqa: S101 – asserting is what these methods are for

import copy
import math

import numpy as np
from ray.tune.experiment import Trial
from ray.tune.schedulers import TrialScheduler

from neurocap_search.testing.mock_controller import MockController
from neurocap_search.testing.scheduler_case import (
    MAX_T,
    STOP,
    Reported,
    SchedulerCase,
    caught_warnings,
    check_same,
    decide,
    play,
    stream,
)
from neurocap_search.testing.scheduler_contract import stub_trial

_DIVERGED = (math.nan, math.inf, -math.inf)


class ReportProperties(SchedulerCase):
    """Every report gets a usable answer, whatever it holds."""

    def test_it_is_a_trial_scheduler(self) -> None:
        """Ray refuses anything else."""
        assert isinstance(self.make_scheduler(), TrialScheduler), (
            "not a subclass of ray.tune.schedulers.TrialScheduler"
        )

    def test_metric_and_mode_come_from_one_place(self) -> None:
        """Ray tells the user of a contradiction if set_search_properties returns False."""
        own = self.make_scheduler()
        assert own.set_search_properties(None, None, num_samples=1), "its own metric and mode are enough"
        assert own.metric == "value", f"metric is {own.metric!r}, Ray checks each result for it"
        for metric, mode in (("value", "max"), ("value", None), (None, "max")):
            accepted = self.make_scheduler().set_search_properties(metric, mode)
            assert not accepted, f"({metric!r}, {mode!r}) was accepted beside its own metric and mode"

    def test_metric_and_mode_of_the_tune_config_count(self) -> None:
        """A scheduler made without them takes them from tune.TuneConfig."""
        given = self.make_scheduler(metric=None, mode=None)
        assert given.set_search_properties("value", "min"), "refused though it has none of its own"
        assert given.metric == "value", f"metric is {given.metric!r} after it was set to 'value'"
        own = decide(self.make_scheduler(mode="min"), stream())
        check_same(decide(given, stream()), own, "metric and mode from the TuneConfig")

    def test_mode_min_mirrors_mode_max(self) -> None:
        """A loss is treated as the negated accuracy."""
        mirrored = [r._replace(value=-r.value) for r in stream()]
        plain = decide(self.make_scheduler(), stream())
        check_same(decide(self.make_scheduler(mode="min"), mirrored), plain, "mode min, negated values")

    def test_the_same_calls_give_the_same_answers(self) -> None:
        """Whoever repeats an experiment wants the same one."""
        for seed in range(2):
            first, second = (decide(self.make_scheduler(), stream(seed=seed)) for _ in range(2))
            check_same(second, first, "the second time")

    def test_a_trial_it_never_met_is_answered(self) -> None:
        """After a restore without state the scheduler knows nobody."""
        controller = MockController(self.make_scheduler())
        for metrics in (
            {"epoch": 1, "value": 0.5},
            {"epoch": 4, "value": 0.5},
            {"epoch": MAX_T, "value": 0.5},
        ):
            controller.result(stub_trial("unknown"), metrics)

    def test_a_metric_of_a_wrong_type_is_answered(self) -> None:
        """One trial's faulty report must not end the whole experiment."""
        for value in (None, "high", [0.5], {"mean": 0.5}):
            MockController(self.make_scheduler()).report("a", {"epoch": 1, "value": value})

    def test_a_missing_metric_is_warned_of_once(self) -> None:
        """Else nothing is pruned and nobody knows why."""
        answers, messages = self._without("value", {"epoch": 1, "accuracy": 0.5})
        assert answers == ["CONTINUE"] * 4, f"nothing can be judged, answered {answers}"
        named = [text for text in messages if "'value'" in text or "value " in text]
        assert len(named) == 1, f"expected one warning that names the metric 'value', logged: {messages}"
        assert "accuracy" in named[0], f"the warning does not name the reported keys: {named[0]}"

    def test_a_missing_time_attr_is_warned_of_once(self) -> None:
        """Else nothing is pruned and nobody knows why."""
        answers, messages = self._without("epoch", {"step": 1, "value": 0.5})
        assert answers == ["CONTINUE"] * 4, f"nothing can be judged, answered {answers}"
        named = [text for text in messages if "epoch" in text]
        assert len(named) == 1, f"expected one warning that names the time_attr 'epoch', logged: {messages}"
        assert "step" in named[0], f"the warning does not name the reported keys: {named[0]}"

    def test_a_diverged_trial_is_stopped(self) -> None:
        """A trial whose metric is nan or infinite only wastes its worker."""
        for value in _DIVERGED:
            for epoch in (1, 2, 5):
                answers = decide(self.make_scheduler(), [Reported("a", epoch, value)])
                assert answers == [STOP], f"value {value} at epoch {epoch} was answered {answers[0]}"

    def test_a_diverged_trial_changes_nothing_for_the_others(self) -> None:
        """An infinite cut-off would stop everybody, one of nan nobody: it counts as one that failed."""
        controller = MockController(self.make_scheduler())
        failed = play(controller, stream()[:5])
        controller.add(stub_trial("sick"))
        controller.trial("sick").set_status(Trial.RUNNING)
        controller.fail(controller.trial("sick"), tried_again=False)
        failed += play(controller, stream()[5:])
        for value in _DIVERGED:
            controller = MockController(self.make_scheduler())
            answers = play(controller, stream()[:5])
            play(controller, [Reported("sick", epoch, value) for epoch in (1, 3, 9)])
            answers += play(controller, stream()[5:])
            check_same(answers, failed, f"beside a trial with value {value}")

    def test_a_repeated_report_changes_nothing(self) -> None:
        """Ray repeats results after some failures, when others have reported since."""
        plain = decide(self.make_scheduler(), stream())
        controller = MockController(self.make_scheduler())
        answers: list[str] = []
        continued: dict[str, Reported] = {}
        for report in stream():
            answers += play(controller, [report])
            continued.pop(report.trial_id, None)
            if answers[-1] == "CONTINUE":
                continued[report.trial_id] = report
            for known in continued.values():
                assert play(controller, [known]) != [STOP], (
                    f"{known} was continued, and stopped on repetition"
                )
        check_same(answers, plain, "each report repeated")

    def test_skipped_and_disordered_epochs_are_answered(self) -> None:
        """Trainables report seldom, and go back to a checkpoint after a failure."""
        for epochs in ((1, 5, 9), (4, 2, 3), (7, 1, 8), (2, 2, 1)):
            play(MockController(self.make_scheduler()), [Reported("a", epoch, 0.5) for epoch in epochs])

    def test_huge_and_negative_epochs_are_answered(self) -> None:
        """A trial before its first epoch is not judged."""
        for epoch in (0, -1, -(10**9)):
            answers = decide(self.make_scheduler(), [Reported("a", epoch, 0.5)])
            assert answers != [STOP], f"stopped at epoch {epoch}"
        decide(self.make_scheduler(), [Reported("a", 10**12, 0.5)])

    def test_it_ends_trials_at_max_t(self) -> None:
        """At max_t and beyond a trial has had its whole budget."""
        for epoch in (MAX_T, MAX_T + 1, 10**12):
            answers = decide(self.make_scheduler(), [Reported("a", epoch, 0.5)])
            assert answers == [STOP], f"epoch {epoch} of {MAX_T} was answered {answers[0]}"

    def test_nobody_is_stopped_before_the_grace_period(self) -> None:
        """However bad it is."""
        controller = MockController(self.make_scheduler(grace_period=3))
        reports = [Reported(f"t{i}", epoch, -float(i)) for i in range(6) for epoch in (1, 2)]
        assert STOP not in play(controller, reports), "stopped at epoch 1 or 2 of a grace period of 3"
        assert "TERMINATED" not in {trial.status for trial in controller.get_trials()}, "a trial was ended"

    def test_two_equal_trials_are_both_kept(self) -> None:
        """Neither is worse than the other."""
        reports = [Reported(name, epoch, 0.5) for epoch in range(1, MAX_T) for name in "ab"]
        assert STOP not in decide(self.make_scheduler(), reports), "one of two equal trials was stopped"

    def test_any_kind_of_number_counts(self) -> None:
        """Metrics come from numpy as often as from Python."""
        whole = [r._replace(value=float(round(8 * r.value))) for r in stream()]
        plain = decide(self.make_scheduler(), whole)
        for kind in (int, np.float32, np.float64, np.int64):
            numbers = [r._replace(value=kind(r.value)) for r in whole]  # type: ignore[arg-type]
            check_same(decide(self.make_scheduler(), numbers), plain, f"{kind.__name__} values")
        epochs = [r._replace(epoch=np.int64(r.epoch)) for r in whole]  # type: ignore[arg-type]
        check_same(decide(self.make_scheduler(), epochs), plain, "np.int64 epochs")

    def test_results_are_not_changed(self) -> None:
        """Ray hands the same dict to the searcher afterwards."""
        scheduler, trial = self.make_scheduler(), stub_trial("a")
        controller = MockController(scheduler)
        controller.add(trial)
        for hook in (scheduler.on_trial_result, scheduler.on_trial_complete):
            given = {"epoch": 1, "value": 0.5, "config/lr": 0.1, "nested": [1]}
            kept = copy.deepcopy(given)
            hook(controller.shown, trial, given)
            assert given == kept, f"{hook.__name__} changed the result"

    def _without(self, key: str, result: dict[str, float]) -> tuple[list[str], list[str]]:
        """Return answers and warnings for reports of two trials that lack ``key``."""
        assert key not in result
        with caught_warnings() as messages:
            controller = MockController(self.make_scheduler())
            answers = [controller.report(trial_id, result) for trial_id in "abab"]
        return answers, messages
