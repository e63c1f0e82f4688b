"""From a search to the page about it."""

from neurocap_search.comparison.report.page import Page
from neurocap_search.comparison.report.sections.calibration import calibration_section
from neurocap_search.comparison.report.sections.predictions import predictions_section
from neurocap_search.comparison.search_report.contributions import contributions_section
from neurocap_search.comparison.search_report.health import health_section
from neurocap_search.comparison.search_report.sections import (
    curves_section,
    epochs_section,
    protocol_section,
    signals_section,
)
from neurocap_search.comparison.search_report.sentences import about, beside, sentence
from neurocap_search.comparison.search_report.subject import SearchSubject
from neurocap_search.comparison.search_report.trials_table import trials_section


def compose_search(subject: SearchSubject) -> Page:
    """Return the page about a search: whether to believe it, what it did, what its signals were worth.

    The same run directory gives the same page.
    """
    return Page(
        title=f"Search {subject.config.name}",
        sentence=sentence(subject),
        beside=beside(subject),
        about=about(subject),
        sections=[
            health_section(subject),
            curves_section(subject),
            epochs_section(subject),
            predictions_section(subject.scene),
            calibration_section(subject.scene),
            contributions_section(subject),
            signals_section(subject),
            trials_section(subject),
            protocol_section(subject),
        ],
    )
