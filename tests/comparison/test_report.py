"""The page about a comparison, and its files."""

import csv
import dataclasses
import math
import re
from html import escape

import pytest

from neurocap_search.comparison.report.compose import compose
from neurocap_search.comparison.report.html import render
from neurocap_search.comparison.report.write import write_report
from neurocap_search.comparison.statistics import average_ranks, compare_rules, front, winner_pruned
from neurocap_search.comparison.statistics.health import health_card
from neurocap_search.comparison.statistics.signals import signal_correlations
from neurocap_search.comparison.statistics.verdict import verdict
from tests.comparison.replayed_results import example, made_up_task, replayed

HOSTILE = "<script>alert('x')</script> $x_1$ & \"_q\""


@pytest.fixture(scope="module")
def page():
    return compose(*example())


@pytest.fixture(scope="module")
def folder(page, tmp_path_factory):
    return write_report(page, tmp_path_factory.mktemp("report")).parent


def rows(folder, name):
    with (folder / "tables" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def titles(page):
    return [section.title for section in page.sections]


def test_the_sentence_comes_first_and_what_belongs_beside_it(page, folder):
    found = verdict(example()[0])
    assert (page.sentence, tuple(page.beside)) == (found.sentence, found.beside)
    html = (folder / "report.html").read_text(encoding="utf-8")
    places = [html.index(escape(text).replace("&#x27;", "&#39;")) for text in (page.sentence, *page.beside)]
    assert places == sorted(places)
    assert html.index("<h1>") < places[0] < html.index("<h2")


def test_the_sections_stand_in_their_order(page):
    assert titles(page) == [
        "Can this be believed?", "Epochs spent against regret", "Every rule in numbers",
        "Best network over time",
        "Ranks of all rules", "On test data", "What each signal is worth", "Predicted against final",
        "Calibration of the spread", "Would it have killed the winner?", "More workers", "How it was made",
    ]  # fmt: skip


def test_the_health_card_has_every_check_the_worst_first(page):
    checks = page.sections[0].checks
    assert set(checks) == set(health_card(*example()))
    assert [check.state for check in checks] == sorted(
        (check.state for check in checks), key=["FAIL", "WARNING", "PASS"].index
    )


def test_the_files_hold_every_figure_and_table(page, folder):
    pictures = {path.name for path in (folder / "figures").iterdir()}
    assert pictures == {f"{picture.name}.png" for picture in page.pictures}
    assert all((folder / "figures" / name).read_bytes().startswith(b"\x89PNG") for name in pictures)
    names = {table.name for table in page.tables} | {picture.name for picture in page.pictures}
    assert all(picture.data for picture in page.pictures)
    assert {path.stem for path in (folder / "tables").iterdir()} == names


def test_names_are_unique(page):
    names = [table.name for table in page.tables] + [picture.name for picture in page.pictures]
    anchors = [section.anchor for section in page.sections]
    assert len(set(names)) == len(names)
    assert len(set(anchors)) == len(anchors)


def test_the_table_of_rules_is_the_front_at_full_precision(folder):
    expected = {(row.rule, str(row.workers)): row for row in front(example()[0])}
    found = rows(folder, "rules")
    assert len(found) == len(expected)
    for row in found:
        made = expected[row["rule"], row["workers"]]
        assert float(row["epoch_share"]) == made.epochs.value
        assert [float(row[name]) for name in ("regret", "regret_low", "regret_high")] == list(made.regret)
        assert row["dominated_by"].split() == list(made.dominated_by)


def test_the_comparison_with_every_rule_is_the_statistics(folder):
    results, _ = example()
    found = rows(folder, "against")
    assert {row["against"] for row in found} == set(results.rules) - {"beta_eff"}
    row = next(row for row in found if row["against"] == "asha")
    made = compare_rules(results, "beta_eff", "asha")
    assert float(row["difference"]) == made.difference.value
    assert (float(row["p_holm"]), int(row["wins"]), int(row["losses"])) == (
        made.p_holm,
        made.wins,
        made.losses,
    )


def test_ranks_winner_and_signals_are_the_statistics(folder):
    results, tasks = example()
    ranks = {row["rule"]: float(row["average_rank"]) for row in rows(folder, "critical_difference")}
    assert ranks == average_ranks(results).ranks
    shares = {row["rule"]: float(row["share"]) for row in rows(folder, "winner_cost")}
    assert shares == {made.rule: made.share.value for made in winner_pruned(results)}
    made = signal_correlations(tasks["moons"], ["train_loss"], epochs=[2]).curves[0].correlation[0]
    found = [
        float(row["rank_correlation"])
        for row in rows(folder, "signals_moons")
        if (row["signal"], row["epoch"], row["networks"]) == ("train_loss", "2", "all")
    ]
    assert found == [made]


def test_each_network_is_seen_once_among_the_predictions(folder):
    found = rows(folder, "predictions")
    once = [row for row in found if (row["task"], row["epoch"]) == ("moons", "1")]
    assert len(once) == 40
    assert {row["pruned"] for row in found} == {"True", "False"}


def test_how_it_was_made_names_protocol_seeds_and_libraries(page):
    facts = dict(page.sections[-1].facts)
    assert facts["optimised"] == "val_accuracy, max"
    assert facts["seeds"].startswith("2 seeds")
    assert "scipy" in facts["compared by"]
    assert facts["moons: recorded by"] == "torch 2.14.1"
    assert facts["moons: licence of the data"] == "made up"
    assert "epochs" in facts["moons: protocol"]


def test_the_same_results_give_the_same_bytes(page, folder, tmp_path):
    again = write_report(compose(*example()), tmp_path).parent
    files = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    assert len(files) > 20
    for file in files:
        assert (again / file).read_bytes() == (folder / file).read_bytes(), file


def hostile():
    """A comparison whose names would break a careless page."""
    task = dataclasses.replace(made_up_task(trials=24), task=HOSTILE, libraries={HOSTILE: HOSTILE})
    results = replayed([task], ("beta_eff", "asha", "i_epoch:1", "median"), size=12, seeds=1, workers=(2,))
    names = {"median": HOSTILE, "asha": f"_{HOSTILE}"}
    runs = [dataclasses.replace(run, rule=names.get(run.rule, run.rule)) for run in results.runs]
    return dataclasses.replace(results, runs=tuple(runs), rival=f"_{HOSTILE}"), {HOSTILE: task}


def test_hostile_names_are_text_and_nothing_else(tmp_path):
    made = compose(*hostile())
    html = write_report(made, tmp_path / "out").read_text(encoding="utf-8")
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+", path.name) for path in (tmp_path / "out").rglob("*"))
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_nothing_may_be_loaded_or_run(page):
    html = render(page)
    assert "default-src 'none'; img-src data:; style-src 'sha256-" in html
    assert "<script" not in html
    assert set(re.findall(r'(?:src|href)="([^":#]*:)', html)) <= {"data:"}
    assert "@import" not in html
    assert "url(" not in html


def only(page, start):
    return next(section for section in page.sections if section.title.startswith(start))


@pytest.fixture(scope="module")
def bare():
    """One pool, one worker, no traces, no predictions, no test metric: as little as can be."""
    results, _ = example()
    runs = [
        dataclasses.replace(run, guesses=(), test=math.nan, best_test=math.nan)
        for run in results.runs
        if run.rule in ("beta_eff", "asha") and (run.unit, run.workers) == (results.runs[0].unit, 1)
    ]
    return compose(dataclasses.replace(results, runs=tuple(runs)))


def test_what_there_is_nothing_for_is_left_out_or_says_why(bare, tmp_path):
    assert not {"On test data", "What each signal is worth", "More workers"} & set(titles(bare))
    assert only(bare, "Predicted").text == ["beta_eff made no predictions."]
    assert only(bare, "Calibration").text == ["beta_eff stated no spread of its predictions."]
    assert only(bare, "Ranks").text == [
        "No diagram: 1 pool(s) and 2 rule(s): too few to say which ranks differ."
    ]
    assert write_report(bare, tmp_path).exists()


def test_without_i_epoch_rules_the_figure_says_nothing_of_their_front(bare):
    assert "front" not in only(bare, "Epochs").pictures[0].finding


def test_live_comparisons_speak_of_retrained_winners_and_wall_clock():
    results, _ = example()
    made = compose(dataclasses.replace(results, kind="live"))
    assert "trained again with another seed" in only(made, "After retraining").text[0]
    assert made.about.startswith("Live searches: 9 rules on 4 pools")


def test_losses_and_perplexities_are_no_percentages():
    results, _ = example()
    runs = [
        dataclasses.replace(run, final=-run.final, best=-run.best, median=-run.median, guesses=())
        for run in results.runs
    ]
    made = compose(dataclasses.replace(results, runs=tuple(runs), metric="val_loss", mode="min"))
    assert only(made, "Every rule").tables[0].header[2] == "regret (unit of the metric)"
    assert "points" not in only(made, "Epochs").pictures[0].finding


def test_a_rule_that_trained_nobody_to_the_end_is_drawn(tmp_path):
    results, _ = example()
    runs = [
        dataclasses.replace(run, pick=None, final=math.nan, test=math.nan, incumbents=())
        if run.rule == "median"
        else run
        for run in results.runs
    ]
    assert write_report(compose(dataclasses.replace(results, runs=tuple(runs))), tmp_path).exists()
