"""What the signals were worth to the rule, if it learned from them."""

from neurocap_search.comparison.figures.contributions import draw_contributions
from neurocap_search.comparison.report.page import Picture, Section, Table
from neurocap_search.comparison.report.words import listed
from neurocap_search.comparison.search_report.subject import SearchSubject
from neurocap_search.comparison.statistics.words import percent
from neurocap_search.pruning import Insight
from neurocap_search.tracking.contributions import contribution_lines, contribution_rows, rung_words

TITLE = "What the signals were worth to the rule"
_READING = (
    "Share of the predicted differences between the trials of a rung; negative where a signal only corrects "
    "others. Groups are in bold above their signals. What decided is not what was right: see the audit."
)


def contributions_section(subject: SearchSubject) -> Section:
    """Return shares of the signals and the audit; empty for a rule that does not learn."""
    insight = subject.record.insight
    if insight is None:
        return Section(TITLE)
    if not insight.rungs:
        return Section(TITLE, ["No trial has reached a rung.", insight.sentence])
    return Section(
        TITLE,
        [insight.sentence],
        tables=[_table(insight, subject.record.metric)],
        pictures=[_picture(insight, subject.record.metric)],
    )


def _picture(insight: Insight, metric: str) -> Picture:
    rungs = [rung_words(rung) for rung in insight.rungs]
    figure = draw_contributions(contribution_lines(insight, metric), rungs, TITLE)
    return Picture("contributions", figure, _finding(insight), _READING, contribution_rows(insight))


def _finding(insight: Insight) -> str:
    """Say which group was worth most at each rung, and where beta_eff stands."""
    said = []
    for rung in insight.rungs:
        best = max(rung.by_group, key=lambda group: rung.by_group[group])
        own = "" if best == "beta_eff" else f", that of beta_eff {percent(rung.by_group['beta_eff'])}"
        said.append(f"at epoch {rung.epoch:g} the share of {best} was {percent(rung.by_group[best])}{own}")
    text = "; ".join(said)
    return f"{text[0].upper()}{text[1:]}."


def _table(insight: Insight, metric: str) -> Table:
    lines = contribution_lines(insight, metric)
    rows = [[line.label, *(f"{100 * share:.1f}" for share in line.shares)] for line in lines]
    return Table(
        name="contributions_table",
        caption=f"Shares at {listed([rung_words(rung) for rung in insight.rungs])}",
        header=["signal", *(f"epoch {rung.epoch:g} (%)" for rung in insight.rungs)],
        rows=rows,
        marked=frozenset(line.label for line in lines if line.is_group),
        note="Signals that had no share, because they were not reported or never differed, are left out.",
    )
