"""Recorded trainings through Syne Tune's own simulator, and its ASHA as a policy of ours.

For ``benchmark_replay.py``. Syne Tune is spared what a replay does not need: its tuner saves neither itself
nor its results and prints to nowhere, and its table is looked up by number, not by pandas.
"""

import contextlib
import logging
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from neurocap_search.prediction import Report
from neurocap_search.pruning import Action, Decision, PruningPolicy
from neurocap_search.traces.trace import Trace

METRIC, EPOCHS, FACTOR = "val_accuracy", 27, 3


@dataclass(frozen=True)
class Run:
    """One replay: epochs spent, processor seconds it took, and who was trained to the end."""

    epochs: int
    seconds: float
    trained: frozenset[int]

    @property
    def speed(self) -> float:
        """Trial-epochs per processor second."""
        return self.epochs / self.seconds


class InOrder:
    """A searcher of Syne Tune's that proposes one training after the other."""

    def __init__(self, trials: int) -> None:
        self._numbers = iter(range(trials))

    def suggest(self) -> dict[str, int] | None:
        """Return the next configuration; None after the last."""
        number = next(self._numbers, None)
        return None if number is None else {"number": number}

    def on_trial_result(self, *_: Any, **__: Any) -> None:
        """Learn nothing."""


def syne_tunes_asha(trials: int) -> Any:
    """Return Syne Tune's scheduler with the settings of ours."""
    from syne_tune.config_space import randint
    from syne_tune.optimizer.schedulers.asha import AsynchronousSuccessiveHalving

    return AsynchronousSuccessiveHalving(
        {"number": randint(0, trials)},
        metric=METRIC,
        do_minimize=False,
        searcher=InOrder(trials),
        time_attr="epoch",
        max_t=EPOCHS,
        grace_period=1,
        reduction_factor=FACTOR,
    )


class TheirRule(PruningPolicy):
    """Syne Tune's scheduler behind our contract."""

    def __init__(self, trials: int) -> None:
        self._scheduler = syne_tunes_asha(trials)
        self._trials: dict[str, SimpleNamespace] = {}

    def on_add(self, trial_id: str) -> None:
        """Announce a trial."""
        number = int(trial_id)
        self._trials[trial_id] = SimpleNamespace(trial_id=number, config={"number": number})
        self._scheduler.on_trial_add(self._trials[trial_id])

    def on_report(self, trial_id: str, report: Report) -> Decision:
        """Pass the question on and the answer back."""
        result = {"epoch": report.epoch, METRIC: report.metrics[METRIC]}
        answer = self._scheduler.on_trial_result(self._trials[trial_id], result)
        action = Action.STOP if answer == "STOP" else Action.CONTINUE
        stops_early = action is Action.STOP and report.epoch < EPOCHS
        return Decision(action, report.epoch, "as Syne Tune says", pruned=stops_early)

    def on_complete(self, trial_id: str, report: Report | None) -> None:
        """Take a trial away."""
        self._scheduler.on_trial_remove(self._trials.pop(trial_id))

    def state_dict(self) -> dict[str, Any]:
        """Not needed in a replay."""
        raise NotImplementedError

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Not needed in a replay."""
        raise NotImplementedError


def tabulated(stream: list[Trace]) -> Any:
    """Return the trainings as Syne Tune's table."""
    import pandas as pd
    from syne_tune.blackbox_repository.blackbox_tabular import BlackboxTabular
    from syne_tune.config_space import randint

    class Table(BlackboxTabular):  # type: ignore[misc]
        """Looks trainings up by number: its own search by pandas is slower and fails with pandas 3."""

        def _objective_function(
            self, configuration: dict[str, int], fidelity: None = None, seed: int | None = None
        ) -> Any:
            return self.objectives_evaluations[configuration["number"], seed or 0]

    accuracy = np.array([[report.metrics[METRIC] for report in trace.reports] for trace in stream])
    elapsed = np.cumsum([[report.seconds for report in trace.reports] for trace in stream], axis=1)
    return Table(
        hyperparameters=pd.DataFrame({"number": range(len(stream))}),
        configuration_space={"number": randint(0, len(stream))},
        fidelity_space={"epoch": randint(1, EPOCHS)},
        objectives_evaluations=np.stack([accuracy, elapsed], axis=-1)[:, None],
        objectives_names=[METRIC, "elapsed"],
    )


def through_syne_tune(table: Any, trials: int, workers: int, sleep: float) -> Run:
    """Replay with Syne Tune's simulator; its tuner sleeps so many simulated seconds between two looks."""
    from syne_tune import StoppingCriterion, Tuner
    from syne_tune.backend.simulator_backend.simulator_callback import SimulatorCallback
    from syne_tune.blackbox_repository.simulated_tabular_backend import UserBlackboxBackend

    class Unsaved(SimulatorCallback):  # type: ignore[misc]
        def store_results(self) -> None:
            pass

    callback = Unsaved()
    tuner = Tuner(
        trial_backend=UserBlackboxBackend(table, elapsed_time_attr="elapsed", seed=0, tuner_sleep_time=sleep),
        scheduler=syne_tunes_asha(trials),
        stop_criterion=StoppingCriterion(max_num_evaluations=sys.maxsize),
        n_workers=workers,
        sleep_time=0,
        results_update_interval=1e9,
        print_update_interval=1e9,
        callbacks=[callback],
        save_tuner=False,
    )
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        begin = time.process_time()
        tuner.run()
        seconds = time.process_time() - begin
    trained = frozenset(result["trial_id"] for result in callback.results if result["epoch"] == EPOCHS)
    return Run(len(callback.results), seconds, trained)


@contextlib.contextmanager
def syne_tune_in_a_corner() -> Iterator[None]:
    """Let Syne Tune write to a temporary folder and log errors only."""
    before = os.environ.get("SYNETUNE_FOLDER")
    logging.disable(logging.WARNING)
    try:
        with tempfile.TemporaryDirectory() as folder:
            os.environ["SYNETUNE_FOLDER"] = folder
            yield
    finally:
        logging.disable(logging.NOTSET)
        os.environ.pop("SYNETUNE_FOLDER", None)
        if before is not None:
            os.environ["SYNETUNE_FOLDER"] = before
