"""The report in a real browser: it opens, says the sentence, shows tables and figures, fits a phone."""

import pytest

from neurocap_search.comparison.report.compose import compose
from neurocap_search.comparison.report.write import write_report
from tests.comparison.chromium import BINARY, Browser
from tests.comparison.replayed_results import example

pytestmark = pytest.mark.skipif(BINARY is None, reason="no Chromium is installed")

PHONE, DESKTOP = 390, 1280


@pytest.fixture(scope="module")
def page():
    return compose(*example())


@pytest.fixture(scope="module")
def report(page, tmp_path_factory):
    return write_report(page, tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    opened = Browser(tmp_path_factory.mktemp("profile"))
    yield opened
    opened.close()


@pytest.mark.parametrize("width", [PHONE, DESKTOP])
def test_it_holds_the_sentence_the_tables_and_every_figure(browser, report, page, width):
    browser.open(report, width)
    assert browser.evaluate("document.querySelector('h1').textContent") == page.sentence
    captions = browser.evaluate("[...document.querySelectorAll('caption')].map(c => c.textContent)")
    assert captions == [table.caption for table in page.tables]
    rows = browser.evaluate("[...document.querySelectorAll('tbody')].map(b => b.rows.length)")
    assert rows == [len(table.rows) for table in page.tables]
    figures = browser.evaluate("[...document.images].map(i => [i.id, i.complete && i.naturalWidth > 0])")
    assert figures == [[picture.name, True] for picture in page.pictures]


def test_every_figure_has_words_for_those_who_do_not_see_it(browser, report, page):
    browser.open(report, DESKTOP)
    assert browser.evaluate("[...document.images].map(i => i.alt)") == [p.finding for p in page.pictures]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_console_stays_silent(browser, report, dark):
    browser.complaints.clear()
    browser.open(report, DESKTOP, dark=dark)
    assert browser.complaints == []


@pytest.mark.parametrize("width", [320, PHONE, DESKTOP])
def test_the_page_does_not_scroll_sideways(browser, report, width):
    browser.open(report, width)
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    assert (
        browser.evaluate("Math.max(...[...document.images].map(i => i.getBoundingClientRect().right))")
        <= width
    )


def test_it_asks_for_nothing_from_outside(browser, report):
    browser.open(report, DESKTOP)
    asked = browser.evaluate("performance.getEntriesByType('resource').map(r => r.name)")
    assert [name for name in asked if not name.startswith("data:")] == []


def test_every_link_leads_to_a_section(browser, report, page):
    browser.open(report, DESKTOP)
    lost = (
        "[...document.querySelectorAll('nav a')].filter(a => !document.querySelector(a.getAttribute('href')))"
    )
    assert browser.evaluate(f"{lost}.length") == 0
    assert browser.evaluate("document.querySelectorAll('nav a').length") == len(page.sections)
