"""What the signals were worth, in the report of a search."""

import csv
from pathlib import Path

import pytest

from neurocap_search.comparison.report.write import write_report
from neurocap_search.comparison.search_report import SearchSubject, compose_search
from neurocap_search.comparison.search_report.contributions import TITLE, contributions_section
from neurocap_search.config import SearchConfig
from neurocap_search.config_reader import dump_config
from neurocap_search.pruning import Insight
from neurocap_search.pruning.audit import Estimates
from neurocap_search.tracking import Journal, SearchRecord, SearchRecorder
from neurocap_search.tune.replay import journal_head
from tests.tracking.learned_search import EPOCHS, METRIC, play_learned


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    settings = SearchConfig(
        name="recorded", space={"name": "mlp"}, training={"epochs": EPOCHS}, search={"num_trials": 40}
    )
    (folder / "config.yaml").write_text(dump_config(settings))
    record = SearchRecord(METRIC, EPOCHS, 40)
    recorder = SearchRecorder(record, Journal(folder / "journal.jsonl"))
    recorder.begun(journal_head(settings))
    play_learned(recorder)
    return folder


@pytest.fixture(scope="module")
def subject(folder: Path) -> SearchSubject:
    return SearchSubject.read(folder)


def test_the_section_has_table_figure_and_audit(subject: SearchSubject) -> None:
    section = contributions_section(subject)
    insight = subject.record.insight
    assert insight is not None
    assert list(section.text) == [insight.sentence]
    (table,), (picture,) = section.tables, section.pictures
    groups = [row for row in table.rows if row[0] in table.marked]
    assert len(groups) == 4
    for column in range(1, len(table.header)):
        assert sum(float(row[column]) for row in groups) == pytest.approx(100, abs=0.3)
    best = max(insight.rungs[0].by_group, key=lambda group: insight.rungs[0].by_group[group])
    assert picture.finding.startswith(f"At epoch 1 the share of {best} was ")
    assert "beta_eff" in picture.finding


def test_the_bars_are_as_long_as_the_shares(subject: SearchSubject) -> None:
    (picture,) = contributions_section(subject).pictures
    (axes,) = picture.figure.axes
    labels = [label.get_text() for label in axes.get_yticklabels()]
    insight = subject.record.insight
    assert insight is not None
    for rung, bars in zip(insight.rungs, axes.containers, strict=True):
        assert bars.get_label() == f"epoch {rung.epoch:g}, {rung.trials} trials"
        width = dict(zip(labels, (bar.get_width() for bar in bars), strict=True))
        assert width["train_loss"] == pytest.approx(100 * rung.shares["train_loss"])
        assert width["graph"] == pytest.approx(100 * rung.by_group["graph"])


def test_the_page_of_a_running_search_has_it(subject: SearchSubject, folder: Path, tmp_path: Path) -> None:
    assert not (folder / "summary.json").exists()
    page = compose_search(subject)
    report = write_report(page, tmp_path).read_text()
    assert TITLE in report
    assert (tmp_path / "figures" / "contributions.png").read_bytes().startswith(b"\x89PNG")
    with (tmp_path / "tables" / "contributions.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert sum(float(row["share"]) for row in rows if row["epoch"] == "1") == pytest.approx(1)


def test_without_a_rung_there_are_only_words(folder: Path) -> None:
    subject = SearchSubject.read(folder)
    subject.record.insight = Insight((), Estimates(0, float("nan"), float("nan"), float("nan")))
    section = contributions_section(subject)
    assert section.text[0] == "No trial has reached a rung."
    assert not section.tables
    subject.record.insight = None
    assert not contributions_section(subject)
