"""A finished search whose folder the tests may write to, and its best trial inspected."""

import csv
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import FinishedSearch
from tests.test_cli import invoke

Key = tuple[int, str, str]


@dataclass(frozen=True)
class Inspected:
    """What ``neurocap inspect --json`` printed and wrote."""

    printed: dict[str, Any]
    screen: str

    @property
    def folder(self) -> Path:
        return Path(self.printed["folder"])

    def table(self) -> dict[Key, float | None]:
        """``measures.csv`` as values by epoch, measure and layer."""
        with (self.folder / "measures.csv").open() as file:
            return {
                (int(row["epoch"]), row["measure"], row["layer"]): float(row["value"])
                if row["value"]
                else None
                for row in csv.DictReader(file)
            }


def inspected(*arguments: object) -> Inspected:
    code, out, err = invoke("inspect", *map(str, arguments), "--json")
    assert code == 0, err
    return Inspected(json.loads(out), err)


@pytest.fixture(scope="session")
def run(finished: FinishedSearch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the finished search, without MLflow's files."""
    folder = tmp_path_factory.mktemp("inspected") / "run"
    shutil.copytree(finished.folder, folder, ignore=shutil.ignore_patterns("mlflow.db*", "mlartifacts"))
    return folder


@pytest.fixture(scope="session")
def best(run: Path) -> Inspected:
    """The best trial of it, trained again."""
    return inspected(run)
