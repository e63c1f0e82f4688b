"""Those who follow the record of anybody's Tune program: tables, figures, MLflow."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from neurocap_search.tracking import FigureWriter, SearchListener, TableWriter


@dataclass(frozen=True)
class MlflowListeners:
    """Makes the listeners of a Tune program: ``trials.csv``, decisions, figures and MLflow.

    In MLflow the experiment becomes a parent run with one child for each trial, as in a search of
    this project. If the server dies, the program does not wait for it, and ``neurocap sync FOLDER`` sends
    what is missing; ``FOLDER`` is the experiment's directory.

    Args:
        uri: Tracking URI; None keeps ``mlflow.db`` in the experiment's directory.
        experiment: Name of the MLflow experiment.

    Raises:
        UserError: When the first trial starts, if the store cannot be used.

    Example:
        >>> from ray import tune
        >>> from neurocap_search.tune import NeuralCapacitanceScheduler, RecordCallback
        >>> scheduler = NeuralCapacitanceScheduler(max_t=16, grace_period=4)
        >>> callback = RecordCallback(scheduler, listeners=MlflowListeners(experiment="widths"))
        >>> config = tune.RunConfig(callbacks=[callback])
    """

    uri: str | None = None
    experiment: str = "neurocap"

    def __call__(self, folder: Path) -> Sequence[SearchListener]:
        """Make the listeners for the folder of an experiment."""
        from neurocap_search.tracking.mlflow_tracker import MlflowTracker  # MLflow takes seconds to import

        tracker = MlflowTracker(folder, self.uri, self.experiment, params={})
        return [TableWriter(folder), FigureWriter(folder), tracker]
