"""Sampler, points to evaluate and the journal's way back, without a cluster."""

import pickle
from pathlib import Path
from typing import Any

import pytest

from neurocap_search.config import SamplerConfig, SearchConfig
from neurocap_search.errors import UserError
from neurocap_search.prediction import Report
from neurocap_search.pruning import SuccessiveHalvingPolicy
from neurocap_search.tracking import Journal, SearchRecord, SearchRecorder, TrialState
from neurocap_search.tune.replay import Replay, fixed_settings, journal_head
from neurocap_search.tune.samplers import check_points, check_sampler, make_sampler
from neurocap_search.tune.searcher import Proposal, RecordedSearch
from search_spaces import CellSpace, MlpSpace, SearchSpace

SPACE = MlpSpace.model_validate(
    {"name": "mlp", "hyperparameters": {"learning_rate": {"low": 0.01, "high": 0.1, "log": True}}}
)
CONFIG = SearchConfig.model_validate({"space": SPACE})
SAMPLERS = ["tpe", "random", "gp", "nsga2", "cmaes"]


def make(name: str = "tpe", space: SearchSpace = SPACE, points: Any = (), seed: int = 0) -> RecordedSearch:
    config = SamplerConfig.model_validate({"sampler": name, "startup_trials": 3})
    return RecordedSearch(Proposal(space, (1, 8, 8), 10), make_sampler(config, seed), "val_accuracy", points)


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


def live(folder: Path, stop_after: int) -> tuple[SearchRecord, RecordedSearch, SuccessiveHalvingPolicy]:
    """Six trials of three epochs, driven as Ray drives them; the last are left running."""
    record, search, policy = parts()
    journal = Journal(folder / "journal.jsonl")
    journal.append(journal_head(CONFIG))
    recorder = SearchRecorder(record, journal)
    search.recorder = recorder
    for number in range(6):
        trial = f"old-{number}"
        search.suggest(trial)
        recorder.started(trial)
        for epoch in (1, 2, 3):
            report = Report(epoch, {"val_accuracy": (number * 7 % 5) / 10 + epoch / 100})
            decision = policy.on_report(trial, report)
            result = {"val_accuracy": report.metrics["val_accuracy"], "training_iteration": epoch}
            if decision.action == "CONTINUE":
                search.on_trial_result(trial, result)
            recorder.reported(trial, report, decision)
            if number == stop_after and epoch == 2:
                return record, search, policy
            if decision.action == "STOP":
                policy.on_complete(trial, report)
                search.on_trial_complete(trial, result)
                recorder.ended(trial, TrialState.PRUNED if decision.pruned else TrialState.COMPLETED)
                break
    return record, search, policy


def parts() -> tuple[SearchRecord, RecordedSearch, SuccessiveHalvingPolicy]:
    policy = SuccessiveHalvingPolicy(metric="val_accuracy", max_t=3, reduction_factor=2)
    return SearchRecord("val_accuracy", 3, 6), make(), policy


def test_a_replayed_journal_gives_the_same_record_policy_and_next_proposal(tmp_path: Path) -> None:
    record, search, policy = live(tmp_path, stop_after=99)
    again_record, again_search, again_policy = parts()
    Replay(again_record, again_search, again_policy).run(Journal(tmp_path / "journal.jsonl"))
    record.search_id = again_record.search_id  # the live one was made without a head
    assert repr(again_record) == repr(record)
    assert again_policy.state_dict() == policy.state_dict()
    search.recorder = None
    assert again_search.suggest("new") == search.suggest("new")


def test_a_trial_cut_off_is_proposed_first_and_its_past_is_forgotten(tmp_path: Path) -> None:
    record, _, _ = live(tmp_path, stop_after=4)
    again_record, again_search, again_policy = parts()
    Replay(again_record, again_search, again_policy).run(Journal(tmp_path / "journal.jsonl"))
    assert again_search.suggest("new") == record.trials["old-4"].config
    assert again_record.finished == again_record.finished[:4]
    assert "old-4" not in again_policy.state_dict()["histories"]


def test_another_seed_cannot_resume(tmp_path: Path) -> None:
    live(tmp_path, stop_after=99)
    record, _, policy = parts()
    with pytest.raises(
        UserError, match=r"for trial 0 the sampler proposes .* all records in the run directory are intact"
    ):
        Replay(record, make(seed=5), policy).run(Journal(tmp_path / "journal.jsonl"))


def test_the_searcher_survives_rays_plain_pickle(tmp_path: Path) -> None:
    search = make()
    search.recorder = SearchRecorder(SearchRecord("val_accuracy", 3, 6), Journal(tmp_path / "j.jsonl"))
    search.suggest("a")
    search.save(str(tmp_path / "state"))
    assert pickle.loads((tmp_path / "state").read_bytes())


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
    record, search, policy = live(tmp_path, stop_after=4)
    journal = Journal(tmp_path / "journal.jsonl")
    # Ray tells Optuna of the failure, the next trial is proposed, then the search ends.
    recorder = SearchRecorder(record, journal)
    search.on_trial_complete("old-4", error=True)
    policy.on_error("old-4")
    recorder.ended("old-4", TrialState.INTERRUPTED, error="The actor died unexpectedly")
    search.suggest("old-5")
    recorder.ended("old-5", TrialState.INTERRUPTED)
    again_record, again_search, again_policy = parts()
    restarted = Replay(again_record, again_search, again_policy).run(journal)
    assert restarted == ["old-4", "old-5"]
    assert again_search.suggest("new-4") == record.trials["old-4"].config
    assert again_search.suggest("new-5") == record.trials["old-5"].config
    again_search.on_trial_complete("new-4", {"val_accuracy": 0.5, "training_iteration": 3})


def test_cmaes_is_refused_where_it_would_draw_at_random() -> None:
    cell = CellSpace(name="cell")
    with pytest.raises(UserError, match="cmaes needs numbers to vary, and the space 'cell' has only choices"):
        check_sampler(SamplerConfig(sampler="cmaes"), cell)
    check_sampler(SamplerConfig(sampler="cmaes"), SPACE)
    check_sampler(SamplerConfig(sampler="tpe"), cell)
