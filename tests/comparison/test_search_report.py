"""The report of one search, from a run directory that the search's own recorder wrote."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from neurocap_search.cli import app
from neurocap_search.comparison.results import Results, RunResult, Unit
from neurocap_search.comparison.results_file import write_results
from neurocap_search.comparison.search_report import SearchSubject, compose_search
from neurocap_search.comparison.search_report.health import _more_than_size, checks
from neurocap_search.comparison.statistics.check import Check
from neurocap_search.config import SchedulerConfig, SearchConfig
from neurocap_search.config_reader import dump_config
from neurocap_search.prediction import CapacitanceRidge, Report
from neurocap_search.pruning import SuccessiveHalvingPolicy
from neurocap_search.tracking import Journal, SearchRecord, SearchRecorder, TableWriter, TrialState, summarise
from neurocap_search.tune.replay import journal_head

EPOCHS = 9


def config(name: str = "neural_capacitance", trials: int = 30) -> SearchConfig:
    return SearchConfig(
        name="made-up",
        space={"name": "mlp"},
        training={"epochs": EPOCHS},
        search={"num_trials": trials},
        scheduler=SchedulerConfig(name=name, grace_period=3, reduction_factor=3),
    )


def write_search(folder: Path, settings: SearchConfig, *, described: str = "net", failed: int = 0) -> Path:
    """Write what a search leaves behind; its curves are made up, its decisions are the policy's."""
    folder.mkdir()
    (folder / "config.yaml").write_text(dump_config(settings))
    record = SearchRecord("val_accuracy", EPOCHS, settings.search.num_trials)
    recorder = SearchRecorder(record, Journal(folder / "journal.jsonl"), [TableWriter(folder)])
    recorder.begun(journal_head(settings))
    policy = SuccessiveHalvingPolicy(
        metric="val_accuracy",
        max_t=EPOCHS,
        grace_period=3,
        reduction_factor=3,
        predictor=CapacitanceRidge(metric="val_accuracy", bounds=(0.0, 1.0))
        if settings.scheduler.name == "neural_capacitance"
        else None,
    )
    random = np.random.default_rng(0)
    for number in range(settings.search.num_trials):
        facts = {"description": f"{described} {number}", "parameters": 100 + number, "multiply_adds": 50}
        proposed = {"architecture": {"space": "mlp", "widths": [number + 1]}, "training": {}}
        recorder.suggested(str(number), proposed, facts)
        if number < failed:
            recorder.ended(str(number), TrialState.FAILED, error="RuntimeError: made to fail")
            continue
        _train(recorder, policy, str(number), float(random.uniform(0.4, 0.9)), random)
    summary = summarise(record, 3, 0.75)
    recorder.tell(lambda listener: listener.on_search_end(record, summary))
    return folder


def _train(
    recorder: SearchRecorder,
    policy: SuccessiveHalvingPolicy,
    key: str,
    quality: float,
    random: np.random.Generator,
) -> None:
    for epoch in range(1, EPOCHS + 1):
        seen = quality * (1 - 0.5**epoch) + float(random.normal(0, 0.01))
        numbers = {"val_accuracy": seen, "train_loss": 1 - seen, "beta_eff": 0.5**epoch * quality}
        report = Report(epoch, {**numbers, "parameters": 100.0 + int(key)}, 0.5)
        decision = policy.on_report(key, report)
        recorder.reported(key, report, decision)
        if decision.pruned:
            recorder.ended(key, TrialState.PRUNED)
            return
    policy.on_complete(key, report)
    recorder.ended(key, TrialState.COMPLETED)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_search(tmp_path_factory.mktemp("search") / "run", config())


@pytest.fixture(scope="module")
def subject(folder: Path) -> SearchSubject:
    return SearchSubject.read(folder)


def invoke(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["report", *arguments], catch_exceptions=False)
    return result.exit_code, result.stdout, result.stderr


def check(subject: SearchSubject, name: str) -> Check:
    return next(line for line in checks(subject) if line.name == name)


def test_the_sentence_says_what_the_tables_say(subject: SearchSubject, folder: Path) -> None:
    with (folder / "trials.csv").open() as file:
        rows = list(csv.DictReader(file))
    spent = sum(int(row["epochs"]) for row in rows)
    finals = {row["description"]: float(row["final_val_accuracy"] or 0) for row in rows}
    best = max(finals, key=lambda name: finals[name])
    page = compose_search(subject)
    assert f"{spent} of {30 * EPOCHS} epochs" in page.sentence
    assert f"{best}, has val accuracy {100 * finals[best]:.2f} %, test accuracy 75.00 %." in page.sentence
    pruned = sum(row["state"] == "pruned" for row in rows)
    assert f"30 trials: {pruned} pruned, {30 - pruned} trained to the end, 0 failed" in page.beside[0]
    assert f"{30 * EPOCHS - spent} epochs saved" in page.beside[0]


def test_the_page_has_all_its_parts(subject: SearchSubject) -> None:
    page = compose_search(subject)
    assert [section.title for section in page.sections] == [
        "Health card",
        "Learning curves",
        "Where the epochs went",
        "Predicted against final",
        "Calibration of the spread",
        "What the signals were worth to the rule",
        "What each signal is worth",
        "Trials",
        "How it was made",
    ]
    assert {"curves", "epochs", "predictions"} <= {picture.name for picture in page.pictures}


def test_the_epochs_add_up(subject: SearchSubject) -> None:
    (picture,) = [p for p in compose_search(subject).pictures if p.name == "epochs"]
    for row in picture.data:
        assert sum(row[name] for name in ("completed", "pruned", "other", "saved")) == 30
    trained = sum(row["completed"] + row["pruned"] + row["other"] for row in picture.data)
    assert trained == sum(trial.epochs for trial in subject.trials)


def test_the_best_trial_heads_the_table(subject: SearchSubject) -> None:
    (table,) = [table for table in compose_search(subject).tables if table.name == "trials"]
    assert table.rows[0][0] in table.marked
    assert len(table.rows) == len(table.data) == 30
    assert [row[2] for row in table.rows] == sorted(row[2] for row in table.rows)
    best = subject.record.best
    assert best is not None
    guess = best.decisions[2].prediction
    assert guess is not None
    assert table.header[5] == "predicted at epoch 3 (%)"
    assert table.rows[0][5].strip("()").startswith(f"{100 * guess.mean:.2f} ± ")


def test_predictions_are_those_of_trials_with_a_final(subject: SearchSubject) -> None:
    (picture,) = [p for p in compose_search(subject).pictures if p.name == "predictions"]
    assert {row["epoch"] for row in picture.data} >= {3}
    assert not any(row["pruned"] for row in picture.data)


def test_a_rule_without_predictions_says_so(tmp_path: Path) -> None:
    page = compose_search(SearchSubject.read(write_search(tmp_path / "run", config("asha"))))
    assert "asha made no predictions" in page.beside[1]
    names = {picture.name for picture in page.pictures}
    assert "predictions" not in names


def test_the_health_card_notices(tmp_path: Path, subject: SearchSubject) -> None:
    assert check(subject, "search finished").state == "PASS"
    assert check(subject, "failed trials").state == "PASS"
    assert check(subject, "epochs saved").state == "PASS"
    assert check(subject, "beta_eff measured") == Check(
        "beta_eff measured",
        "PASS",
        f"no value after 0 % of the {sum(trial.epochs for trial in subject.trials)} epochs",
    )
    few = SearchSubject.read(write_search(tmp_path / "few", config(trials=4), failed=2))
    assert check(few, "finished trials").state == "FAIL"
    assert check(few, "failed trials") == Check("failed trials", "FAIL", "2 of 4 trials failed")


def test_an_unfinished_search_is_called_so(tmp_path: Path) -> None:
    folder = write_search(tmp_path / "run", config())
    lines = (folder / "journal.jsonl").read_text().splitlines(keepends=True)
    (folder / "journal.jsonl").write_text("".join(lines[: len(lines) // 2]))
    (folder / "summary.json").unlink()
    subject = SearchSubject.read(folder)
    found = check(subject, "search finished")
    assert found.state == "WARNING"
    assert "not finished: what follows is of a part" in found.reason
    assert "test accuracy" not in compose_search(subject).sentence


def test_the_verb_writes_page_figures_and_tables(folder: Path) -> None:
    code, out, _ = invoke(str(folder))
    assert code == 0
    report = folder / "report" / "report.html"
    assert out.splitlines()[0] == f"Report          {report}"
    page = report.read_text()
    assert out.splitlines()[-1] in page
    assert (folder / "report" / "figures" / "curves.png").read_bytes().startswith(b"\x89PNG")
    with (folder / "report" / "tables" / "trials.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 30
    code, _, _ = invoke(str(folder), "--json")
    assert code == 0
    assert report.read_text() == page, "the same run directory gives the same page"


def test_names_of_networks_are_escaped(tmp_path: Path) -> None:
    folder = write_search(tmp_path / "run", config(), described="<script>alert(1)</script> $x_1$")
    assert invoke(str(folder), "--output", str(tmp_path / "out"))[0] == 0
    page = (tmp_path / "out" / "report.html").read_text()
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_a_comparison_is_reported_from_its_results(tmp_path: Path) -> None:
    runs = [
        RunResult(rule, Unit("t", pool), 0, 1, 10, spent, 100, 9.0, "0", final, 0.9, 0.5)
        for pool in range(4)
        for rule, spent, final in (("beta_eff", 20 + pool, 0.85), ("asha", 30 + pool, 0.8))
    ]
    write_results(Results(tuple(runs)), tmp_path)
    code, out, _ = invoke(str(tmp_path), "--json")
    assert code == 0
    written = json.loads(out)
    assert written["sentence"] in Path(written["report"]).read_text().replace("&#39;", "'")
    assert "traces cannot be read any more" in written["remark"]


def _no_folder(path: Path) -> Path:
    return path / "nowhere"


def _empty(path: Path) -> Path:
    return path


def _no_journal(path: Path) -> Path:
    (path / "config.yaml").write_text(dump_config(config()))
    return path


def _no_epoch(path: Path) -> Path:
    _no_journal(path)
    Journal(path / "journal.jsonl").append(journal_head(config()))
    return path


def _damaged(path: Path) -> Path:
    _no_epoch(path)
    (path / "journal.jsonl").write_text("{\n" + (path / "journal.jsonl").read_text())
    return path


def _damaged_results(path: Path) -> Path:
    (path / "results.json").write_text("[")
    return path


@pytest.mark.parametrize(
    ("make", "message"),
    [
        pytest.param(_no_folder, "is no folder. Give the run directory", id="no-folder"),
        pytest.param(_empty, "is no run directory: it has no config.yaml", id="empty"),
        pytest.param(_no_journal, "holds nothing to report on yet", id="no-journal"),
        pytest.param(_no_epoch, "holds no trained epoch yet", id="no-epoch"),
        pytest.param(_damaged, "line 1 is damaged", id="damaged-journal"),
        pytest.param(_damaged_results, "results.json is damaged", id="damaged-results"),
    ],
)
def test_wrong_folders_give_exit_code_2_and_one_message(make, message: str, tmp_path: Path) -> None:
    code, out, err = invoke(str(make(tmp_path)))
    assert (code, out) == (2, "")
    assert message in err
    assert "Traceback" not in err


def test_a_report_that_cannot_be_written(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    code, _, err = invoke(str(folder), "--output", str(tmp_path / "file"))
    assert code == 2
    assert "cannot be written" in err


def test_a_prediction_that_only_knows_the_size_is_noticed() -> None:
    sizes = [float(k) for k in range(30)]
    swapped = [size + (1, 0, -1)[int(size) % 3] * 2 for size in sizes]
    passed = _more_than_size(sizes, sizes, swapped)
    assert passed is not None
    assert passed.state == "PASS"
    by_class = [float(k // 10) for k in range(30)]
    shuffled = [by_class[k] + (k * 7 % 10) / 100 for k in range(30)]
    finals = [by_class[k] + (k * 3 % 10) / 100 for k in range(30)]
    found = _more_than_size(sizes, shuffled, finals)
    assert found is not None
    assert found.state == "WARNING"
    assert "among networks of similar size" in found.reason
