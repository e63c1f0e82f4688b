"""The mock controller calls a scheduler as Ray's controller does, and refuses what Ray cannot use."""

import logging
import re
import tempfile
from pathlib import Path

import numpy as np
import pytest
import ray
from ray import tune
from ray.tune.experiment import Trial
from ray.tune.schedulers import ASHAScheduler, FIFOScheduler
from ray.tune.search.search_algorithm import SearchAlgorithm

from neurocap_search.testing.mock_controller import MockController
from neurocap_search.testing.mock_experiment import MockExperiment, TrialQueue
from neurocap_search.testing.scheduler_contract import ContractError, stub_trial
from tests.testing.example_schedulers import Halving, Promotion

SCRIPT = {
    "returns": {},
    "stopped": {2: "STOP"},
    "resumed": {1: "PAUSE"},
    "given up": {1: "PAUSE"},
    "retried": {},
    "failed": {},
    "silent": {},
}
"""What the scheduler answers to each trial, by epoch; CONTINUE otherwise."""


class Recording(FIFOScheduler):
    """Notes each call with what the trial looks like at that moment."""

    def __init__(self):
        super().__init__()
        self.calls = {name: [] for name in SCRIPT}

    def note(self, hook, trial, result=None):
        seen = (hook, trial.status, trial.last_result.get("epoch"), result and result.get("epoch"))
        self.calls[trial.config["name"]].append(seen)

    def on_trial_add(self, tune_controller, trial):
        self.note("add", trial)

    def on_trial_result(self, tune_controller, trial, result):
        assert result["config/name"] == trial.config["name"]
        assert result["trial_id"] == trial.trial_id
        self.note("result", trial, result)
        return SCRIPT[trial.config["name"]].get(result["epoch"], "CONTINUE")

    def on_trial_complete(self, tune_controller, trial, result):
        self.note("complete", trial, result)

    def on_trial_error(self, tune_controller, trial):
        self.note("error", trial)

    def on_trial_remove(self, tune_controller, trial):
        self.note("remove", trial)

    def choose_trial_to_run(self, tune_controller):
        waiting = [t for t in tune_controller.get_trials() if t.status in (Trial.PENDING, Trial.PAUSED)]
        for trial in waiting:
            if trial.config["name"] == "given up" and trial.status == Trial.PAUSED:
                tune_controller.stop_trial(trial)
        return next((trial for trial in waiting if trial.status in (Trial.PENDING, Trial.PAUSED)), None)


def train(config):
    """Three epochs with a checkpoint after each; some trials fail."""
    if config["name"] == "silent":
        return
    checkpoint = tune.get_checkpoint()
    done = int(Path(checkpoint.path, "epoch").read_text()) if checkpoint else 0
    for epoch in range(done + 1, 4):
        if config["name"] == "failed" or (config["name"] == "retried" and epoch == 2 and done == 0):
            raise RuntimeError("on purpose")
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "epoch").write_text(str(epoch))
            tune.report({"epoch": epoch}, checkpoint=tune.Checkpoint.from_directory(folder))


def mocked():
    """The same experiment on the mock controller."""
    scheduler = Recording()
    controller = MockController(scheduler)
    for name in SCRIPT:
        controller.add(stub_trial(name, {"name": name}))
        trial = controller.trial(name)
        trial.set_status(Trial.RUNNING)
        for epoch in () if name in ("silent", "failed") else (1, 2, 3):
            controller.report(name, {"epoch": epoch})
            if name == "retried" and epoch == 1:
                controller.fail(trial, tried_again=True)
        if name == "failed":
            controller.fail(trial, tried_again=True)
            controller.choose().set_status(Trial.RUNNING)
            controller.fail(trial, tried_again=False)
        elif trial.status == Trial.RUNNING:
            controller.end(trial)
    return scheduler


@pytest.fixture
def ray_here(monkeypatch):
    """A Ray of two workers on this machine."""
    for name, value in (("RAY_USAGE_STATS_ENABLED", "0"), ("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")):
        monkeypatch.setenv(name, value)
    ray.init(
        address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR
    )
    yield
    ray.shutdown()


# Against Ray -----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("ray_here")
def test_it_calls_a_scheduler_as_ray_does(tmp_path):
    scheduler = Recording()
    tune.Tuner(
        tune.with_resources(train, {"cpu": 1}),
        param_space={"name": tune.grid_search(list(SCRIPT))},
        tune_config=tune.TuneConfig(scheduler=scheduler, reuse_actors=True),
        run_config=tune.RunConfig(
            storage_path=str(tmp_path), verbose=0, failure_config=tune.FailureConfig(max_failures=1)
        ),
    ).fit()
    assert mocked().calls == scheduler.calls


# The contract ----------------------------------------------------------------------------------------


def answering(answer):
    """A scheduler that always answers the same."""

    class Fixed(FIFOScheduler):
        def on_trial_result(self, tune_controller, trial, result):
            return answer

    return Fixed()


@pytest.mark.parametrize("answer", [None, "continue", "", 1, True, ["STOP"]])
def test_an_answer_ray_cannot_use_is_refused(answer):
    with pytest.raises(
        ContractError, match=rf"^on_trial_result returned {re.escape(repr(answer))}: Ray never"
    ):
        MockController(answering(answer)).report("a", {"epoch": 1})


def test_noop_is_refused_while_the_trial_still_runs():
    with pytest.raises(ContractError, match="NOOP for a trial that still runs"):
        MockController(answering("NOOP")).report("a", {"epoch": 1})


@pytest.mark.parametrize(("how", "status"), [("pause_trial", Trial.PAUSED), ("stop_trial", Trial.TERMINATED)])
def test_noop_is_right_for_a_trial_the_scheduler_has_seen_to_itself(how, status):
    class Itself(FIFOScheduler):
        def on_trial_result(self, tune_controller, trial, result):
            getattr(tune_controller, how)(trial)
            return "NOOP"

    controller = MockController(Itself())
    assert controller.report("a", {"epoch": 1}) == "NOOP"
    assert controller.trial("a").status == status


@pytest.mark.parametrize("status", [Trial.RUNNING, Trial.TERMINATED, Trial.ERROR])
def test_choosing_a_trial_that_does_not_wait_is_refused(status):
    class Chooses(FIFOScheduler):
        def choose_trial_to_run(self, tune_controller):
            return tune_controller.get_trials()[0]

    controller = MockController(Chooses())
    controller.add(stub_trial("a"))
    controller.trial("a").set_status(status)
    with pytest.raises(ContractError, match=f"returned trainable_a with status {status}. Return a PENDING"):
        controller.choose()


def test_choosing_what_is_no_trial_is_refused():
    class Chooses(FIFOScheduler):
        def choose_trial_to_run(self, tune_controller):
            return "a"

    with pytest.raises(ContractError, match="returned 'a' with status None"):
        MockController(Chooses()).choose()


@pytest.mark.parametrize(
    "hook",
    [
        "on_trial_add",
        "choose_trial_to_run",
        "on_trial_result",
        "on_trial_complete",
        "on_trial_error",
        "on_trial_remove",
    ],
)
def test_an_exception_in_any_hook_is_refused(hook):
    scheduler = FIFOScheduler()
    controller = MockController(scheduler)

    def fails(*arguments):
        raise KeyError("on purpose")

    for name in "ab":
        controller.add(stub_trial(name))
    controller.trial("a").set_status(Trial.RUNNING)
    setattr(scheduler, hook, fails)
    with pytest.raises(ContractError, match=rf"^{hook} raised KeyError: 'on purpose'\. Ray ends"):  # noqa: PT012 – one of them
        controller.choose()
        controller.report("a", {"epoch": 1})
        controller.fail(controller.trial("a"), tried_again=True)
        controller.add(stub_trial("c"))
        controller.stop_trial(controller.trial("c"))
        controller.stop_trial(controller.trial("a"))
        controller.trial("b").set_status(Trial.RUNNING)
        controller.stop_trial(controller.trial("b"))


def test_a_scheduler_sees_only_what_ray_shows_it():
    class Peeks(FIFOScheduler):
        def on_trial_result(self, tune_controller, trial, result):
            return tune_controller.scheduler and "CONTINUE"

    with pytest.raises(ContractError, match="shows schedulers no 'scheduler', only _schedule_trial_save"):
        MockController(Peeks()).report("a", {"epoch": 1})


# Trials, searcher and restore ------------------------------------------------------------------------


class Told(SearchAlgorithm):
    """Notes what a searcher is told."""

    def __init__(self):
        self.calls = []

    def on_trial_result(self, trial_id, result):
        self.calls.append(("result", trial_id, result["epoch"]))

    def on_trial_complete(self, trial_id, result=None, error=False):
        self.calls.append(("complete", trial_id, result and result.get("epoch"), error))


def test_the_searcher_is_told_all_but_the_result_that_stops():
    searcher = Told()
    controller = MockController(Halving(), searcher)
    for name, value in (("good", 0.9), ("bad", 0.1)):
        controller.report(name, {"epoch": 1, "value": value})
    controller.report("failing", {"epoch": 1, "value": 0.95})
    controller.fail(controller.trial("failing"), tried_again=False)
    controller.add(stub_trial("waiting"))
    controller.stop_trial(controller.trial("waiting"))
    assert searcher.calls == [
        ("result", "good", 1),
        ("complete", "bad", 1, False),
        ("result", "failing", 1),
        ("complete", "failing", None, True),
        ("complete", "waiting", None, False),
    ]


def test_live_trials_are_all_but_the_terminated_ones():
    controller = MockController(Halving())
    for name, value in (("good", 0.9), ("bad", 0.1)):
        controller.report(name, {"epoch": 1, "value": value})
    assert [trial.trial_id for trial in controller.get_trials()] == ["good", "bad"]
    assert controller.get_live_trials() == {controller.trial("good")}
    assert controller.report("bad", {"epoch": 2, "value": 0.9}) == "TERMINATED"


def test_a_trial_that_is_tried_again_goes_to_the_end_of_the_queue():
    controller = MockController(FIFOScheduler())
    for name in "ab":
        controller.report(name, {"epoch": 1})
    controller.fail(controller.trial("a"), tried_again=True)
    assert [trial.trial_id for trial in controller.get_trials()] == ["b", "a"]
    assert controller.trial("a").status == Trial.PENDING
    assert controller.report("a", {"epoch": 1}) == "CONTINUE"


@pytest.mark.parametrize(("resume_paused", "paused"), [(True, Trial.PENDING), (False, Trial.PAUSED)])
def test_a_restore_adds_new_objects_of_all_trials_the_latest_first(resume_paused, paused):
    class Adds(FIFOScheduler):
        def __init__(self):
            super().__init__()
            self.added = []

        def on_trial_add(self, tune_controller, trial):
            self.added.append((trial.trial_id, trial.status, trial.last_result.get("epoch")))

    controller = MockController(Promotion())
    for name, epoch in (("paused", 1), ("ended", 9), ("runs", 0)):
        controller.report(name, {"epoch": epoch, "value": 0.5})
    restored = controller.restored(Adds(), resume_paused=resume_paused)
    assert restored.scheduler.added == [
        ("runs", Trial.PENDING, 0),
        ("ended", Trial.TERMINATED, 9),
        ("paused", paused, 1),
    ]
    assert restored.trial("runs") is not controller.trial("runs")
    assert restored.get_live_trials() == {restored.trial("runs"), restored.trial("paused")}


# Experiments -----------------------------------------------------------------------------------------


def test_no_more_trials_run_than_there_are_workers():
    class Counts(FIFOScheduler):
        most = 0

        def on_trial_result(self, tune_controller, trial, result):
            running = sum(t.status == Trial.RUNNING for t in tune_controller.get_trials())
            Counts.most = max(Counts.most, running)
            return "CONTINUE"

    experiment = MockExperiment(Counts(), {f"t{i}": [0.5] * 9 for i in range(8)}, workers=3)
    experiment.run()
    assert Counts.most == 3
    assert all(experiment.epochs(f"t{i}") == 9 for i in range(8))


def test_a_trial_that_is_stopped_as_it_waits_for_a_worker_does_not_start():
    curves = {name: [0.5] * 9 for name in ("first", "second", "third")}
    experiment = MockExperiment(FIFOScheduler(), curves, workers=1)
    experiment.step()
    experiment.step()
    assert experiment.controller.trial("second").status == Trial.PENDING
    experiment.controller.stop_trial(experiment.controller.trial("second"))
    experiment.run()
    assert [experiment.epochs(name) for name in curves] == [9, 0, 9]


def test_a_restored_experiment_goes_on_with_the_new_objects_alone():
    experiment = MockExperiment(FIFOScheduler(), {"first": [0.5] * 9, "second": [0.5] * 9}, workers=1)
    experiment.step()
    experiment.step()
    old = experiment.controller.trial("second")
    experiment.restore(FIFOScheduler())
    experiment.run()
    assert old.status == Trial.PENDING
    assert experiment.epochs("first") == experiment.epochs("second") == 9


def test_a_paused_or_failed_trial_goes_on_after_its_last_epoch():
    experiment = MockExperiment(Promotion(), {f"t{i}": [i / 10] * 9 for i in range(9)}, failures={"t8": 2})
    experiment.run()
    epochs = [
        e.result["epoch"] for e in experiment.controller.events if e.trial_id == "t8" and e.what != "resume"
    ]
    assert epochs == [*range(1, 10), 9]  # and the end after epoch 9


def test_trials_left_paused_are_named():
    class Sleeps(Promotion):
        def choose_trial_to_run(self, tune_controller):
            return None

    with pytest.raises(ContractError, match=r"the trials \['a', 'b'\] stay PAUSED for ever"):
        MockExperiment(Sleeps(), {"a": [0.5] * 9, "b": [0.5] * 9}).run()


def test_the_same_seed_gives_the_same_experiment():
    def events(seed):
        curves = {f"t{i}": list(np.linspace(0, i / 10, 9)) for i in range(9)}
        experiment = MockExperiment(ASHAScheduler("epoch", "value", "max", 9), curves, seed=seed)
        experiment.run()
        return [event[:2] for event in experiment.controller.events]

    assert events(0) == events(0) != events(1)


def test_a_trial_queue_is_finished_when_the_last_trial_was_taken():
    queue = TrialQueue(["a", "b"])
    taken = [queue.next_trial().trial_id, queue.is_finished(), queue.next_trial().trial_id]
    assert taken == ["a", False, "b"]
    assert queue.is_finished()
    assert queue.next_trial() is None
