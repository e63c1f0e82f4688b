"""The search algorithm under a real Ray."""

import time
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import NSGAIISampler, RandomSampler, TPESampler
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState
from ray import tune
from ray.tune.error import TuneError

from neurocap_search.cluster import ray_cluster
from neurocap_search.config import ResourcesConfig
from neurocap_search.pruning import SuccessiveHalvingPolicy
from neurocap_search.tune import PolicyScheduler
from neurocap_search.tune.search_algorithm import NeuralCapacitanceSearch

pytestmark = pytest.mark.timeout(300)
SMALL = {"width": CategoricalDistribution([8, 16, 32, 64]), "depth": IntDistribution(1, 3)}


@pytest.fixture(scope="module", autouse=True)
def _ray() -> Iterator[None]:
    with ray_cluster(ResourcesConfig(num_cpus=2)):
        yield


def training():
    """A trainable that reports two epochs.

    Made in a function, it goes to the workers as it is, and they need not import all this module needs.
    """

    def train(config):
        for _ in range(2):
            tune.report({"acc": config["width"] * config["depth"]})

    return train


def tuner(trainable, folder: Path, search, *, samples=50, budget=None, scheduler=None, callbacks=()):
    return tune.Tuner(
        trainable,
        tune_config=tune.TuneConfig(
            search_alg=search,
            scheduler=scheduler,
            num_samples=samples,
            max_concurrent_trials=2,
            reuse_actors=True,
            time_budget_s=budget,
        ),
        run_config=tune.RunConfig(name="exp", storage_path=str(folder), verbose=0, callbacks=list(callbacks)),
    )


@pytest.mark.parametrize("sampler", [TPESampler(seed=0), RandomSampler(seed=0), NSGAIISampler(seed=0)])
def test_a_space_of_twelve_points_ends_the_experiment_after_twelve_trials(sampler, tmp_path: Path) -> None:
    search = NeuralCapacitanceSearch(SMALL, "acc", "max", sampler=sampler)
    results = tuner(training(), tmp_path, search).fit()
    assert len({(r.config["width"], r.config["depth"]) for r in results}) == len(results) == 12
    assert search.exhausted
    assert not results.errors


def learning():
    """A trainable that approaches its quality in nine epochs."""

    def learn(config):
        for epoch in range(1, 10):
            tune.report({"acc": config["quality"] * epoch / 9, "epoch": epoch})

    return learn


def test_every_pruned_trial_is_told_and_labelled(tmp_path: Path) -> None:
    def policy(metric, mode):
        return SuccessiveHalvingPolicy(metric=metric, mode=mode, max_t=9, grace_period=1, reduction_factor=3)

    scheduler = PolicyScheduler(policy, time_attr="epoch", metric="acc", mode="max")
    search = NeuralCapacitanceSearch({"quality": FloatDistribution(0, 1)}, "acc", "max", scheduler=scheduler)
    tuner(learning(), tmp_path, search, samples=8, scheduler=scheduler).fit()
    trials = search._ot_study.trials
    assert {trial.state for trial in trials} == {TrialState.COMPLETE}
    pruned = {trial.user_attrs["neurocap:trial"] for trial in trials if trial.user_attrs["neurocap:pruned"]}
    assert pruned == {name for name, made in scheduler.decisions.items() if made[-1].pruned} != set()
    for trial in trials:
        assert trial.value == trial.user_attrs["neurocap:raw"] == trial.intermediate_values[trial.last_step]
        assert trial.last_step == trial.user_attrs["neurocap:epoch"]


class Closing(tune.Callback):
    """Closes the searcher when the experiment ends."""

    def __init__(self, search: NeuralCapacitanceSearch) -> None:
        self.search = search

    def on_experiment_end(self, trials, **info) -> None:
        self.search.close()


def dawdling():
    """A trainable that reports and waits for a minute."""

    def dawdle(config):
        for _ in range(600):
            tune.report({"acc": config["width"]})
            time.sleep(0.1)

    return dawdle


def test_a_time_budget_leaves_nothing_running(tmp_path: Path) -> None:
    search = NeuralCapacitanceSearch(SMALL, "acc", "max", sampler=RandomSampler(seed=0))
    tuner(dawdling(), tmp_path, search, samples=4, budget=6, callbacks=[Closing(search)]).fit()
    states = [trial.state.name for trial in search._ot_study.trials]
    assert set(states) == {"FAIL"}
    assert 1 <= len(states) <= 2


class Crash(Closing):
    """Ends the experiment with an error at its eleventh result, unless it crashed before."""

    def __init__(self, search: NeuralCapacitanceSearch, flag: Path) -> None:
        super().__init__(search)
        self.flag, self.results = flag, 0

    def on_trial_result(self, iteration, trials, trial, result, **info) -> None:
        self.results += 1
        if self.results == 11 and not self.flag.exists():
            self.flag.touch()
            raise RuntimeError("crashed on purpose")


def test_a_restored_experiment_trains_nothing_twice_and_queues_no_point_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TUNE_GLOBAL_CHECKPOINT_S", "0")
    storage = JournalStorage(JournalFileBackend(str(tmp_path / "study.log")))
    search = NeuralCapacitanceSearch(
        SMALL, "acc", "max", [{"width": 8, "depth": 1}], RandomSampler(seed=0), "mine", storage
    )
    with pytest.raises(TuneError, match="crashed on purpose"):
        tuner(training(), tmp_path, search, callbacks=[Crash(search, tmp_path / "flag")]).fit()
    results = tune.Tuner.restore(str(tmp_path / "exp"), training()).fit()
    configs = [(result.config["width"], result.config["depth"]) for result in results]
    assert len(set(configs)) == len(configs) == 12
    trials = optuna.load_study(study_name="mine", storage=storage).trials
    assert {trial.state for trial in trials} <= {TrialState.COMPLETE, TrialState.FAIL}
    trained = [
        t for t in trials if "neurocap:duplicate_of" not in t.user_attrs and t.state.name == "COMPLETE"
    ]
    assert sorted((t.params["width"], t.params["depth"]) for t in trained) == sorted(configs)
    assert sum("fixed_params" in trial.system_attrs for trial in trials) == 1
