"""The page that says what the learned combination reached."""

import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median

import numpy as np

from neurocap_search.comparison.config import ReplayConfig
from neurocap_search.comparison.figures.epochs_regret import RulePoint, draw_epochs_regret
from neurocap_search.comparison.figures.signals import Curve, Panel, draw_signals
from neurocap_search.comparison.figures.style import Cast
from neurocap_search.comparison.replaying import OnProgress, replay_bank
from neurocap_search.comparison.report.page import Page, Picture, Section, Table
from neurocap_search.comparison.report.words import Numbers
from neurocap_search.comparison.results import Guess, Results
from neurocap_search.comparison.statistics.calibration import calibration
from neurocap_search.comparison.statistics.front import front
from neurocap_search.comparison.statistics.words import percent
from neurocap_search.comparison.targets import targets as reached
from neurocap_search.comparison.targets.early_ranking import EPOCHS, WHOLE, Early, early_rankings
from neurocap_search.comparison.targets.noise import shuffled
from neurocap_search.comparison.targets.targets import OnTask, Target
from neurocap_search.prediction.combination import SIGNALS, Cohort, LearnedCombination
from neurocap_search.traces.schema import TaskTraces

RULES = ("learned_promotion:no_audit", "learned_promotion", "learned:no_audit", "learned")
RIVAL = "asha"
BESIDE = (RIVAL, "asha_promotion")
PARTS = ("learned_promotion:no_audit,no_beta_eff", "learned_promotion:no_audit,no_beta_eff,no_graph")
WORKERS = 4


def learned_page(
    tuning: Mapping[str, TaskTraces],
    reporting: Mapping[str, TaskTraces],
    *,
    trials: int = 100,
    seeds: int = 30,
    processes: int = 1,
    on_progress: OnProgress = lambda done, total: None,
) -> Page:
    """Measure everything on the reporting tasks, and beside it on those that it was chosen on.

    Args:
        tuning: The tasks that every choice was made on.
        reporting: All others.
        trials: Architectures of a pool.
        seeds: Orders of the trials.
        processes: Replays at a time.
        on_progress: Told how far each of the three sets of replays is.
    """

    def replays(tasks: Mapping[str, TaskTraces], rules: Sequence[str], workers: int, orders: int) -> Results:
        config = ReplayConfig(rules=tuple(rules), trials=trials, workers=(workers,))
        return replay_bank(
            tasks,
            config,
            range(orders),
            candidate=RULES[0],
            rival=RIVAL,
            processes=processes,
            on_progress=on_progress,
        )

    results = replays(reporting, (*RULES, *PARTS, *BESIDE), WORKERS, seeds)
    chosen_on = replays(tuning, (*RULES, *BESIDE), WORKERS, max(1, seeds // 3))
    noise = {name: shuffled(task, seed=0) for name, task in reporting.items()}
    noisy = replays(noise, (*RULES, *BESIDE), WORKERS, max(1, seeds // 3))
    early, early_tuning = early_rankings(reporting, trials), early_rankings(tuning, trials)
    rows = reached.on_tasks(results, RULES)
    found = [
        *reached.ranking_targets(early),
        *(target for rule in RULES[:2] for target in reached.half_of_the_epochs(rows, rule)),
        *(reached.front_target(results, rule) for rule in RULES),
        *(reached.noise_target(noisy, rule) for rule in RULES),
        *reached.coverage_target({rule: calibration(_guesses(results, rule)) for rule in RULES[1::2]}),
        reached.speed_target(milliseconds_of_ranking()),
    ]
    return _page(found, rows, results, chosen_on, noisy, early, early_tuning, tuning, reporting, seeds)


def milliseconds_of_ranking(trials: int = 1000, repeats: int = 7) -> float:
    """Return how long it takes to learn from two rungs and their finished trials and to rank all, in ms."""
    rng, combination = np.random.default_rng(0), LearnedCombination()
    ids = tuple(map(str, range(trials)))
    cohorts = [Cohort(e, ids, rng.normal(size=(trials, len(SIGNALS)))) for e in (1, 2)]
    finals = {
        trial: float(value) for trial, value in zip(ids[: trials // 20], rng.random(trials), strict=False)
    }

    def once() -> float:
        start = time.perf_counter()
        combination.rank(cohorts, finals)
        return 1000 * (time.perf_counter() - start)

    return median(once() for _ in range(repeats))


def _guesses(results: Results, rule: str) -> list[Guess]:
    return [guess for run in results.of(rule) for guess in run.guesses]


def _page(
    found: Sequence[Target],
    rows: Sequence[OnTask],
    results: Results,
    chosen_on: Results,
    noisy: Results,
    early: Sequence[Early],
    early_tuning: Sequence[Early],
    tuning: Mapping[str, TaskTraces],
    reporting: Mapping[str, TaskTraces],
    seeds: int,
) -> Page:
    met = sum(target.met for target in found)
    words = Numbers(results.metric)
    sections = [
        Section(
            "Targets",
            text=[
                "Each was written down before anything was measured on these tasks. Met or missed is said by "
                "the mean; the interval says how sure that is."
            ],
            tables=[_targets(found)],
        ),
        Section("Epochs and regret", tables=[_rules(results, words)], pictures=[_epochs_regret(results)]),
        Section("Task by task", tables=[_by_task(rows, words)]),
        Section(
            "Ranking after a few epochs",
            text=[
                "Spearman's correlation with the final metric within each pool, before anything has "
                "finished: the prior alone. The best single signal, of accuracies and losses, is chosen in "
                "hindsight at each epoch."
            ],
            tables=[_early("early_ranking", early)],
            pictures=[_early_picture(early)],
        ),
        Section(
            "Where every signal is noise",
            text=["Every report but the last is somebody else's. No rule can know better than chance here."],
            tables=[_rules(noisy, words, "noise")],
        ),
        Section(
            "On the tasks it was chosen on",
            text=[
                f"{' and '.join(tuning)}: every option was chosen and the prior was fitted here, so these "
                "figures flatter it. They are no evidence."
            ],
            tables=[_rules(chosen_on, words, "tuning"), _early("early_ranking_tuning", early_tuning)],
        ),
    ]
    about = (
        f"Reported on {', '.join(reporting)}; chosen and fitted on {' and '.join(tuning)}. {seeds} orders "
        f"of the trials, {results.runs[0].trials} trials a stream, {WORKERS} workers. Intervals, 95 %, are "
        "over tasks and disjoint pools of architectures."
    )
    sentence = f"The learned combination meets {met} of {len(found)} targets on tasks it was not chosen on."
    return Page("What the learned combination reached", sentence, [], about, sections)


def _targets(found: Sequence[Target]) -> Table:
    rows = [[target.what, target.reached, "met" if target.met else "missed"] for target in found]
    return Table("targets", "What was wanted and what was reached", ["target", "reached", ""], rows)


def _rules(results: Results, words: Numbers, name: str = "reporting") -> Table:
    rows = [
        [row.rule, percent(row.epochs.value), words.estimate(row.regret), ", ".join(row.dominated_by) or "–"]
        for row in sorted(front(results), key=lambda row: row.regret.value)
    ]
    header = ["rule", "epochs of full training", f"regret ({words.unit})", "i-epoch rules that beat it"]
    return Table(
        f"rules_{name}", "Epochs spent and regret", header, rows, marked=frozenset(RULES),
        note="An i-epoch rule beats another if it spends no more and loses no more, by the means.",
    )  # fmt: skip


def _by_task(rows: Sequence[OnTask], words: Numbers) -> Table:
    cells = [
        [
            f"{row.task}: {row.rule}",
            f"{row.epochs.mean_a:.1%}",
            f"{row.epochs.mean_b:.1%}",
            words.plain(row.regret.mean_a),
            words.plain(row.regret.mean_b),
            words.estimate(row.regret.difference),
        ]
        for row in rows
    ]
    header = ["task and rule", "epochs", f"epochs of {RIVAL}", "regret", f"regret of {RIVAL}", "difference"]
    return Table("by_task", f"Each rule beside {RIVAL}", header, cells)


def _early(name: str, early: Sequence[Early]) -> Table:
    def cells(value: Callable[[Early], float]) -> dict[tuple[str, int], str]:
        return {(row.name.partition(" (")[0], row.epoch): f"{value(row):.2f}" for row in early}

    overall, top = cells(lambda row: row.overall.value), cells(lambda row: row.top.value)
    names = list(dict.fromkeys(key for key, _ in overall))
    rows = [[n, *(overall[n, e] for e in EPOCHS), *(top[n, e] for e in EPOCHS)] for n in names]
    header = ["ranked by", *(f"epoch {e}" for e in EPOCHS), *(f"top tenth, {e}" for e in EPOCHS)]
    return Table(name, "Rank correlation with the final metric", header, rows, marked=frozenset({WHOLE}))


def _early_picture(early: Sequence[Early]) -> Picture:
    names = list(dict.fromkeys(row.name.partition(" (")[0] for row in early))
    panels = []
    for title, attribute in (("all networks", "overall"), ("best tenth of each pool", "top")):
        curves = []
        for name in names:
            found = [getattr(row, attribute) for row in early if row.name.partition(" (")[0] == name]
            values, low, high = ([getattr(e, k) for e in found] for k in ("value", "low", "high"))
            curves.append(Curve(name, EPOCHS, values, low, high))
        panels.append(Panel(title, curves))
    figure = draw_signals(panels, "How well networks are ranked after a few epochs")
    return Picture(
        "early_ranking", figure, "Rank correlation by epoch of the combination and of single signals.",
        "Higher is better; bands are 95 % intervals over tasks and pools.",
    )  # fmt: skip


def _epochs_regret(results: Results) -> Picture:
    points = [
        RulePoint(row.rule, row.epochs.value, *row.regret) for row in front(results) if row.rule not in PARTS
    ]
    cast = Cast(results.candidate, results.rival)
    figure = draw_epochs_regret(points, cast, results.metric, "Epochs spent against regret")
    return Picture(
        "epochs_regret", figure, "What each rule spent and lost on the reporting tasks.",
        "Lower left is better; the line joins the rules that stop everybody after i epochs and finish three.",
    )  # fmt: skip
