"""The search algorithm as Ray drives it, without a cluster."""

import cProfile
import math
import pickle
from pathlib import Path

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import CmaEsSampler, GPSampler, NSGAIISampler, RandomSampler, TPESampler
from optuna.storages import JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState
from ray import tune

from neurocap_search.prediction import Prediction
from neurocap_search.pruning import Action, Decision, FullTrainingPolicy
from neurocap_search.tune import PolicyScheduler
from neurocap_search.tune.search_algorithm import NeuralCapacitanceSearch

SMALL = {"width": CategoricalDistribution([8, 16, 32, 64]), "depth": IntDistribution(1, 3)}
WIDE = {"rate": FloatDistribution(0, 1)}


def small(trial):
    """Twelve configurations behind 24 points: the unused parameter does not make two of one."""
    trial.suggest_categorical("unused", ["a", "b"])
    return {
        "unused": None,
        "width": trial.suggest_int("width", 1, 4),
        "depth": trial.suggest_int("depth", 1, 3),
    }


class Scheduler:
    """What a searcher sees of a scheduler."""

    def __init__(self) -> None:
        self.decisions: dict[str, list[Decision]] = {}


def make(space=WIDE, **arguments):
    return NeuralCapacitanceSearch(space, **({"metric": "acc", "mode": "max"} | arguments))


def trials(search):
    return search._ot_study.trials


def result(value, step=3):
    return {"acc": value, "training_iteration": step}


def pruned(mean=0.8, std=0.1):
    return Decision(Action.STOP, 3, "too low", Prediction(mean, std, "ridge", (1, 2, 3)), pruned=True)


def exhaust(search, limit=60):
    """Ask and tell until the search is finished; return the configurations."""
    configs = []
    for number in range(limit):
        config = search.suggest(str(number))
        if config == "FINISHED":
            break
        configs.append(config)
        search.on_trial_complete(str(number), result(config["width"] / (1 + config["depth"])))
    return configs


def test_a_pruned_trial_is_told_the_lower_bound_of_its_prediction() -> None:
    scheduler = Scheduler()
    search = make(scheduler=scheduler)
    search.suggest("a")
    search.on_trial_result("a", result(0.4, 2))
    scheduler.decisions["a"] = [pruned()]
    search.on_trial_complete("a", result(0.5))
    (trial,) = trials(search)
    assert trial.value == pytest.approx(0.6)
    assert trial.intermediate_values == {2: 0.4, 3: 0.5}
    assert trial.user_attrs["neurocap:trial"] == "a"
    assert trial.user_attrs["neurocap:raw"] == 0.5


def test_a_scheduler_may_know_a_trial_by_an_earlier_name() -> None:
    scheduler = PolicyScheduler(FullTrainingPolicy(9), metric="acc", mode="max", journal=False)
    search = make(scheduler=scheduler)
    search.suggest("new")
    scheduler.roster.rename("old", "new")
    scheduler.decisions["old"] = [pruned()]
    search.on_trial_complete("new", result(0.5))
    assert trials(search)[0].value == pytest.approx(0.6)


def test_small_is_good_turns_the_bound_round() -> None:
    scheduler = Scheduler()
    search = make(scheduler=scheduler, mode="min")
    search.suggest("a")
    scheduler.decisions["a"] = [pruned()]
    search.on_trial_complete("a", result(0.5))
    assert trials(search)[0].value == pytest.approx(1.0)


def test_a_paused_trial_that_is_given_up_is_told_from_what_was_seen() -> None:
    scheduler = Scheduler()
    search = make(scheduler=scheduler, told_value="last")
    for name in "ab":
        search.suggest(name)
    search.on_trial_result("a", result(0.4))
    scheduler.decisions["a"] = [pruned()]
    search.on_trial_complete("a")
    search.on_trial_complete("b")
    assert [trial.state.name for trial in trials(search)] == ["COMPLETE", "FAIL"]
    assert trials(search)[0].value == 0.4


def test_a_trial_under_a_foreign_scheduler_is_told_its_last_value() -> None:
    search = make()
    search.suggest("a")
    search.on_trial_complete("a", result(0.5))
    assert (trials(search)[0].state, trials(search)[0].value) == (TrialState.COMPLETE, 0.5)


@pytest.mark.parametrize("value", [math.nan, math.inf, None, "many"])
def test_a_final_value_that_is_no_number_is_a_failure_whatever_was_seen_before(value) -> None:
    search = make()
    search.suggest("a")
    search.on_trial_result("a", result(0.5, 2))
    search.on_trial_complete("a", result(value))
    assert trials(search)[0].state is TrialState.FAIL


def test_an_error_is_a_failure_even_with_a_result() -> None:
    search = make()
    search.suggest("a")
    search.on_trial_complete("a", result(0.5), error=True)
    assert trials(search)[0].state is TrialState.FAIL
    assert trials(search)[0].user_attrs["neurocap:reason"] == "the trial failed"


def test_results_without_the_metric_and_of_unknown_or_ended_trials_are_passed_over() -> None:
    search = make()
    search.suggest("a")
    search.on_trial_result("a", {"training_iteration": 1})
    search.on_trial_result("a", result(math.nan, 2))
    search.on_trial_result("unknown", result(0.5))
    search.on_trial_complete("unknown", result(0.5))
    search.on_trial_complete("a", result(0.5))
    search.on_trial_complete("a", result(0.9))
    search.on_trial_result("a", result(0.9, 9))
    (trial,) = trials(search)
    assert (trial.value, trial.intermediate_values) == (0.5, {3: 0.5})


def test_a_trial_that_starts_over_reports_no_step_twice() -> None:
    search = make()
    search.suggest("a")
    for step, value in [(1, 0.1), (2, 0.2), (1, 0.7), (2, 0.8), (3, 0.9)]:
        search.on_trial_result("a", result(value, step))
    assert trials(search)[0].intermediate_values == {1: 0.1, 2: 0.2, 3: 0.9}


def test_several_objectives_leave_no_zombies() -> None:
    search = make(metric=["acc", "loss"], mode=["max", "min"])
    ends = [{"acc": 1, "loss": 2}, {"acc": 1}, {"acc": math.nan, "loss": 2}, None]
    for number, end in enumerate(ends):
        search.suggest(str(number))
        search.on_trial_result(str(number), {"acc": 1, "training_iteration": 1})
        search.on_trial_complete(str(number), end)
    assert [trial.state.name for trial in trials(search)] == ["COMPLETE", "FAIL", "FAIL", "PRUNED"]
    assert trials(search)[0].values == [1, 2]


# Nothing twice


@pytest.mark.parametrize("space", [SMALL, small], ids=["distributions", "define-by-run"])
@pytest.mark.parametrize(
    "sampler",
    [lambda: None, lambda: RandomSampler(seed=1), lambda: NSGAIISampler(population_size=4, seed=1)],
    ids=["tpe", "random", "nsga2"],
)
def test_a_small_space_is_searched_once_and_then_finished(space, sampler) -> None:
    search = make(space, sampler=sampler())
    configs = exhaust(search)
    assert len(configs) == len({str(sorted(config.items(), key=str)) for config in configs}) == 12
    assert search.exhausted
    before = len(trials(search))
    assert search.suggest("more") == "FINISHED"
    assert len(trials(search)) == before


def test_the_end_of_the_space_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    exhaust(make({"width": IntDistribution(1, 2), "depth": IntDistribution(1, 1)}))
    assert (
        "The search ends here: 2 different configurations were proposed, and neither 20 asks of the sampler "
        "nor 100 random draws gave another one; the space is exhausted." in caplog.text
    )


class Stubborn(RandomSampler):
    """Proposes the same for ever."""

    def sample_independent(self, study, trial, name, distribution):
        return 8 if name == "width" else 1


def test_a_duplicate_is_told_from_memory_and_names_the_first() -> None:
    search = make(SMALL, sampler=Stubborn(), max_asks=3)
    assert search.suggest("a") == {"width": 8, "depth": 1}
    second = search.suggest("b")
    assert second != {"width": 8, "depth": 1}
    assert [trial.state.name for trial in trials(search)] == ["RUNNING", "FAIL", "FAIL", "FAIL", "RUNNING"]
    search.on_trial_complete("a", result(0.5))
    search.on_trial_complete("b", result(0.7))
    search.suggest("c")
    told = trials(search)[5:8]
    assert [(trial.state, trial.value) for trial in told] == [(TrialState.COMPLETE, 0.5)] * 3
    assert {trial.user_attrs["neurocap:duplicate_of"] for trial in trials(search)[1:4] + told} == {"a"}
    assert trials(search)[4].params == second
    assert trials(search)[4].user_attrs["neurocap:trial"] == "b"
    assert (trials(search)[4].value, len(trials(search))) == (0.7, 9)


def test_a_random_proposal_becomes_a_parent_of_a_genetic_sampler() -> None:
    sampler = NSGAIISampler(population_size=3, seed=0)
    search = make(SMALL, sampler=sampler, max_asks=1)
    assert len(exhaust(search)) == 12
    numbered = [t for t in trials(search) if any("generation" in key for key in t.system_attrs)]
    assert numbered == trials(search)


def test_duplicates_are_trained_where_that_is_wanted() -> None:
    search = make(SMALL, sampler=Stubborn(), deduplicate=False)
    assert [search.suggest(name) for name in "abc"] == [{"width": 8, "depth": 1}] * 3


def test_asking_again_for_the_same_trial_gives_the_same() -> None:
    search = make(SMALL)
    assert search.suggest("a") == search.suggest("a")
    assert len(trials(search)) == 1


def test_the_same_seed_gives_the_same_proposals_to_the_last() -> None:
    first, again, other = (exhaust(make(SMALL, seed=seed)) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert make(WIDE, seed=1).suggest("a") == make(WIDE, seed=1).suggest("a")


def test_random_draws_are_seeded_too() -> None:
    first, again, other = (
        [search.suggest(str(number)) for number in range(8)]
        for search in (make(SMALL, sampler=Stubborn(), max_asks=1, seed=seed) for seed in (1, 1, 2))
    )
    assert first == again
    assert first != other


def test_looking_for_duplicates_costs_next_to_nothing_however_many_there_were() -> None:
    search = make(WIDE, sampler=RandomSampler(seed=0))

    def calls(start: int) -> int:
        """How many functions are called; time would depend on what else the machine does."""
        profile = cProfile.Profile()
        with profile:
            for number in range(start, start + 300):
                search.suggest(str(number))
        return sum(entry.callcount for entry in profile.getstats())

    early = calls(0)
    for number in range(300, 6000):
        search._memory.first(str(number), {"rate": number})
    assert calls(6000) < 2 * early


# What Ray does to a searcher


def test_close_fails_what_still_runs_and_nothing_else() -> None:
    search = make()
    for name in "abc":
        search.suggest(name)
    search.on_trial_complete("a", result(0.5))
    search.on_trial_complete("b", error=True)
    search.close()
    search.close()
    assert [trial.state.name for trial in trials(search)] == ["COMPLETE", "FAIL", "FAIL"]
    reason = "cut off: the experiment ended before the trial"
    assert trials(search)[2].user_attrs["neurocap:reason"] == reason


def test_a_trial_that_goes_on_after_close_begins_again_with_its_parameters() -> None:
    search = make(
        SMALL, sampler=Stubborn(), points_to_evaluate=[{"width": 64, "depth": 3}, {"width": 16, "depth": 2}]
    )
    config = search.suggest("a")
    search.close()
    search.on_trial_result("a", result(0.4, 2))
    search.on_trial_complete("a", result(0.5))
    failed, waiting, again = trials(search)
    assert (failed.state, waiting.state, again.state) == (
        TrialState.FAIL,
        TrialState.WAITING,
        TrialState.COMPLETE,
    )
    assert (again.params, again.value, again.intermediate_values) == (config, 0.5, {2: 0.4, 3: 0.5})
    search._ot_study.enqueue_trial(config)
    assert search.suggest("b") == {"width": 16, "depth": 2}
    search.suggest("c")
    assert trials(search)[3].value == 0.5  # the duplicate in the queue, told from memory


def test_a_snapshot_keeps_all_but_the_shared_scheduler(tmp_path: Path) -> None:
    scheduler = Scheduler()
    search = make(SMALL, scheduler=scheduler)
    first = search.suggest("a")
    search.on_trial_complete("a", result(0.5))
    search.suggest("b")
    search.on_trial_result("b", result(0.4))
    search.save(str(tmp_path / "state"))
    assert "scheduler" not in pickle.loads((tmp_path / "state").read_bytes())
    restored = make(SMALL, scheduler=scheduler)
    restored.restore(str(tmp_path / "state"))
    assert restored.scheduler is scheduler
    scheduler.decisions["b"] = [pruned()]
    restored.on_trial_complete("b")
    assert trials(restored)[1].value == pytest.approx(0.6)
    rest = [config for config in exhaust(restored) if config == first]
    assert rest == []


@pytest.mark.parametrize(
    "storage",
    [
        lambda folder: RDBStorage(f"sqlite:///{folder}/study.db"),
        lambda folder: JournalStorage(JournalFileBackend(str(folder / "study.log"))),
    ],
    ids=["sqlite", "journal"],
)
def test_points_are_queued_once_in_a_storage_and_cut_off_trials_go_on_after_a_restore(
    storage,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    points = [{"rate": 0.25}, {"rate": 0.75}]
    search = make(points_to_evaluate=points, storage=storage(tmp_path), study_name="s")
    assert search.suggest("a") == {"rate": 0.25}
    search.save(str(tmp_path / "state"))
    search.close()
    again = make(points_to_evaluate=points, storage=storage(tmp_path), study_name="s")
    again.restore(str(tmp_path / "state"))
    again.close()  # what was cut off before is not told again
    assert "failed to learn" not in caplog.text
    again.on_trial_complete("a", result(0.5))
    again.suggest("b")
    rates = [(trial.params["rate"], trial.state.name) for trial in trials(again)]
    assert rates == [(0.25, "FAIL"), (0.75, "RUNNING"), (0.25, "COMPLETE")]


def test_trials_begun_after_the_last_snapshot_are_failed_but_not_those_of_other_programs(
    tmp_path: Path,
) -> None:
    storage = JournalStorage(JournalFileBackend(str(tmp_path / "study.log")))
    search = make(SMALL, storage=storage, study_name="s")
    search.suggest("a")
    search.save(str(tmp_path / "state"))
    search.suggest("forgotten")
    make(SMALL, storage=storage, study_name="s").suggest("foreign")
    search.restore(str(tmp_path / "state"))
    assert [trial.state.name for trial in trials(search)] == ["RUNNING", "FAIL", "RUNNING"]
    search.on_trial_complete("a", result(0.5))
    assert trials(search)[0].value == 0.5


def local_space():
    def space(trial):
        return {"x": trial.suggest_float("x", 0, 1)}

    return space


@pytest.mark.parametrize("space", [lambda trial: {}, local_space()], ids=["lambda", "local"])
def test_a_space_ray_cannot_save_is_refused(space) -> None:
    with pytest.raises(
        ValueError, match=r"cannot save this space: .*Received <function .*Use a function on the top level"
    ):
        make(space)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"told_value": "mean"}, r"told_value must be one of \['lower_bound', .*received 'mean'"),
        ({"max_asks": 0}, "max_asks must be at least 1, received 0"),
        ({"mode": None}, "needs metric and mode too; received no mode"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message) -> None:
    with pytest.raises(ValueError, match=message):
        make(**arguments)


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@pytest.mark.parametrize(
    ("sampler", "forgets"),
    [
        (lambda: GPSampler(seed=0), True),
        (lambda: NSGAIISampler(seed=0), True),
        (lambda: CmaEsSampler(seed=0), True),
        (lambda: CmaEsSampler(seed=0, consider_pruned_trials=True), False),
        (lambda: TPESampler(seed=0), False),
        (lambda: None, False),
    ],
)
def test_pruned_is_not_told_to_samplers_that_forget_it(sampler, forgets) -> None:
    if forgets:
        with pytest.raises(ValueError, match=r"told_value='pruned': \w+Sampler forgets pruned trials"):
            make(sampler=sampler(), told_value="pruned")
    else:
        make(sampler=sampler(), told_value="pruned")


def test_the_parameter_space_of_the_tuner_is_taken() -> None:
    search = NeuralCapacitanceSearch(points_to_evaluate=[{"x": 0.5}])
    assert search.set_search_properties("acc", "min", {"x": tune.uniform(0, 1)})
    assert search.suggest("a") == {"x": 0.5}
    assert search._ot_study.direction is optuna.study.StudyDirection.MINIMIZE
