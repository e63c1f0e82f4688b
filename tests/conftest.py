"""Shared pieces of the tests: the command line as a user runs it, small searches, optional data."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import settings

ROOT = Path(__file__).parent.parent
SHARED = ROOT.parent / "shared" / "data"

SMALL = [
    "search.num_trials=8",
    "search.startup_trials=3",
    "search.max_concurrent=1",
    "training.epochs=6",
    "scheduler.name=neural_capacitance",
    "scheduler.grace_period=3",
    "scheduler.reduction_factor=2",
]
"""Overrides that make a search of seconds out of configs/digits.yaml, one worker, still pruning."""

LONGEST_FIRST = (
    "tune/test_search.py",
    "test_readme.py",
    "tune/test_workers.py",
    "tune/test_trainable.py",
    "tracking/test_mlflow_outage.py",
    "tune/test_restore.py",
    "traces/test_recording.py",
    "test_cli.py",
    "tune/test_lost_node.py",
    "comparison/test_live.py",
)
"""So that at the end no process waits for one that has just begun a long file."""

torch.set_num_threads(1)

settings.register_profile("quick", max_examples=30, deadline=None)
settings.register_profile("thorough", max_examples=400, deadline=None)
settings.load_profile("quick")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the files that take longest begin first."""
    places = {ROOT / "tests" / name: place for place, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))


def run_cli(*arguments: str, timeout: float = 240) -> subprocess.CompletedProcess[str]:
    """Run ``python -m neurocap_search`` as a user would."""
    command = [sys.executable, "-m", "neurocap_search", *arguments]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=timeout, env=environment()
    )


def environment() -> dict[str, str]:
    """The environment without settings of another Ray or MLflow."""
    return {
        key: value for key, value in os.environ.items() if key not in ("RAY_ADDRESS", "MLFLOW_TRACKING_URI")
    }


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Let Ctrl-C through to this process and to those it starts.

    A background job of a script ignores Ctrl-C from the start, and children inherit that: a recording that is
    interrupted there goes on to its end, rightly so.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@dataclass(frozen=True)
class FinishedSearch:
    """A search that has run: its folder and what --json printed."""

    folder: Path
    printed: dict[str, Any]
    process: subprocess.CompletedProcess[str]


def search_digits(parent: Path, *overrides: str) -> FinishedSearch:
    """Run a small search on digits to its end and return it."""
    process = run_cli("search", "configs/digits.yaml", *SMALL, *overrides, f"output.dir={parent}", "--json")
    assert process.returncode == 0, process.stderr
    printed = json.loads(process.stdout)
    return FinishedSearch(Path(printed["run_dir"]), printed, process)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> FinishedSearch:
    """One small search that several tests look at."""
    return search_digits(tmp_path_factory.mktemp("finished"))


@pytest.fixture(scope="module", autouse=True)
def _no_ray_left_behind() -> Iterator[None]:
    """Stop a Ray that a module's tests started: programs that later tests run would join it and wait."""
    yield
    if "ray" in sys.modules:
        sys.modules["ray"].shutdown()
