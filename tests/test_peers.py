"""The page that sets schedulers side by side: its tests exist, and its peers answer as it says."""

import ast
import inspect
import json
import math
import re
import textwrap
from pathlib import Path

import optuna
import optuna.testing
import pytest
from optuna.pruners import (
    BasePruner,
    HyperbandPruner,
    MedianPruner,
    NopPruner,
    PatientPruner,
    PercentilePruner,
    SuccessiveHalvingPruner,
    ThresholdPruner,
    WilcoxonPruner,
)
from optuna.samplers import BaseSampler, BruteForceSampler, NSGAIISampler, RandomSampler, TPESampler
from optuna.samplers._tpe.sampler import _split_trials
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState
from ray.tune.execution import tune_controller
from ray.tune.schedulers import ASHAScheduler, PopulationBasedTraining, TrialScheduler
from ray.tune.schedulers.pb2 import PB2
from ray.tune.search import ConcurrencyLimiter, Searcher
from ray.tune.search.optuna import OptunaSearch

from neurocap_search.cli import app
from neurocap_search.testing.mock_controller import MockController
from neurocap_search.testing.scheduler_contract import ContractError
from tests.conftest import ROOT
from tests.testing.test_schedulers_of_ray import ASHA, LACKS

PAGE = (ROOT / "docs" / "schedulers.md").read_text(encoding="utf-8")
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.splitlines() if "::" in line]
COLUMNS = {"ours": 1, "Ray": 2, "Optuna": 3, "Syne Tune": 4}
experimental = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
all_nan = pytest.mark.filterwarnings("ignore:All-NaN slice:RuntimeWarning")  # Optuna's own


def row_named(beginning: str) -> list[str]:
    """The one row whose name begins so."""
    (found,) = (row for row in ROWS if row[0].startswith(beginning))
    return found


def says(column: str, expected: str, *rows: str) -> None:
    """Check what the page says of a peer, in cells that are not marked as untested."""
    for row in rows:
        assert "*" not in row_named(row)[COLUMNS[column]], row
        assert re.split(r"\W", row_named(row)[COLUMNS[column]])[0] == expected, row


# The page itself -----------------------------------------------------------------------------------


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_the_tests_behind_a_row_exist(row: list[str]) -> None:
    assert len(row) == 6
    for test in row[5].split(", "):
        path, _, name = test.partition("::")
        functions = ast.parse((ROOT / path).read_text(encoding="utf-8")).body
        assert name in {node.name for node in functions if isinstance(node, ast.FunctionDef)}
        assert name.startswith("test_")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_an_answer_is_yes_or_no_or_partly_with_a_footnote(row: list[str]) -> None:
    for each in row[1:5]:
        assert re.fullmatch(r"(yes|no)(\[\^\w+\])?( \*)?|partly\[\^\w+\]( \*)?", each), each


def test_no_row_is_there_twice_and_every_row_is_found() -> None:
    table = PAGE.split("| backed by |")[1].split("\n\n")[0].splitlines()[2:]
    assert len(table) == len(ROWS) == len({row[0] for row in ROWS}) >= 14


def test_every_footnote_is_used_and_defined_once() -> None:
    used = set(re.findall(r"\[\^(\w+)\](?!:)", PAGE))
    defined = re.findall(r"^\[\^(\w+)\]:", PAGE, re.MULTILINE)
    assert used == set(defined)
    assert len(defined) == len(set(defined))


def test_the_page_says_what_is_not_tested_and_what_beta_eff_has_not_shown() -> None:
    words = " ".join(PAGE.split())
    assert (
        "The whole column of Syne Tune rests on the source and documentation of its version 0.15.0 "
        "and is not tested here." in words
    )
    assert "it has shown no advantage over the accuracy simply seen" in words
    assert "## What to expect" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_a_cell_of_ray_or_optuna_without_an_asterisk_is_checked_below() -> None:
    calls = [node for node in ast.walk(ast.parse(Path(__file__).read_text("utf-8"))) if is_a_check(node)]
    checked = {
        (row_named(row.value)[0], column.value)
        for column, _, *rows in (call.args for call in calls)
        for row in rows
    }
    unmarked = {(row[0], name) for row in ROWS for name in ("Ray", "Optuna") if "*" not in row[COLUMNS[name]]}
    assert {each for each in checked if each[1] != "ours"} == unmarked
    assert not any("*" in row[column] for row in ROWS for column in (1, 4))


def is_a_check(node: ast.AST) -> bool:
    """Whether it is a call of ``says``."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "says"


def test_every_peer_is_better_or_equal_somewhere() -> None:
    for column in ("Ray", "Optuna", "Syne Tune"):
        rank = ["no", "partly", "yes"]
        better = [
            row[0]
            for row in ROWS
            if rank.index(re.split(r"\W", row[COLUMNS[column]])[0])
            > rank.index(re.split(r"\W", row[COLUMNS["ours"]])[0])
        ]
        assert better, column


def test_a_command_of_ours_replays_recorded_curves() -> None:
    commands = {command.name or command.callback.__name__ for command in app.registered_commands}
    assert {"record", "replay"} <= commands
    says("ours", "yes", "tries a rule on recorded curves")


# Ray -----------------------------------------------------------------------------------------------


def asha_answers(**more: float) -> list[str]:
    """What ASHA answers to eight trials that report in turns."""
    controller = MockController(ASHAScheduler("epoch", "acc", "max", max_t=9, reduction_factor=3))
    answers = []
    for epoch in range(1, 10):
        for trial in "hgfedcba":
            if epoch == 1 or controller.trial(trial).status == "RUNNING":
                acc = ord(trial) / 200 + epoch / 100
                answers.append(controller.report(trial, {"epoch": epoch, "acc": acc, **more}))
    return answers


def test_asha_stops_never_pauses_and_says_nothing_more() -> None:
    assert set(asha_answers()) == {"CONTINUE", "STOP"}
    says("Ray", "yes", "stops the worst")
    says("Ray", "no", "pauses at a rung", "gives the reason")


def test_asha_reads_one_number_of_a_report() -> None:
    assert asha_answers(beta_eff=0.0) == asha_answers(beta_eff=9.0) == asha_answers()
    says("Ray", "no", "several numbers", "prunes by a predicted")


def test_asha_has_no_argument_for_guards_or_sizes() -> None:
    arguments = "time_attr metric mode max_t grace_period reduction_factor brackets stop_last_trials"
    assert list(inspect.signature(ASHAScheduler).parameters) == arguments.split()
    says("Ray", "no", "patience", "protects the current best", "lets only networks of similar size")


def test_asha_lets_a_diverged_trial_train_on() -> None:
    controller = MockController(ASHAScheduler("epoch", "acc", "max", max_t=9))
    controller.report("good", {"epoch": 1, "acc": 0.9})
    assert controller.report("diverged", {"epoch": 1, "acc": math.nan}) == "CONTINUE"
    assert "test_a_diverged_trial_is_stopped" in LACKS[ASHA]
    says("Ray", "no", "ends a diverged trial")


def test_ray_does_not_catch_an_error_of_a_scheduler() -> None:
    source = inspect.getsource(tune_controller.TuneController._process_trial_result)
    assert "_scheduler_alg.on_trial_result" in source
    assert not any(isinstance(node, ast.Try) for node in ast.walk(ast.parse(textwrap.dedent(source))))
    says("Ray", "no", "an error in the rule")


def test_ray_never_saves_a_scheduler() -> None:
    source = inspect.getsource(tune_controller)
    assert "_search_alg.save" in source
    assert not re.search(r"_scheduler_alg\.(save|restore)", source)
    assert '"_scheduler_alg"' in inspect.getsource(tune_controller.TuneController.__getstate__)
    says("Ray", "no", "remembers its rungs")


def test_asha_saves_itself_as_a_pickle(tmp_path: Path) -> None:
    ASHAScheduler("epoch", "acc", "max").save(str(tmp_path / "state"))
    assert (tmp_path / "state").read_bytes().startswith(b"\x80")  # the mark of a pickle
    says("Ray", "no", "keeps its state as versioned JSON")


def test_rays_limit_counts_a_paused_trial() -> None:
    class Endless(Searcher):
        def suggest(self, trial_id):
            return {"x": 1}

        def on_trial_complete(self, trial_id, result=None, error=False):
            pass

        def on_pause(self, trial_id):
            pass

    limiter = ConcurrencyLimiter(Endless(metric="acc", mode="max"), max_concurrent=1)
    assert limiter.suggest("a") == {"x": 1}
    limiter.on_pause("a")
    assert limiter.suggest("b") is None
    limiter.on_trial_complete("a")
    assert limiter.suggest("b") == {"x": 1}
    says("Ray", "no", "limits concurrent trials")


def one_or_two(trial):
    """A space of two points."""
    trial.suggest_int("x", 1, 2)


def test_rays_searcher_tells_the_last_value_as_final_and_repeats_itself() -> None:
    search = OptunaSearch(one_or_two, metric="acc", mode="max", seed=0)
    for number in range(3):
        search.suggest(str(number))
        search.on_trial_result(str(number), {"acc": 0.2, "training_iteration": 1})
        search.on_trial_complete(str(number), {"acc": 0.3, "training_iteration": 2})  # stopped early
    trials = search._ot_study.trials
    assert [(trial.state, trial.value) for trial in trials] == [(TrialState.COMPLETE, 0.3)] * 3
    assert len({trial.params["x"] for trial in trials}) < 3
    says("Ray", "no", "tells the sampler", "trains no configuration twice")


def test_asha_takes_one_objective() -> None:
    controller = MockController(ASHAScheduler("epoch", ["acc", "size"], "max"))
    with pytest.raises(ContractError, match="unhashable type: 'list'"):
        controller.report("a", {"epoch": 1, "acc": 0.5, "size": 3})
    says("Ray", "no", "prunes by several objectives")


def test_other_schedulers_of_ray_change_hyper_parameters() -> None:
    assert all(issubclass(scheduler, TrialScheduler) for scheduler in (PopulationBasedTraining, PB2))
    assert not issubclass(ASHAScheduler, PopulationBasedTraining)
    says("Ray", "partly", "changes hyper-parameters")


# Optuna --------------------------------------------------------------------------------------------


def asked(pruner: BasePruner, values: list[float], before: list[float]) -> tuple[optuna.Study, list[bool]]:
    """A trial that reports and asks at each step, after three that completed so; what it was answered."""
    sampler = RandomSampler(seed=0)
    study = optuna.create_study(study_name="a", direction="maximize", pruner=pruner, sampler=sampler)
    for _ in range(3):
        trial = study.ask()
        for step, value in enumerate(before, 1):
            trial.report(value, step)
            trial.should_prune()
        study.tell(trial, before[-1])
    trial, pruned = study.ask(), []
    for step, value in enumerate(values, 1):
        trial.report(value, step)
        pruned.append(bool(trial.should_prune()))
    return study, pruned


def test_a_pruner_stops_the_worst_and_gives_no_words() -> None:
    study, pruned = asked(SuccessiveHalvingPruner(), [0.1], before=[0.5])
    assert pruned == [True]
    attributes = study.trials[-1].user_attrs | study.trials[-1].system_attrs
    assert attributes == {"completed_rung_0": 0.1}
    says("Optuna", "yes", "stops the worst")
    says("Optuna", "no", "gives the reason")


def test_optuna_knows_no_paused_trial() -> None:
    assert {state.name for state in TrialState} == {"RUNNING", "COMPLETE", "PRUNED", "FAIL", "WAITING"}
    says("Optuna", "no", "pauses at a rung", "limits concurrent")


def test_a_report_to_optuna_is_one_number_and_none_with_several_objectives() -> None:
    assert list(inspect.signature(optuna.Trial.report).parameters) == ["self", "value", "step"]
    trial = optuna.create_study(directions=["maximize", "minimize"]).ask()
    with pytest.raises(NotImplementedError):
        trial.report(0.5, 1)
    says("Optuna", "no", "several numbers", "prunes by a predicted", "prunes by several objectives")


PRUNES_NAN = {
    SuccessiveHalvingPruner: ({}, True),
    HyperbandPruner: ({"min_resource": 1, "max_resource": 9}, True),
    MedianPruner: ({"n_startup_trials": 1}, True),
    PercentilePruner: ({"percentile": 50.0, "n_startup_trials": 1}, True),
    ThresholdPruner: ({"upper": 1.0}, True),
    PatientPruner: ({"wrapped_pruner": MedianPruner(n_startup_trials=1), "patience": 1}, False),
    WilcoxonPruner: ({}, False),
    NopPruner: ({}, False),
}


@all_nan
@experimental
@pytest.mark.filterwarnings("ignore:The intermediate values of the current trial")
@pytest.mark.parametrize("pruner", PRUNES_NAN, ids=lambda pruner: pruner.__name__)
def test_which_pruners_of_optuna_prune_a_diverged_trial(pruner: type[BasePruner]) -> None:
    arguments, prunes = PRUNES_NAN[pruner]
    _, pruned = asked(pruner(**arguments), [math.nan] * 6, before=[0.5] * 6)
    assert any(pruned) is prunes
    says("Optuna", "partly", "ends a diverged trial")
    (footnote,) = (line for line in PAGE.splitlines() if line.startswith("[^nan]:"))
    pruning, others = footnote.split("; ")
    word = pruner.__name__.removesuffix("Pruner")
    assert (f"`{pruner.__name__}`" in others) is not prunes
    assert (re.sub(r"(?<=.)([A-Z])", r" \1", word).lower() in pruning.lower()) is prunes


def test_an_error_in_a_pruner_ends_a_study_unless_it_is_caught() -> None:
    class Broken(BasePruner):
        def prune(self, study, trial):
            raise RuntimeError("a mistake in the rule")

    def objective(trial):
        trial.report(0.5, 1)
        return float(trial.should_prune())

    study = optuna.create_study(pruner=Broken())
    with pytest.raises(RuntimeError, match="a mistake in the rule"):
        study.optimize(objective, n_trials=2)
    assert len(study.trials) == 1
    study.optimize(objective, n_trials=2, catch=(RuntimeError,))
    assert [trial.state for trial in study.trials] == [TrialState.FAIL] * 3
    says("Optuna", "partly", "an error in the rule")


def test_a_pruner_of_optuna_finds_its_rungs_in_a_storage_of_json_that_processes_share(tmp_path: Path) -> None:
    def opened(create: bool = False) -> optuna.Study:
        storage = JournalStorage(JournalFileBackend(str(tmp_path / "study.log")))
        pruner = SuccessiveHalvingPruner(min_resource=1)
        if create:
            return optuna.create_study(study_name="a", storage=storage, pruner=pruner, direction="maximize")
        return optuna.load_study(study_name="a", storage=storage, pruner=pruner)

    good = opened(create=True).ask()
    good.report(0.9, 1)
    assert not good.should_prune()
    bad = opened().ask()  # with a storage and a pruner of its own, as after a crash or in another process
    bad.report(0.1, 1)
    assert bad.should_prune()
    lines = [json.loads(line) for line in (tmp_path / "study.log").read_text().splitlines()]
    (first, *_) = (line["system_attr"] for line in lines if "completed_rung" in str(line))
    assert first == {"completed_rung_0": 0.9}  # JSON, and no version in it
    says("Optuna", "yes", "remembers its rungs", "several processes")
    says("Optuna", "yes", "works in a plain loop")
    says("Optuna", "partly", "keeps its state as versioned JSON")


@experimental
def test_optuna_has_patience() -> None:
    rising = [0.1, 0.2, 0.3, 0.4]
    _, plain = asked(MedianPruner(n_startup_trials=1), rising, before=[0.9] * 4)
    patient = PatientPruner(MedianPruner(n_startup_trials=1), patience=1)
    _, spared = asked(patient, rising, before=[0.9] * 4)
    assert all(plain)
    assert not any(spared)
    says("Optuna", "yes", "patience")


@experimental
@pytest.mark.parametrize(("value", "spared"), [(0.9, True), (0.3, False)])
def test_the_wilcoxon_pruner_spares_a_trial_with_the_better_average(value: float, spared: bool) -> None:
    falling = [1.0] * 5 + [0.0] * 5  # 0.5 on average, and above the trial at each of its steps
    values = [value + step / 1000 for step in range(5)]
    _, pruned = asked(WilcoxonPruner(), values, before=falling)
    assert pruned[-1] is not spared
    says("Optuna", "partly", "protects the current best")


def half_pruned(sampler: BaseSampler) -> optuna.Study:
    """A study of six trials, of which each second one was pruned."""

    def objective(trial):
        trial.report(trial.suggest_float("x", 0, 1), 1)
        if trial.number % 2:
            raise optuna.TrialPruned
        return trial.params["x"]

    study = optuna.create_study(sampler=sampler)
    study.optimize(objective, n_trials=6)
    return study


def test_what_optuna_s_samplers_make_of_a_pruned_trial() -> None:
    genetic = NSGAIISampler(population_size=2, seed=0)
    study = half_pruned(genetic)
    assert [trial.state for trial in study.trials].count(TrialState.PRUNED) == 3
    assert all(
        trial.state is TrialState.COMPLETE
        for generation in (0, 1)
        for trial in genetic.get_population(study, generation)
    )
    assert study.trials[1].value == study.trials[1].intermediate_values[1]  # the last value seen
    good, rest = _split_trials(study, study.trials, n_below=4)
    assert [trial.state for trial in good].count(TrialState.COMPLETE) == 3
    assert {trial.state for trial in rest} == {TrialState.PRUNED}
    says("Optuna", "partly", "tells the sampler")


@pytest.mark.parametrize(
    ("sampler", "repeats"),
    [(RandomSampler, True), (TPESampler, True), (BruteForceSampler, False)],
)
@experimental
def test_which_samplers_of_optuna_repeat_themselves(sampler: type[BaseSampler], repeats: bool) -> None:
    study = optuna.create_study(sampler=sampler(seed=0))
    study.optimize(lambda trial: trial.suggest_int("x", 0, 2), n_trials=6)
    assert (len(study.trials) > len({trial.params["x"] for trial in study.trials})) is repeats
    says("Optuna", "partly", "trains no configuration twice")


def test_optuna_ships_suites_for_samplers_and_storages_but_none_for_pruners() -> None:
    folder = Path(inspect.getfile(optuna.testing)).parent
    suites = {path.stem.removeprefix("pytest_") for path in folder.glob("pytest_*.py")}
    assert suites == {"importance", "samplers", "storages"}
    says("Optuna", "partly", "ships a conformance suite")


def test_no_answer_of_optuna_changes_a_trial() -> None:
    assert inspect.signature(optuna.Trial.should_prune).return_annotation in (bool, "bool")
    says("Optuna", "no", "changes hyper-parameters")
