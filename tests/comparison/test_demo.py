"""``neurocap demo``: report, browser, the sentence last."""

import sys
import webbrowser
from pathlib import Path

import pytest
from rich.console import Console

from neurocap_search import demo_words
from neurocap_search.demo_words import can_show, demo_config, run_demo
from tests.comparison.banks import random_task, write_bank


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the browser was asked for."""
    asked: list[str] = []
    monkeypatch.setattr(webbrowser, "open", asked.append)
    return asked


@pytest.fixture
def somebody(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user who sits before a screen."""
    monkeypatch.setattr(demo_words, "can_show", lambda: True)


def test_the_demo_replays_all_rules_of_the_bundled_bank() -> None:
    config = demo_config(Path("runs"))
    assert config.replay is not None
    assert config.replay.bank is None
    assert {"beta_eff", "asha", "median"} <= set(config.rules)


@pytest.mark.usefixtures("somebody")
def test_the_demo_opens_its_report_and_ends_with_the_sentence(
    opened: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bank = write_bank(tmp_path / "bank", random_task("a", 50))
    demo = run_demo(Console(), tmp_path / "runs", show=True, bank=bank, processes=1)
    assert capsys.readouterr().out.endswith(f"{demo.found.sentence}\n")
    assert opened == [demo.report.as_uri()]
    assert demo.report.is_file()
    assert demo.folder.name.startswith("demo-")


def test_nobody_is_shown_what_nobody_can_see(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert not can_show()  # no display
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    assert can_show()
    monkeypatch.setattr(sys.stdout, "isatty", lambda: False)
    assert not can_show()  # no terminal
