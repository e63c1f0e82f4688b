"""Properties of a scheduler over the life of trials: added, failed, tried again, ended, saved."""
# ruff: noqa: S101 – asserting is what these methods are for

import tempfile
from pathlib import Path

from ray import cloudpickle
from ray.tune.experiment import Trial

from neurocap_search.testing.mock_controller import MockController
from neurocap_search.testing.scheduler_case import (
    STOP,
    Reported,
    SchedulerCase,
    check_same,
    decide,
    play,
    stream,
)
from neurocap_search.testing.scheduler_contract import stub_trial

_MANY = 5_000


class TrialProperties(SchedulerCase):
    """Trials come back, end twice and outlive the driver."""

    def test_adding_a_trial_again_changes_nothing(self) -> None:
        """Ray adds a trial again after each failure and, on a restore, those that have ended too."""
        plain = decide(self.make_scheduler(), stream())
        controller = MockController(self.make_scheduler())
        answers = []
        for report in stream():
            answers += play(controller, [report])
            for trial in controller.get_trials():
                if trial.status != Trial.PAUSED:  # Ray adds no paused ones
                    controller.call("on_trial_add", controller.shown, trial)
        check_same(answers, plain, "each trial added again after each report")

    def test_a_trial_that_is_tried_again_keeps_what_was_decided(self) -> None:
        """It has the same id, and may begin anew at epoch 1."""
        controller = MockController(self.make_scheduler())
        early = [Reported("early", epoch, 0.1) for epoch in (1, 2)]
        first = play(controller, early)
        play(controller, [Reported(f"t{i}", 1, 0.5 + i / 10) for i in range(4)])
        trial = controller.trial("early")
        if trial.status == Trial.RUNNING:
            controller.fail(trial, tried_again=True)
            second = play(controller, early)
            assert STOP not in second, f"decided {first} at first and {second} after a failure"

    def test_a_trial_that_failed_for_good_is_let_go(self) -> None:
        """Whether it ever reported or not."""
        controller = MockController(self.make_scheduler())
        controller.report("a", {"epoch": 1, "value": 0.5})
        controller.add(stub_trial("b"))
        controller.trial("b").set_status(Trial.RUNNING)
        for name in "ab":
            if controller.trial(name).status == Trial.RUNNING:
                controller.fail(controller.trial(name), tried_again=False)
        play(controller, stream())

    def test_a_trial_that_never_ran_can_be_removed(self) -> None:
        """Ray removes waiting trials when an experiment is stopped."""
        controller = MockController(self.make_scheduler())
        controller.add(stub_trial("waiting"))
        controller.stop_trial(controller.trial("waiting"))
        assert controller.choose() is None, "a removed trial was chosen to run"
        play(controller, stream())

    def test_the_end_of_a_trial_it_never_met_is_survived(self) -> None:
        """After a restore without state the scheduler knows nobody."""
        controller = MockController(self.make_scheduler())
        controller.call("on_trial_error", controller, stub_trial("a"))
        controller.call("on_trial_remove", controller, stub_trial("b"))
        controller.call("on_trial_complete", controller, stub_trial("c"), {"epoch": 1, "value": 0.5})
        play(controller, stream())

    def test_a_second_end_is_survived(self) -> None:
        """An exception here makes Ray count a successful trial as failed."""
        controller = MockController(self.make_scheduler())
        last = {"epoch": 1, "value": 0.5}
        controller.report("a", last)
        for _ in range(2):
            controller.call("on_trial_complete", controller, controller.trial("a"), last)

    def test_a_report_after_the_end_is_answered(self) -> None:
        """Buffered results arrive late."""
        controller = MockController(self.make_scheduler())
        controller.report("a", {"epoch": 9, "value": 0.5})
        controller.stop_trial(controller.trial("a"))
        controller.result(controller.trial("a"), {"epoch": 9, "value": 0.5})

    def test_an_end_without_a_result_is_survived(self) -> None:
        """A trainable may return before its first report."""
        for last in ({}, {"trial_id": "a", "done": True}, {"epoch": 3}, {"value": 0.5}):
            controller = MockController(self.make_scheduler())
            controller.add(stub_trial("a"))
            controller.call("on_trial_complete", controller, controller.trial("a"), last)
            play(controller, stream())

    def test_choosing_a_trial_changes_nothing(self) -> None:
        """Ray asks at every step, far more often than it starts trials."""
        answers: dict[int, list[str]] = {}
        for times in (1, 3):
            controller = MockController(self.make_scheduler())
            for name in ("t0", "t1"):
                controller.add(stub_trial(name))
            answers[times] = []
            for report in stream():
                chosen = [controller.call("choose_trial_to_run", controller.shown) for _ in range(times)]
                assert chosen == chosen[:1] * times, f"it chose {chosen} though nothing had happened"
                answers[times] += play(controller, [report])
        check_same(answers[3], answers[1], "asked three times before each report")

    def test_choosing_a_trial_does_not_look_at_those_that_have_ended(self) -> None:
        """Ray asks twice a result: a walk over all trials makes experiments of thousands crawl."""
        controller = MockController(self.make_scheduler())
        for _ in range(_MANY):
            controller.add(_EndedTrial())
        controller.add(stub_trial("waiting"))
        for _ in range(2):  # the first may sort them out
            _EndedTrial.looks = 0
            chosen = controller.call("choose_trial_to_run", controller.shown)
        # Ray starts trials that wait for the first time even if they are not chosen.
        assert chosen in (None, controller.trial("waiting")), f"chose {chosen!r}, which has ended"
        assert _EndedTrial.looks < _MANY / 50, f"looked {_EndedTrial.looks} times at {_MANY} ended trials"

    def test_the_debug_string_is_always_there(self) -> None:
        """Ray prints it at every refresh."""
        controller = MockController(self.make_scheduler())
        assert isinstance(controller.call("debug_string"), str), "no text before the first trial"
        for report in stream():
            play(controller, [report])
            assert isinstance(controller.call("debug_string"), str), f"no text after {report}"

    def test_it_can_be_pickled_before_and_after_use(self) -> None:
        """Ray pickles the scheduler with the Tuner."""
        plain = decide(self.make_scheduler(), stream())
        copied = cloudpickle.loads(cloudpickle.dumps(self.make_scheduler()))
        check_same(decide(copied, stream()), plain, "after pickling")
        controller = MockController(self.make_scheduler())
        play(controller, stream())
        cloudpickle.loads(cloudpickle.dumps(controller.scheduler)).debug_string()

    def test_trials_are_known_by_their_id(self) -> None:
        """After a restore the same trials are other objects."""
        plain = decide(self.make_scheduler(), stream())
        for cut in (7, 21, 40):
            controller = MockController(self.make_scheduler())
            answers = play(controller, stream()[:cut])
            again = controller.restored(controller.scheduler, resume_paused=False)
            check_same(answers + play(again, stream()[cut:]), plain, f"other objects after {cut} reports")

    def test_a_saved_state_gives_the_same_later_answers(self) -> None:
        """Whenever it was saved; Ray itself restores no scheduler, so that callers must be able to."""
        plain = decide(self.make_scheduler(), stream())
        with tempfile.TemporaryDirectory() as folder:
            for cut in range(0, len(plain), 6):
                path = str(Path(folder) / f"state-{cut}")
                controller = MockController(self.make_scheduler())
                answers = play(controller, stream()[:cut])
                controller.scheduler.save(path)
                play(controller, stream(seed=1))  # what comes after the save must leave no trace
                controller = MockController(self.make_scheduler())
                play(controller, stream()[:cut])
                fresh = self.make_scheduler()
                fresh.restore(path)
                restored = controller.restored(fresh, resume_paused=False)
                check_same(answers + play(restored, stream()[cut:]), plain, f"saved after {cut} reports")


class _EndedTrial(Trial):  # type: ignore[misc]
    """A trial that has ended and counts how often it is looked at."""

    looks = 0

    def __init__(self) -> None:
        super().__init__("trainable", stub=True)
        self.status = Trial.TERMINATED

    def create_placement_group_factory(self) -> None:
        """Need no resources: making them would take most of the test's time."""

    def __getattribute__(self, name: str) -> object:
        _EndedTrial.looks += 1
        return super().__getattribute__(name)
