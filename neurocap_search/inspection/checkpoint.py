"""A checkpoint of a search: one network with its weights."""

import json
from collections.abc import Iterator
from pathlib import Path

from neurocap_search.errors import UserError
from neurocap_search.inspection.candidate import candidate_images, measure_candidate
from neurocap_search.inspection.measures import EpochMeasures
from neurocap_search.inspection.run_directory import RunDirectory
from neurocap_search.inspection.subject import Step, Subject
from neurocap_search.prediction import Report
from neurocap_search.tracking import TrialRecord
from neurocap_search.training import evaluate, load_images, load_weights
from neurocap_search.training.weights import WEIGHTS_FILE


class Checkpoint(Subject):
    """The network of a folder that holds weights, inside the run directory of its search.

    Args:
        path: The folder ``best/``, or one of Ray's folders of a fully trained trial.

    Raises:
        UserError: If there are no weights, or no search they belong to.
    """

    steps = 1

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        if not (self.path / WEIGHTS_FILE).is_file():
            raise UserError(
                f"{path} is neither a run directory (it has no config.yaml and journal.jsonl) nor a "
                f"checkpoint (it has no {WEIGHTS_FILE}). Give the folder of a search, its best/, or --model "
                "torchvision:resnet18."
            )
        self.run = RunDirectory.read(_run_directory_of(self.path))
        self.trial = _trial_of(self.path, self.run)
        self.title = f"{self.trial.name}, {self.trial.description}, final weights"
        self.identity = f"weights of {self.run.identity(self.trial)}"
        self.folder = self.run.path / f"inspect-{self.trial.name}-weights"
        data = self.run.config.data
        self.images = candidate_images(data.name or data.source, self.run.config.training.probe_samples)

    def opening(self) -> list[str]:
        """Say whose weights they are."""
        return [f"{self.title}: the weights in {self.path}. For every epoch give {self.run.path}."]

    def measures(self, step: Step) -> Iterator[EpochMeasures]:
        """Measure the network as it was after its last epoch."""
        data = load_images(self.run.config.data)
        network = self.run.build(self.trial, data)
        load_weights(network, self.path)
        samples = self.run.settings(self.trial).probe_samples
        with self.run.threads():
            metrics = evaluate(network, data.validation, "val")
            yield measure_candidate(network, data, samples, step, Report(self.trial.epochs, metrics))


def _run_directory_of(path: Path) -> Path:
    found = next((folder for folder in path.parents if RunDirectory.is_at(folder)), None)
    if found is None:
        raise UserError(
            f"{path} lies in no run directory, whose config.yaml and journal.jsonl say what network these "
            "weights belong to. Inspect it where the search left it."
        )
    return found


def _trial_name(facts: Path) -> str | None:
    if not facts.is_file():
        return None
    try:
        return str(json.loads(facts.read_text(encoding="utf-8"))["trial"])
    except (ValueError, TypeError, KeyError):
        raise UserError(f"{facts} is damaged. Give the run directory instead, with --trial.") from None


def _trial_of(path: Path, run: RunDirectory) -> TrialRecord:
    name = _trial_name(path / "architecture.json")
    for trial in run.record.finished:
        if trial.name == name or (trial.weights and (run.path / trial.weights).resolve() == path):
            return trial
    raise UserError(
        f"{path} belongs to no trial of {run.path}. Give {run.path / 'best'}, or the run directory with "
        "--trial."
    )
