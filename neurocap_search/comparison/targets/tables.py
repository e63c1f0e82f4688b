"""Tables and pictures of the page on the learned combination."""

from collections import Counter
from collections.abc import Collection, Sequence

from neurocap_search.comparison.figures.epochs_regret import RulePoint, draw_epochs_regret
from neurocap_search.comparison.figures.signals import Curve, Panel, draw_signals
from neurocap_search.comparison.figures.style import Cast
from neurocap_search.comparison.report.page import Picture, Table
from neurocap_search.comparison.report.words import Numbers
from neurocap_search.comparison.results import Results
from neurocap_search.comparison.statistics.front import front
from neurocap_search.comparison.statistics.words import percent
from neurocap_search.comparison.targets.early_ranking import EPOCHS, NO_BANK, WHOLE, WITHOUT, Early
from neurocap_search.comparison.targets.judgement import Judgement
from neurocap_search.comparison.targets.targets import OnTask, Target
from neurocap_search.prediction.combination import METRIC

RULES = ("learned_promotion:no_audit", "learned_promotion", "learned:no_audit", "learned")
RIVAL = "asha"
PARTS = (
    "learned_promotion:no_audit,no_early",
    "learned_promotion:no_audit,no_beta_eff",
    "learned_promotion:no_audit,no_beta_eff,no_graph",
    "learned_promotion:no_audit,no_bank",
)
WORKERS = 4
_STAR = "*"
_DRAWN = (WHOLE, NO_BANK, METRIC, "train_loss", "parameters", "beta_eff")
_ALWAYS = (*WITHOUT, *_DRAWN)
"""Ways to rank that stand in the tables; of the other signals those that are the best one somewhere."""


def headline(found: Sequence[Target]) -> str:
    """Return in one sentence how many targets were met."""
    counts = Counter(target.judgement for target in found)
    met, unsure, nearly, missed = (counts[judgement] for judgement in Judgement)
    return (
        f"Of {len(found)} targets the learned combination surely meets {met} on tasks it was not chosen on; "
        f"{unsure} it meets and {nearly} it misses by estimates that are not sure; {missed} it surely misses."
    )


def targets(found: Sequence[Target]) -> Table:
    """Return each target with what was reached."""
    rows = [[target.what, target.reached, str(target.judgement)] for target in found]
    return Table("targets", "What was wanted and what was reached", ["target", "reached", ""], rows)


def rules(results: Results, words: Numbers, name: str = "reporting") -> Table:
    """Return what each rule spent and lost."""
    rows = [
        [row.rule, percent(row.epochs.value), words.estimate(row.regret), ", ".join(row.dominated_by) or "–"]
        for row in sorted(front(results), key=lambda row: row.regret.value)
    ]
    header = ["rule", "epochs of full training", f"regret ({words.unit})", "i-epoch rules that beat it"]
    return Table(
        f"rules_{name}", "Epochs spent and regret", header, rows, marked=frozenset(RULES),
        note="An i-epoch rule beats another if it spends no more and loses no more, by the means.",
    )  # fmt: skip


def by_task(rows: Sequence[OnTask], words: Numbers) -> Table:
    """Return each rule beside the rival, task by task."""
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


def early(name: str, found: Sequence[Early]) -> Table:
    """Return the rank correlations at each epoch, overall and in the top tenth."""

    def cells(row: Early) -> tuple[str, str]:
        return f"{row.overall.value:.2f}{_STAR * row.best}", f"{row.top.value:.2f}{_STAR * row.best_top}"

    shown = {row.name for row in found if row.best or row.best_top or row.name in _ALWAYS}
    by_name = {name: [cells(row) for row in found if row.name == name] for name in _names(found, shown)}
    rows = [[name, *(c for c, _ in pairs), *(c for _, c in pairs)] for name, pairs in by_name.items()]
    header = ["ranked by", *(f"epoch {e}" for e in EPOCHS), *(f"top tenth, {e}" for e in EPOCHS)]
    return Table(
        name, "Rank correlation with the final metric", header, rows, marked=frozenset({WHOLE}),
        note=f"{_STAR} the best single signal of its column, of {_singles(found)}. The others that are the "
        "best nowhere are left out.",
    )  # fmt: skip


def early_picture(found: Sequence[Early]) -> Picture:
    """Draw the rank correlations with their intervals."""
    panels = []
    for title, attribute in (("all networks", "overall"), ("best tenth of each pool", "top")):
        curves = []
        for name in _names(found, _DRAWN):
            estimates = [getattr(row, attribute) for row in found if row.name == name]
            values, low, high = ([getattr(e, k) for e in estimates] for k in ("value", "low", "high"))
            curves.append(Curve(name, EPOCHS, values, low, high))
        panels.append(Panel(title, curves))
    figure = draw_signals(panels, "How well networks are ranked after a few epochs")
    return Picture(
        "early_ranking", figure, "Rank correlation by epoch of the combination and of single signals.",
        "Higher is better; bands are 95 % intervals over tasks and pools.",
    )  # fmt: skip


def _names(found: Sequence[Early], chosen: Collection[str]) -> list[str]:
    return [name for name in dict.fromkeys(row.name for row in found) if name in chosen]


def _singles(found: Sequence[Early]) -> int:
    return len({row.name for row in found} - set(WITHOUT))


def epochs_regret(results: Results) -> Picture:
    """Draw what each rule spent and lost."""
    points = [
        RulePoint(row.rule, row.epochs.value, *row.regret) for row in front(results) if row.rule not in PARTS
    ]
    cast = Cast(results.candidate, results.rival)
    figure = draw_epochs_regret(points, cast, results.metric, "Epochs spent against regret")
    return Picture(
        "epochs_regret", figure, "What each rule spent and lost on the reporting tasks.",
        "Lower left is better; the line joins the rules that stop everybody after i epochs and finish three.",
    )  # fmt: skip
