"""Numbers that are computed from the reported ones."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from neurocap_search.prediction import Report
from neurocap_search.prediction.learning_curve import TrainingSpeed


class Derived(ABC):
    """A number computed from a reported one.

    Args:
        source: Name of the reported number.

    Attributes:
        name: What the policy knows it by.
        diverges: True if a source that is not finite means that the training has diverged. Otherwise there is
            nothing to compare the trial by at that epoch, and it goes on.
    """

    name: str
    diverges = True

    def __init__(self, source: str) -> None:
        self.source = source

    @abstractmethod
    def follow(self, trial_id: str, epoch: float, value: float) -> float:
        """Take in a finite value of the source and return the number."""

    def forget(self, trial_id: str) -> None:  # noqa: B027
        """Drop what was kept of a trial."""

    def to_json(self) -> dict[str, Any]:
        """Return what is kept as JSON-ready values."""
        return {}

    def load_json(self, state: Mapping[str, Any]) -> None:  # noqa: B027
        """Take over what :meth:`to_json` returned."""


class Signal(Derived):
    """The number itself, of a kind that may be undefined while the training is well, such as beta_eff."""

    diverges = False

    def __init__(self, source: str) -> None:
        super().__init__(source)
        self.name = source

    def follow(self, trial_id: str, epoch: float, value: float) -> float:
        """Return the value."""
        return float(value)


class Magnitude(Signal):
    """How far such a number is from 0."""

    def __init__(self, source: str) -> None:
        super().__init__(source)
        self.name = f"abs_{source}"

    def follow(self, trial_id: str, epoch: float, value: float) -> float:
        """Return the absolute value."""
        return float(abs(value))


class OfCourse(Derived):
    """A number computed from a trial's values so far; one that starts over begins anew."""

    def __init__(self, source: str) -> None:
        super().__init__(source)
        self._courses: dict[str, list[tuple[float, float]]] = {}

    @abstractmethod
    def of(self, course: Sequence[tuple[float, float]]) -> float:
        """Return the number from the epochs and values so far; there is at least one."""

    def follow(self, trial_id: str, epoch: float, value: float) -> float:
        """Return the number with the value."""
        course = self._courses.setdefault(trial_id, [])
        while course and course[-1][0] >= epoch:
            course.pop()
        course.append((epoch, float(value)))
        return self.of(course)

    def forget(self, trial_id: str) -> None:
        """Drop a trial's values."""
        self._courses.pop(trial_id, None)

    def to_json(self) -> dict[str, Any]:
        """Return the values of the trials that have not ended."""
        return {trial_id: [list(point) for point in course] for trial_id, course in self._courses.items()}

    def load_json(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`to_json` returned."""
        self._courses = {trial_id: [(epoch, value) for epoch, value in c] for trial_id, c in state.items()}


class RunningMean(OfCourse):
    """The mean of a trial's values so far."""

    def __init__(self, source: str) -> None:
        super().__init__(source)
        self.name = f"mean_{source}"

    def of(self, course: Sequence[tuple[float, float]]) -> float:
        """Return the mean."""
        return math.fsum(seen for _, seen in course) / len(course)


class LossSum(OfCourse):
    """A weighted sum of a trial's training losses so far.

    Args:
        speed: Says how much each epoch counts.
    """

    def __init__(self, speed: TrainingSpeed) -> None:
        super().__init__(speed.loss)
        self.name, self._speed = speed.name, speed

    def of(self, course: Sequence[tuple[float, float]]) -> float:
        """Return the sum."""
        return self._speed.score([Report(epoch, {self.source: loss}) for epoch, loss in course])
