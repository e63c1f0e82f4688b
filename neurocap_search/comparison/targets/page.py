"""The page that says what the learned combination reached."""

import time
from collections.abc import Collection, Mapping, Sequence
from statistics import median

import numpy as np

from neurocap_search.comparison.config import ReplayConfig
from neurocap_search.comparison.replaying import OnProgress, replay_bank
from neurocap_search.comparison.report.page import Page, Section, Table
from neurocap_search.comparison.report.words import Numbers
from neurocap_search.comparison.results import Results
from neurocap_search.comparison.targets import tables
from neurocap_search.comparison.targets import targets as reached
from neurocap_search.comparison.targets.early_ranking import EPOCHS, Early, early_rankings
from neurocap_search.comparison.targets.noise import shuffled
from neurocap_search.comparison.targets.single_signals import directions
from neurocap_search.comparison.targets.tables import PARTS, RIVAL, RULES, WORKERS
from neurocap_search.comparison.targets.targets import OnTask, Target
from neurocap_search.prediction.combination import SIGNALS, Cohort, LearnedCombination
from neurocap_search.traces.schema import TaskTraces

BESIDE = (RIVAL, "asha_promotion")


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
    ways = directions(tuning, EPOCHS)
    early, early_tuning = (early_rankings(tasks, trials, ways) for tasks in (reporting, tuning))
    rows = reached.on_tasks(results, RULES)
    found = [
        *reached.ranking_targets(early),
        *(target for rule in RULES[:2] for target in reached.half_of_the_epochs(rows, rule)),
        *(reached.front_target(results, rule) for rule in RULES),
        *(reached.noise_target(noisy, rule) for rule in RULES),
        *(target for rule in RULES[1::2] for target in reached.coverage_targets(results, rule)),
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
    words = Numbers(results.metric)
    sections = [
        _wanted(found),
        Section(
            "Epochs and regret",
            tables=[tables.rules(results, words)],
            pictures=[tables.epochs_regret(results)],
        ),
        Section("Task by task", tables=[tables.by_task(rows, words)]),
        _ranking(early),
        Section(
            "Where every signal is noise",
            text=["Every report but the last is somebody else's. No rule can know better than chance here."],
            tables=[tables.rules(noisy, words, "noise")],
        ),
        _flattered(tuning, tables.rules(chosen_on, words, "tuning"), early_tuning),
    ]
    about = (
        f"Reported on {', '.join(reporting)}; chosen and fitted on {' and '.join(tuning)}. {seeds} orders "
        f"of the trials, {results.runs[0].trials} trials a stream, {WORKERS} workers. Intervals, 95 %, are "
        "over tasks and disjoint pools of architectures."
    )
    return Page("What the learned combination reached", tables.headline(found), [], about, sections)


def _wanted(found: Sequence[Target]) -> Section:
    text = (
        "Each was written down before anything was measured on these tasks. They were looked at again "
        "after each round of choosing on the others, which docs/learned.md lists, and nothing was chosen "
        "by what they said. Intervals, 95 %, come from drawing tasks, and pools of architectures within "
        "them, again and again. A target is met or missed if the whole interval says so; where only the "
        "estimate does, it is not sure. With as few tasks and pools as here the intervals are too narrow "
        "rather than too wide."
    )
    return Section("Targets", text=[text], tables=[tables.targets(found)])


def _ranking(early: Sequence[Early]) -> Section:
    text = (
        "Spearman's correlation with the final metric within each pool, before anything has "
        "finished: the prior alone. The best single signal is chosen in hindsight, at each epoch and "
        "for each column, from all that the combination looks at, and from the last values of "
        "accuracies and losses beside their running means. Which way a signal ranks that has no "
        "better side by itself, such as size, is taken from the tuning tasks. Without the bank: "
        "running accuracy and training loss, which is what the combination starts from."
    )
    table, picture = tables.early("early_ranking", early), tables.early_picture(early)
    return Section("Ranking after a few epochs", text=[text], tables=[table], pictures=[picture])


def _flattered(tuning: Collection[str], rules: Table, early: Sequence[Early]) -> Section:
    text = (
        f"{' and '.join(tuning)}: every option was chosen and the prior was fitted here, so these "
        "figures flatter it. They are no evidence."
    )
    ranking = tables.early("early_ranking_tuning", early)
    return Section("On the tasks it was chosen on", text=[text], tables=[rules, ranking])
