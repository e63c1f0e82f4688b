"""What the candidate predicted, and what came of it."""

from math import isfinite

from scipy import stats

from neurocap_search.comparison.figures.predictions import draw_predictions
from neurocap_search.comparison.report.page import Picture, Section
from neurocap_search.comparison.report.scene import Scene
from neurocap_search.comparison.report.words import listed
from neurocap_search.comparison.results import Guess
from neurocap_search.comparison.statistics.words import count

TITLE = "Predicted against final"
_READING = (
    "Each point is one network, seen once. A perfect prediction lies on the dashed line; what matters for "
    "pruning is that the order is right at the top. How pruned networks would have ended is known only where "
    "somebody trained them to the end."
)


def predictions_section(scene: Scene) -> Section:
    """Return predictions at the first epoch they were made at, or why there are none."""
    by_task = _guesses(scene)
    if not by_task:
        return Section(TITLE, [f"{scene.results.candidate} made no predictions."])
    epoch = min(guess.epoch for made in by_task.values() for guess in made)
    early = {task: [guess for guess in made if guess.epoch == epoch] for task, made in by_task.items()}
    early = {task: made for task, made in early.items() if made}
    title = f"{scene.results.candidate}'s predictions after {count(epoch, 'epoch')}"
    figure = draw_predictions(early, scene.results.metric, title)
    data = [{"task": task, **guess._asdict()} for task, made in by_task.items() for guess in made]
    return Section(TITLE, pictures=[Picture("predictions", figure, _finding(early, epoch), _READING, data)])


def _guesses(scene: Scene) -> dict[str, list[Guess]]:
    """Return the candidate's predictions of networks whose final is known, by task."""
    found: dict[str, list[Guess]] = {}
    for run in scene.one_look:
        known = [guess for guess in run.guesses if isfinite(guess.mean) and isfinite(guess.final)]
        found.setdefault(run.unit.task, []).extend(known)
    return {task: made for task, made in found.items() if made}


def _finding(by_task: dict[str, list[Guess]], epoch: float) -> str:
    said = [
        f"{_correlation(made)} on {task} ({count(len(made), 'network')})" for task, made in by_task.items()
    ]
    return f"Rank correlation of prediction and final metric after {count(epoch, 'epoch')}: {listed(said)}."


def _correlation(guesses: list[Guess]) -> str:
    means, finals = [guess.mean for guess in guesses], [guess.final for guess in guesses]
    if len(set(means)) < 2 or len(set(finals)) < 2:
        return "none, all being alike,"
    return f"{stats.spearmanr(means, finals).statistic:.2f}"
