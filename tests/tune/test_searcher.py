"""Sampler, points to evaluate and the journal's way back, without a cluster."""

import pickle
from pathlib import Path
from typing import Any

import pytest
from ray.tune.experiment import Trial

from neurocap_search.config import SamplerConfig, SearchConfig
from neurocap_search.errors import UserError
from neurocap_search.prediction import CapacitanceRidge
from neurocap_search.pruning import SuccessiveHalvingPolicy
from neurocap_search.tracking import Journal, SearchRecord, SearchRecorder, TrialState
from neurocap_search.tune import PolicyScheduler
from neurocap_search.tune.replay import Replay, fixed_settings, journal_head
from neurocap_search.tune.samplers import check_points, check_sampler, make_sampler
from neurocap_search.tune.searcher import Proposal, RecordedSearch
from search_spaces import CellSpace, MlpSpace, SearchSpace

SPACE = MlpSpace.model_validate(
    {"name": "mlp", "hyperparameters": {"learning_rate": {"low": 0.01, "high": 0.1, "log": True}}}
)
FOUR = MlpSpace.model_validate(
    {
        "name": "mlp",
        "depth": {"low": 1, "high": 1},
        "widths": [16, 32],
        "activations": ["relu", "tanh"],
        "normalisations": ["none"],
        "dropout": {"low": 0.0, "high": 0.0},
    }
)
CONFIG = SearchConfig.model_validate({"space": SPACE})
SAMPLERS = ["tpe", "random", "gp", "nsga2", "cmaes"]


def make(
    name: str = "tpe", space: SearchSpace = SPACE, points: Any = (), seed: int = 0, **others: Any
) -> RecordedSearch:
    config = SamplerConfig.model_validate({"sampler": name, "startup_trials": 3})
    proposal = Proposal(space, (1, 8, 8), 10)
    return RecordedSearch(proposal, make_sampler(config, seed), "val_accuracy", points, **others)


def ask_and_tell(search: RecordedSearch, count: int) -> list[dict[str, Any]]:
    configs = []
    for number in range(count):
        config = search.suggest(str(number))
        assert config is not None
        configs.append(config)
        value = 1 / (1 + len(str(config["architecture"])))
        search.on_trial_complete(str(number), {"val_accuracy": value, "training_iteration": 1})
    return configs


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@pytest.mark.parametrize(
    "space", [SPACE, CellSpace(name="cell", channels=4, cells_per_stage=1)], ids=["mlp", "cell"]
)
@pytest.mark.parametrize("name", SAMPLERS)
def test_every_sampler_is_seeded_and_gives_what_the_trainable_needs(name: str, space: SearchSpace) -> None:
    first, again, other = (ask_and_tell(make(name, space, seed=seed), 6) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert all(set(config) == {"architecture", "training"} for config in first)
    for config in first:
        space.validate_architecture(config["architecture"])


def test_points_to_evaluate_come_first() -> None:
    point = {
        "depth": 1,
        "width_1": 32,
        "activation": "tanh",
        "normalisation": "none",
        "dropout": 0.0,
        "learning_rate": 0.05,
    }
    check_points([point], SPACE)
    (config,) = ask_and_tell(make(points=[point]), 1)
    assert config["architecture"]["widths"] == [32]
    assert config["training"] == {"learning_rate": 0.05}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"depth": None}, r"points_to_evaluate\.0: the parameter 'depth' is missing; add it"),
        ({"width_1": 33}, r"'33' not in"),
        (
            {"widht_2": 16},
            r"points_to_evaluate\.0\.widht_2: the space has no such parameter here. Did you mean width_1",
        ),
        ({"learning_rate": 5.0}, r"out of|not in|range"),
    ],
)
def test_points_the_space_does_not_hold_are_refused(change: dict[str, Any], message: str) -> None:
    point = {"depth": 1, "width_1": 32, "activation": "tanh", "normalisation": "none", "dropout": 0.0}
    point |= {"learning_rate": 0.05} | change
    with pytest.raises(UserError, match=message):
        check_points([{key: value for key, value in point.items() if value is not None}], SPACE)


def parts(seed: int = 0, space: SearchSpace = SPACE) -> tuple[SearchRecord, RecordedSearch, PolicyScheduler]:
    """A fresh record, searcher and scheduler, which prunes by predictions from epoch 3 on."""

    def policy(metric: str, mode: Any) -> SuccessiveHalvingPolicy:
        predictor = CapacitanceRidge(metric=metric, mode=mode)
        return SuccessiveHalvingPolicy(
            metric=metric, max_t=5, grace_period=3, reduction_factor=2, predictor=predictor
        )

    scheduler = PolicyScheduler(policy, time_attr="epoch", metric="val_accuracy", mode="max", journal=False)
    return SearchRecord("val_accuracy", 5, 6), make(space=space, seed=seed, scheduler=scheduler), scheduler


def result_of(number: int, epoch: int) -> dict[str, Any]:
    """A learning curve whose accuracy rises, with a little noise, as beta_eff goes to nothing."""
    accuracy = (0.3 + (number * 7 % 5) / 10) * (1 - 0.6**epoch) + 0.01 * (epoch % 2)
    return {
        "val_accuracy": accuracy,
        "beta_eff": 0.6**epoch,
        "epoch": epoch,
        "training_iteration": epoch,
    }


def train(search: RecordedSearch, scheduler: PolicyScheduler, name: str, number: int, epochs: Any) -> None:
    """Report as Ray does: the searcher is not shown a result that ends the trial, only the end."""
    trial = Trial("trainable", stub=True, trial_id=name)
    scheduler.on_trial_add(None, trial)
    for epoch in epochs:
        result = result_of(number, epoch)
        if scheduler.on_trial_result(None, trial, result) == "STOP":
            scheduler.on_trial_complete(None, trial, result)
            search.on_trial_complete(name, result)
            return
        search.on_trial_result(name, result)


def live(folder: Path, stop_after: int) -> tuple[SearchRecord, RecordedSearch, PolicyScheduler]:
    """Six trials of five epochs; the one numbered ``stop_after`` is left running after two."""
    record, search, scheduler = parts()
    recorder = SearchRecorder(record, Journal(folder / "journal.jsonl"))
    recorder.begun(journal_head(CONFIG))
    search.recorder = scheduler.recorder = recorder
    for number in range(6):
        search.suggest(f"old-{number}")
        train(search, scheduler, f"old-{number}", number, range(1, 3 if number == stop_after else 6))
        if number == stop_after:
            break
    return record, search, scheduler


def learned(search: RecordedSearch) -> list[Any]:
    """All that a sampler looks at."""
    return [(t.state, t.values, t.params, t.intermediate_values) for t in search._ot_study.trials]


def labels(search: RecordedSearch) -> list[Any]:
    """What the study says of its trials."""
    return [{**trial.user_attrs, "neurocap:searcher": ""} for trial in search._ot_study.trials]


def test_a_replayed_journal_gives_the_same_record_policy_and_next_proposal(tmp_path: Path) -> None:
    record, search, scheduler = live(tmp_path, stop_after=99)
    again_record, again_search, again_scheduler = parts()
    Replay(again_record, again_search, again_scheduler).run(Journal(tmp_path / "journal.jsonl"))
    assert repr(again_record) == repr(record)
    assert again_scheduler.policy.state_dict() == scheduler.policy.state_dict()
    assert learned(again_search) == learned(search)
    bounds = [trial for trial in search._ot_study.trials if trial.value != trial.user_attrs["neurocap:raw"]]
    assert bounds, "no trial was told the lower bound of a prediction"
    assert labels(again_search) == labels(search)
    search.recorder = None
    assert again_search.suggest("new") == search.suggest("new")


def test_a_trial_cut_off_is_proposed_first_and_its_past_is_forgotten(tmp_path: Path) -> None:
    record, _, _ = live(tmp_path, stop_after=4)
    again_record, again_search, again_scheduler = parts()
    replay = Replay(again_record, again_search, again_scheduler)
    restarted = replay.run(Journal(tmp_path / "journal.jsonl"))
    replay.go_on(SearchRecorder(again_record, Journal(tmp_path / "again.jsonl")), restarted)
    assert again_search.suggest("new") == record.trials["old-4"].config
    assert again_record.finished == again_record.finished[:4]
    assert again_scheduler.roster.key("new") == "old-4"


def test_another_seed_cannot_resume(tmp_path: Path) -> None:
    live(tmp_path, stop_after=99)
    with pytest.raises(
        UserError, match=r"for trial 0 the sampler proposes .* all records in the run directory are intact"
    ):
        Replay(*parts(seed=5)).run(Journal(tmp_path / "journal.jsonl"))


def test_the_searcher_survives_rays_plain_pickle(tmp_path: Path) -> None:
    search = make()
    search.recorder = SearchRecorder(SearchRecord("val_accuracy", 3, 6), Journal(tmp_path / "j.jsonl"))
    search.suggest("a")
    search.save(str(tmp_path / "state"))
    state = pickle.loads((tmp_path / "state").read_bytes())
    assert state.keys() & {"recorder", "scheduler", "_memory"} == {"_memory"}


def test_a_trial_that_runs_again_is_known_by_its_new_name() -> None:
    search = make(space=FOUR)
    config = search.suggest("old")
    assert isinstance(config, dict)
    search.run_again("old", config)
    assert search.suggest("new") == config
    search.on_trial_complete("new", {"val_accuracy": 0.5, "training_iteration": 1})
    assert search._ot_study.trials[0].user_attrs["neurocap:trial"] == "new"
    first = search._memory.first("another", config)
    assert first.trial_id == "new"
    assert first.told is not None
    assert first.told.values == (0.5,)


@pytest.mark.parametrize(
    ("change", "allowed"),
    [
        ({"training": {"epochs": 5}}, "training"),
        ({"seed": 3}, "seed"),
        ({"search": {"num_trials": 50, "max_concurrent": 2}}, None),
        ({"resources": {"cpus_per_trial": 2}, "tracking": {"experiment": "other"}}, None),
    ],
)
def test_only_how_much_and_where_may_change_on_resuming(
    tmp_path: Path, change: dict[str, Any], allowed: str | None
) -> None:
    live(tmp_path, stop_after=99)
    settings = fixed_settings(SearchConfig.model_validate({"space": SPACE} | change))
    journal = Journal(tmp_path / "journal.jsonl")
    if allowed is None:
        assert Replay(*parts()).run(journal, settings) == []
    else:
        with pytest.raises(UserError, match=f"{allowed} in config.yaml changed since it began"):
            Replay(*parts()).run(journal, settings)


def test_a_trial_lost_with_its_worker_runs_again(tmp_path: Path) -> None:
    record, search, scheduler = live(tmp_path, stop_after=4)
    journal = Journal(tmp_path / "journal.jsonl")
    # Ray tells Optuna of the failure, the next trial is proposed, then the search ends.
    recorder = SearchRecorder(record, journal)
    search.on_trial_complete("old-4", error=True)
    scheduler.policy.on_error("old-4")
    recorder.ended("old-4", TrialState.INTERRUPTED, error="The actor died unexpectedly")
    search.suggest("old-5")
    recorder.ended("old-5", TrialState.INTERRUPTED)
    again_record, again_search, again_scheduler = parts()
    replay = Replay(again_record, again_search, again_scheduler)
    restarted = replay.run(journal)
    assert restarted == ["old-4", "old-5"]
    again_search.recorder = again_scheduler.recorder = SearchRecorder(again_record, journal)
    again_search.recorder.resumed(restarted)
    replay.go_on(again_search.recorder, restarted)
    for number in (4, 5):
        assert again_search.suggest(f"new-{number}") == record.trials[f"old-{number}"].config
        train(again_search, again_scheduler, f"new-{number}", number, range(1, 6))
    state = {trial.number: trial.state.name for trial in again_search._ot_study.trials}
    assert state == {**dict.fromkeys(range(7), "COMPLETE"), 4: "FAIL"}
    # The continued search can be continued again, by the ids its journal began with.
    third_record, third_search, third_scheduler = parts()
    assert Replay(third_record, third_search, third_scheduler).run(journal) == []
    assert learned(third_search) == learned(again_search)
    again_search.recorder = None
    assert third_search.suggest("next") == again_search.suggest("next")


def test_a_search_that_proposed_duplicates_is_replayed_alike(tmp_path: Path) -> None:
    record, search, scheduler = parts(space=FOUR)
    recorder = SearchRecorder(record, Journal(tmp_path / "journal.jsonl"))
    recorder.begun(journal_head(CONFIG))
    search.recorder = scheduler.recorder = recorder
    for number in range(4):  # the first two run at once, so that a duplicate of a running trial is told
        assert isinstance(search.suggest(f"old-{number}"), dict)
        for finished in {1: (0, 1), 2: (2,), 3: (3,)}.get(number, ()):
            train(search, scheduler, f"old-{finished}", finished, range(1, 6))
    assert len({str(trial.config) for trial in record}) == 4
    assert any("neurocap:duplicate_of" in trial.user_attrs for trial in search._ot_study.trials)
    again = parts(space=FOUR)
    Replay(*again).run(Journal(tmp_path / "journal.jsonl"))
    assert learned(again[1]) == learned(search)
    assert again[1].suggest("more") == search.suggest("more") == "FINISHED"
    assert len(record.trials) == 4


@pytest.mark.parametrize("sampler", ["gp", "nsga2", "cmaes"])
def test_pruned_is_not_told_to_samplers_that_would_forget_it(sampler: Any) -> None:
    config = SamplerConfig(sampler=sampler, told_value="pruned")
    with pytest.raises(UserError, match=f"search.told_value: pruned does not go with the sampler {sampler}"):
        check_sampler(config, SPACE)
    check_sampler(SamplerConfig(sampler="tpe", told_value="pruned"), SPACE)
    check_sampler(SamplerConfig(sampler=sampler), SPACE)


def test_cmaes_is_refused_where_it_would_draw_at_random() -> None:
    cell = CellSpace(name="cell")
    with pytest.raises(UserError, match="cmaes needs numbers to vary, and the space 'cell' has only choices"):
        check_sampler(SamplerConfig(sampler="cmaes"), cell)
    check_sampler(SamplerConfig(sampler="cmaes"), SPACE)
    check_sampler(SamplerConfig(sampler="tpe"), cell)
