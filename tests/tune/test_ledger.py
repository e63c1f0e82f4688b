"""What a scheduler remembers in its journal: trials by the mock controller, files as they are."""

import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pyarrow.fs import LocalFileSystem
from ray.tune.experiment import Trial
from ray.tune.search.search_algorithm import SearchAlgorithm

from neurocap_search.errors import UserError
from neurocap_search.pruning import Action, Decision, PromotionHalvingPolicy
from neurocap_search.testing.mock_controller import MockController
from neurocap_search.testing.scheduler_contract import stub_trial
from neurocap_search.tracking import Journal, SearchRecord, TrialState
from neurocap_search.tune import NeuralCapacitanceScheduler, PolicyScheduler, RecordCallback
from neurocap_search.tune.ledger import JOURNAL_FILE

HALVING: dict[str, Any] = {"max_t": 9, "grace_period": 1, "reduction_factor": 3}


class Searcher(SearchAlgorithm):
    """Notes what a search algorithm is told; it has no more trials once ``over``."""

    def __init__(self) -> None:
        self.told: list[tuple[str, Any, bool]] = []
        self.over = False

    def on_trial_complete(self, trial_id: str, result: Any = None, error: bool = False) -> None:
        self.told.append((trial_id, result, error))

    def is_finished(self) -> bool:
        return self.over


class Driver:
    """A driver of an experiment in a folder; a second one restores what the first left."""

    def __init__(self, folder: Path, scheduler: PolicyScheduler) -> None:
        self.folder, self.scheduler, self.search = folder, scheduler, Searcher()
        self.controller = MockController(scheduler, self.search)

    def add(self, trial_id: str, status: str = Trial.PENDING, failures: int = 0, **config: Any) -> Trial:
        trial = stub_trial(trial_id, config)
        trial.storage = SimpleNamespace(
            storage_filesystem=LocalFileSystem(),
            experiment_fs_path=str(self.folder),
            experiment_driver_staging_path=str(self.folder),
            trial_driver_staging_path=str(self.folder / trial_id),
        )
        trial.status = status
        trial.run_metadata.num_failures = failures
        self.controller.add(trial)
        return trial

    def report(self, trial_id: str, epoch: int, value: float) -> str:
        return self.controller.report(trial_id, {"epoch": epoch, "value": value})

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / JOURNAL_FILE).read_text().splitlines()]


def stopping(**arguments: Any) -> PolicyScheduler:
    return NeuralCapacitanceScheduler(
        "epoch", "value", "max", **HALVING, predictor="capacitance", **arguments
    )


def promotion() -> PolicyScheduler:
    def make(metric: str, mode: Any) -> PromotionHalvingPolicy:
        return PromotionHalvingPolicy(metric=metric, mode=mode, **HALVING)

    return PolicyScheduler(make, time_attr="epoch", metric="value", mode="max")


@pytest.fixture
def driver(tmp_path: Path) -> Driver:
    """A driver that has seen a good trial, a pruned one and one that has reported twice."""
    driver = Driver(tmp_path, stopping())
    for name, value in (("good", 0.9), ("bad", 0.1), ("busy", 0.95)):
        driver.add(name, quality=value)
        driver.report(name, 1, value)
    driver.report("busy", 2, 0.96)
    return driver


def restored(driver: Driver, statuses: dict[str, str], make: Any = stopping) -> Driver:
    """The next driver, to which Ray shows the trials of its last snapshot."""
    other = Driver(driver.folder, make())
    for name, status in statuses.items():
        other.add(name, status, **driver.controller.trial(name).config)
    return other


def test_every_report_decision_and_end_is_written_down(driver: Driver) -> None:
    events = driver.events()
    assert [event["event"] for event in events[:4]] == ["search", "suggested", "report", "suggested"]
    assert events[1]["config"] == {"quality": 0.9}
    ended = [event for event in events if event["event"] == "ended"]
    assert [(event["trial_id"], event["state"]) for event in ended] == [("bad", "pruned")]
    reports = [event for event in events if event["event"] == "report"]
    assert all(event["decision"]["reason"] for event in reports)
    assert [event["report"]["metrics"]["value"] for event in reports] == [0.9, 0.1, 0.95, 0.96]


def test_after_a_restore_policy_and_decisions_are_as_they_were(driver: Driver) -> None:
    other = restored(driver, {"busy": Trial.PENDING, "good": Trial.PENDING, "bad": Trial.TERMINATED})
    other.controller.choose()
    assert other.scheduler.policy.state_dict() == driver.scheduler.policy.state_dict()
    assert other.scheduler.decisions == driver.scheduler.decisions
    for each in (other, driver):
        each.add("new", quality=0.5)
    assert other.report("new", 1, 0.5) == driver.report("new", 1, 0.5) == "STOP"


def test_a_trial_that_ray_believes_to_run_but_that_had_ended_is_ended_with_its_result(driver: Driver) -> None:
    other = restored(driver, {"busy": Trial.PENDING, "good": Trial.PENDING, "bad": Trial.PENDING})
    assert other.controller.choose().trial_id in ("busy", "good")
    assert other.controller.trial("bad").status == Trial.TERMINATED
    (told,) = [told for told in other.search.told if told[1] is not None]
    assert (told[0], told[1]["value"], told[1]["epoch"], told[2]) == ("bad", 0.1, 1, False)
    assert other.controller.trial("bad").last_result["value"] == 0.1
    assert other.scheduler.policy.state_dict() == driver.scheduler.policy.state_dict()


def test_a_stop_whose_end_was_not_written_down_any_more_is_an_end(driver: Driver) -> None:
    path = driver.folder / JOURNAL_FILE
    kept = [line for line in path.read_text().splitlines(True) if '"ended"' not in line]
    path.write_text("".join(kept))
    other = restored(driver, {"busy": Trial.PENDING, "bad": Trial.PENDING, "good": Trial.PENDING})
    other.controller.choose()
    assert other.controller.trial("bad").status == Trial.TERMINATED
    assert other.events()[-1] | {"time": 0} == {
        "event": "ended",
        "trial_id": "bad",
        "state": "pruned",
        "error": None,
        "weights": None,
        "decision": None,
        "time": 0,
    }
    assert other.scheduler.policy.state_dict() == driver.scheduler.policy.state_dict()


def test_a_trial_that_ray_forgot_gives_its_results_to_the_same_configuration(driver: Driver) -> None:
    other = restored(driver, {"busy": Trial.PENDING, "good": Trial.PENDING})
    again = other.add("another-id", quality=0.1)
    other.controller.choose()
    assert again.status == Trial.TERMINATED
    assert again.last_result["value"] == 0.1
    assert other.scheduler.decisions["bad"] == driver.scheduler.decisions["bad"]
    assert other.scheduler.policy.state_dict() == driver.scheduler.policy.state_dict()
    third = restored(other, {"busy": Trial.PENDING, "good": Trial.PENDING, "another-id": Trial.TERMINATED})
    third.controller.choose()
    assert third.scheduler.policy.state_dict() == driver.scheduler.policy.state_dict()


def test_a_forgotten_trial_that_had_not_ended_begins_anew_and_does_not_count(driver: Driver) -> None:
    other = restored(driver, {"good": Trial.PENDING, "bad": Trial.TERMINATED})
    again = other.add("another-id", quality=0.95)
    assert other.controller.choose() is not None
    assert again.status != Trial.TERMINATED
    assert {"event": "dropped", "trial_id": "busy"}.items() <= other.events()[-2].items()
    rung = other.scheduler.policy.state_dict()
    assert "busy" not in json.dumps(rung)
    assert other.scheduler.recorder is not None
    assert other.scheduler.recorder.record.lost_epochs == 2
    assert other.scheduler.recorder.record.trials["another-id"].number == 3  # numbers stay unique


def test_paused_trials_stay_paused_and_the_best_goes_on(tmp_path: Path) -> None:
    first = Driver(tmp_path, promotion())
    for index, value in enumerate((0.1, 0.5, 0.3)):
        first.add(f"t{index}", quality=value)
        assert first.report(f"t{index}", 1, value) == "PAUSE"
    assert first.scheduler.roster.num_paused == 3
    other = restored(first, dict.fromkeys(("t0", "t1", "t2"), Trial.PENDING), promotion)
    assert [other.controller.trial(f"t{i}").status for i in range(3)] == [Trial.PAUSED] * 3
    chosen = other.controller.choose()
    assert chosen.trial_id == "t1"
    assert other.controller.choose() is chosen
    chosen.set_status(Trial.RUNNING)
    other.search.over = True
    assert other.report("t1", 3, 0.7) == "PAUSE"
    continued = [event["trial_id"] for event in other.events() if event["event"] == "continued"]
    assert continued == ["t1"]


def test_a_trial_tried_again_after_a_failure_replaces_what_it_had_reported(driver: Driver) -> None:
    driver.controller.fail(driver.controller.trial("busy"), tried_again=True)
    driver.report("busy", 2, 0.97)
    assert driver.scheduler.recorder is not None
    trial = driver.scheduler.recorder.record.trials["busy"]
    assert [(r.epoch, r.metrics["value"]) for r in trial.reports] == [(1, 0.95), (2, 0.97)]
    assert [event["event"] for event in driver.events()[-2:]] == ["retried", "report"]
    other = restored(driver, {"busy": Trial.PENDING, "good": Trial.PENDING, "bad": Trial.TERMINATED})
    other.controller.choose()
    assert other.scheduler.policy.state_dict() == driver.scheduler.policy.state_dict()


def test_a_failed_trial_is_run_again_if_the_user_asks_ray_to(driver: Driver) -> None:
    driver.controller.fail(driver.controller.trial("busy"), tried_again=False)
    assert driver.events()[-1]["state"] == "failed"
    journal = driver.folder / JOURNAL_FILE
    before = journal.read_text()
    asked = Driver(driver.folder, stopping())
    asked.add("busy", failures=1, quality=0.95)  # Tuner.restore(resume_errored=True)
    asked.add("good", quality=0.9)
    assert asked.controller.choose().trial_id == "busy"
    journal.write_text(before)
    not_asked = Driver(driver.folder, stopping())
    not_asked.add("busy", quality=0.95)  # Ray's snapshot is from before the failure
    not_asked.add("good", quality=0.9)
    assert not_asked.controller.choose().trial_id == "good"
    assert not_asked.controller.trial("busy").status == Trial.TERMINATED


def test_a_new_experiment_in_an_old_directory_begins_its_own_journal(driver: Driver) -> None:
    other = Driver(driver.folder, stopping())
    other.add("fresh", quality=0.1)  # the configuration of a trial that has ended there
    assert other.controller.choose().trial_id == "fresh"
    assert [event["event"] for event in other.events()] == ["search", "suggested"]
    put_away = Journal(driver.folder / "journal-1.jsonl")
    assert len(list(put_away.read())) == 9
    assert "bad" not in json.dumps(other.scheduler.policy.state_dict())


def test_a_line_that_a_kill_cut_short_is_left_out(driver: Driver) -> None:
    with (driver.folder / JOURNAL_FILE).open("a") as file:
        file.write('{"event": "report", "trial_id": "bu')
    other = restored(driver, {"busy": Trial.PENDING, "good": Trial.PENDING, "bad": Trial.TERMINATED})
    other.controller.choose()
    assert other.scheduler.policy.state_dict() == driver.scheduler.policy.state_dict()
    assert other.report("busy", 3, 0.97) == "CONTINUE"
    assert other.events()[-1]["report"]["epoch"] == 3


def test_a_journal_that_cannot_be_read_is_refused_and_left_as_it_is(driver: Driver) -> None:
    path = driver.folder / JOURNAL_FILE
    path.write_text("{damaged\n" + path.read_text())
    before = path.read_text()
    scheduler = stopping()
    with pytest.raises(
        UserError, match=r"line 1 is damaged.*Move it away, or give the experiment another name"
    ):
        scheduler.on_trial_add(None, driver.controller.trial("good"))
    assert path.read_text() == before


def test_a_result_that_ray_did_not_show_is_kept_as_the_last(driver: Driver) -> None:
    trial = driver.controller.trial("busy")
    trial.last_result.update(epoch=3, value=0.99)  # a stopping criterion ended the trial with it
    driver.controller.end(trial)
    assert driver.scheduler.recorder is not None
    record = driver.scheduler.recorder.record.trials["busy"]
    assert (record.state, record.epochs, record.final("value")) == (TrialState.COMPLETED, 3, 0.99)
    assert (
        record.decisions[-1].reason == "epoch 3: ended by itself or by a stopping criterion of the experiment"
    )
    other = restored(driver, {"busy": Trial.TERMINATED, "good": Trial.PENDING, "bad": Trial.TERMINATED})
    other.controller.choose()
    assert other.scheduler.policy.state_dict() == driver.scheduler.policy.state_dict()


def test_a_trial_that_ray_begins_again_under_a_new_id_is_a_new_one(driver: Driver) -> None:
    driver.controller.fail(driver.controller.trial("busy"), tried_again=False)
    other = Driver(driver.folder, stopping())
    other.add("busy-again", quality=0.95)  # Tuner.restore(restart_errored=True), shown first
    other.add("good", quality=0.9)
    other.add("bad", Trial.TERMINATED, quality=0.1)
    assert other.controller.choose().trial_id == "good"
    assert other.controller.trial("busy-again").status == Trial.PENDING
    assert other.scheduler.recorder is not None
    states = {trial.trial_id: trial.state.value for trial in other.scheduler.recorder.record}
    assert states == {"good": "running", "bad": "pruned", "busy-again": "running"}
    assert not list(driver.folder.glob("journal-*"))


def test_a_restore_that_gives_up_unfinished_trials_says_so(driver: Driver) -> None:
    other = restored(driver, dict.fromkeys(("busy", "good", "bad"), Trial.TERMINATED))
    assert other.controller.choose() is None
    ended = {event["trial_id"]: event["state"] for event in other.events() if event["event"] == "ended"}
    assert ended == {"bad": "pruned", "busy": "interrupted", "good": "interrupted"}


def test_a_pause_whose_checkpoint_was_not_written_goes_back(tmp_path: Path) -> None:
    record = SearchRecord("value", 9, 1)
    pause = Decision(Action.PAUSE, 3, "epoch 3: it waits").to_json()
    report = {"epoch": 3, "metrics": {"value": 0.5}, "seconds": None}
    facts = {"config": {}, "description": "", "parameters": 0, "multiply_adds": 0}
    record.apply({"event": "suggested", "trial_id": "a", "number": 0, **facts})
    record.apply({"event": "report", "trial_id": "a", "report": report, "decision": pause})
    record.apply({"event": "resumed", "restarted": ["a"]})
    assert record.trials["a"].state is TrialState.INTERRUPTED
    assert record.trials["a"].reports == []


def test_without_a_journal_the_callback_carries_the_state(driver: Driver) -> None:
    first = MockController(stopping(journal=False))
    for name, value in (("good", 0.9), ("bad", 0.1)):
        first.report(name, {"epoch": 1, "value": value})
    state = json.loads(json.dumps(RecordCallback(first.scheduler).get_state()))
    fresh = stopping(journal=False)
    RecordCallback(fresh).set_state(state)
    assert fresh.policy.state_dict() == first.scheduler.policy.state_dict()
    assert fresh.decisions == first.scheduler.decisions
    assert RecordCallback(driver.scheduler).get_state() is None  # the journal holds it


def test_states_of_the_record_after_the_experiment(driver: Driver) -> None:
    RecordCallback(driver.scheduler).on_experiment_end([])
    assert driver.scheduler.recorder is not None
    states = {trial.trial_id: trial.state for trial in driver.scheduler.recorder.record}
    assert states == {
        "good": TrialState.INTERRUPTED,
        "bad": TrialState.PRUNED,
        "busy": TrialState.INTERRUPTED,
    }


def test_a_trial_that_ends_before_it_runs_without_a_word_is_not_waited_for(driver: Driver) -> None:
    # Ray's end of a trial whose worker could not be reset: no hook is called.
    driver.scheduler.roster.limit = 3
    trial = driver.add("unlucky", quality=0.5)
    assert not driver.scheduler.admits_new_trial()
    trial.status = Trial.ERROR
    assert driver.scheduler.choose_trial_to_run(driver.controller) is None
    assert driver.scheduler.admits_new_trial()
    assert driver.events()[-1]["state"] == "interrupted"
    assert "could not be used again" in driver.events()[-1]["error"]
    assert driver.search.told[-1] == ("unlucky", None, True)


class FailsAtEnds(PromotionHalvingPolicy):
    """Decides, and fails when it is told of an end."""

    def on_complete(self, trial_id: str, report: Any) -> None:
        raise RuntimeError("broken on purpose")

    def on_error(self, trial_id: str) -> None:
        raise RuntimeError("broken on purpose")


def failing_at_ends(tmp_path: Path) -> Driver:
    policy = FailsAtEnds(metric="value", max_t=2, reduction_factor=2)
    return Driver(tmp_path, PolicyScheduler(policy, time_attr="epoch", metric="value", mode="max"))


def test_an_end_is_written_down_though_the_policy_fails_when_told(tmp_path: Path) -> None:
    driver = failing_at_ends(tmp_path)
    trials = {name: driver.add(name) for name in ("trained", "diverged", "removed", "failed")}
    scheduler, controller = driver.scheduler, driver.controller
    scheduler.on_trial_result(controller, trials["trained"], {"epoch": 2, "value": 0.5})
    scheduler.on_trial_result(controller, trials["diverged"], {"epoch": 1, "value": float("nan")})
    for name in ("trained", "diverged"):
        scheduler.on_trial_complete(controller, trials[name], {"epoch": 2, "value": 0.5})
    scheduler.on_trial_remove(controller, trials["removed"])
    scheduler.on_trial_error(controller, trials["failed"])
    ended = {event["trial_id"]: event["state"] for event in driver.events() if event["event"] == "ended"}
    assert ended == {
        "trained": "completed",
        "diverged": "failed",
        "removed": "interrupted",
        "failed": "failed",
    }
    assert scheduler.debug_string().endswith("4 errors")


def test_a_trial_lost_with_its_worker_is_told_to_the_searcher_though_the_policy_fails(tmp_path: Path) -> None:
    driver = failing_at_ends(tmp_path)
    driver.add("unlucky").status = Trial.ERROR
    driver.scheduler.choose_trial_to_run(driver.controller)
    assert driver.events()[-1]["state"] == "interrupted"


@pytest.mark.parametrize("keep_pruned", [False, True])
def test_a_trial_given_up_later_leaves_no_checkpoint_of_an_earlier_attempt(
    driver: Driver, keep_pruned: bool
) -> None:
    recorder = driver.scheduler.recorder
    assert recorder is not None
    paths = {"bad": "ray-1/bad/checkpoint_000000", "good": "ray-1/good/checkpoint_000000"}
    for name, path in paths.items():
        (driver.folder / path).mkdir(parents=True)
        recorder.checkpointed(name, 1, path)
    callback = RecordCallback(driver.scheduler, keep_pruned=keep_pruned)
    driver.scheduler.decisions["unknown"] = driver.scheduler.decisions["bad"]  # not in the record
    for name in (*paths, "unknown"):
        callback.on_trial_complete(1, [], stub_trial(name, {}))  # Ray knows none of their checkpoints
    assert (driver.folder / paths["good"]).exists()
    assert (driver.folder / paths["bad"]).exists() == keep_pruned


def test_the_journal_is_closed_when_the_experiment_ends(driver: Driver) -> None:
    def is_open() -> bool:
        files = [os.path.realpath(link) for link in Path("/proc/self/fd").iterdir()]
        return os.path.realpath(driver.folder / JOURNAL_FILE) in files

    assert is_open()
    RecordCallback(driver.scheduler).on_experiment_end([])
    assert not is_open()
