"""What the properties of schedulers share: the scheduler under test, streams of reports, caught logs."""

import contextlib
import logging
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

import numpy as np
from ray.tune.schedulers import TrialScheduler

from neurocap_search.testing.mock_controller import MockController

STOP = "STOP"
MAX_T = 9


class Reported(NamedTuple):
    """One report of a trial."""

    trial_id: str
    epoch: int
    value: float


class SchedulerCase(ABC):
    """Makes the scheduler that is tested."""

    @abstractmethod
    def make_scheduler(
        self,
        *,
        metric: str | None = "value",
        mode: Literal["max", "min"] | None = "max",
        grace_period: int = 1,
    ) -> TrialScheduler:
        """Return a fresh scheduler with time attribute ``"epoch"``, ``max_t`` 9 and reduction factor 3.

        A scheduler without one of these settings is made without it.
        """


def stream(trials: int = 8, seed: int = 0) -> list[Reported]:
    """Return the reports of trials that take turns at random, nine epochs each, values from -1 to 1."""
    rng = np.random.default_rng(seed)
    done = dict.fromkeys((f"t{i}" for i in range(trials)), 0)
    reports = []
    while done:
        trial_id = str(rng.choice(list(done)))
        done[trial_id] += 1
        reports.append(Reported(trial_id, done[trial_id], round(float(rng.uniform(-1, 1)), 3)))
        if done[trial_id] == MAX_T:
            del done[trial_id]
    return reports


def play(controller: MockController, reports: Iterable[Reported]) -> list[str]:
    """Return the answers to reports; for a trial that cannot report, its status."""
    return [controller.report(r.trial_id, {"epoch": r.epoch, "value": r.value}) for r in reports]


def decide(scheduler: TrialScheduler, reports: Iterable[Reported]) -> list[str]:
    """Return a fresh scheduler's answers to reports."""
    return play(MockController(scheduler), reports)


def check_same(answers: list[str], expected: list[str], when: str) -> None:
    """Raise AssertionError that names the first answer to :func:`stream` that is not as expected."""
    for number, (answer, other) in enumerate(zip(answers, expected, strict=True), 1):
        if answer != other:
            raise AssertionError(f"{when}: answer {number} is {answer}, expected {other}")


@contextlib.contextmanager
def caught_warnings() -> Iterator[list[str]]:
    """Collect what is logged as a warning or worse."""
    messages: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: messages.append(record.getMessage())  # type: ignore[method-assign]
    loggers = [logging.getLogger()]
    if not logging.getLogger("ray").propagate:  # Ray's own loggers need not hand on to the root
        loggers.append(logging.getLogger("ray"))
    for logger in loggers:
        logger.addHandler(handler)
    try:
        yield messages
    finally:
        for logger in loggers:
            logger.removeHandler(handler)
