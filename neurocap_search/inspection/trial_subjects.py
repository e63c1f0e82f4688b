"""A trial of a run directory, trained again or as it was recorded."""

import math
from collections.abc import Iterator, Sequence
from itertools import islice

from neurocap_search.inspection.candidate import candidate_images, measure_candidate
from neurocap_search.inspection.measures import EpochMeasures
from neurocap_search.inspection.run_directory import METRIC, RunDirectory
from neurocap_search.inspection.same_curve import same_curve
from neurocap_search.inspection.subject import Step, Subject
from neurocap_search.network_science import Capacitance
from neurocap_search.prediction import Report
from neurocap_search.tracking import TrialRecord
from neurocap_search.training import DivergedError, load_images, load_weights, train

QUICK_SECONDS = 120.0
"""A trial whose training took no longer is trained again unasked."""


class _TrialSubject(Subject):
    """What both ways share.

    Args:
        run: The run directory.
        trial: One of its trials.
    """

    def __init__(self, run: RunDirectory, trial: TrialRecord) -> None:
        self.run, self.trial = run, trial
        self.title = f"{trial.name}, {trial.description}"
        self.identity = run.identity(trial)
        self.folder = run.path / f"inspect-{trial.name}"
        data = run.config.data
        self.images = candidate_images(data.name or data.source, run.config.training.probe_samples)

    def _state(self) -> str:
        trial = self.trial
        error = f" ({trial.error})" if trial.error else ""
        return (
            f"{self.title}: {trial.state.value}{error} after {trial.epochs:g} epochs, {trial.seconds:.1f} s."
        )


class RetrainedTrial(_TrialSubject):
    """A trial trained again, for a search keeps no weights of single epochs.

    Training is seeded, so that on the same machine the curve comes out as it was recorded;
    ``closing`` says whether it did. Not for trials whose training takes too long: :class:`RecordedTrial`.
    """

    def __init__(self, run: RunDirectory, trial: TrialRecord) -> None:
        super().__init__(run, trial)
        self.steps = int(trial.epochs) + 1
        self._diverged: str | None = None

    def opening(self) -> list[str]:
        """Say that it is trained again, and how long that may take."""
        if not self.trial.epochs:
            return [self._state(), "It ended no epoch, so that only its initial network is measured."]
        return [self._state(), "Training it again to measure the network before training and at every epoch."]

    def measures(self, step: Step) -> Iterator[EpochMeasures]:
        """Measure the initial network, then train it again and measure after each epoch."""
        data, settings = load_images(self.run.config.data), self.run.settings(self.trial)
        samples = settings.probe_samples
        with self.run.threads():
            network = self.run.build(self.trial, data)
            yield measure_candidate(network, data, samples, step)
            reports = train(network, data, settings, seed=self.run.config.seed)
            try:
                for report in islice(reports, int(self.trial.epochs)):
                    yield measure_candidate(network, data, samples, step, report)
                    step("training")
            except DivergedError as error:
                self._diverged = str(error)

    def closing(self, measures: Sequence[EpochMeasures]) -> list[str]:
        """Say whether the curve came out as recorded."""
        diverged = [f"Trained again, it diverged: {self._diverged}"] if self._diverged else []
        trained = [m for m in measures if m.epoch]
        return [*diverged, same_curve(self.trial.curve, trained, (METRIC, "beta_eff"))]


class RecordedTrial(_TrialSubject):
    """A trial as it was recorded: beta_eff at every epoch, all else for the weights that are there.

    These are the initial weights, which the seed gives, and the final ones of a fully trained trial.
    """

    def __init__(self, run: RunDirectory, trial: TrialRecord, why: str) -> None:
        super().__init__(run, trial)
        self._why, self._weights = why, run.weights(trial)
        self.steps = int(trial.epochs) + 1

    def opening(self) -> list[str]:
        """Say what there is, and how to get the rest."""
        last = " and its final" if self._weights else ""
        return [
            self._state(),
            f"{self._why}: beta_eff of the head is as recorded at every epoch, all else is measured on its "
            f"initial{last} weights. --retrain trains it again and measures all at every epoch.",
        ]

    def measures(self, step: Step) -> Iterator[EpochMeasures]:
        """Measure the initial and the final network, and read the epochs between from the record."""
        data = load_images(self.run.config.data)
        samples = self.run.settings(self.trial).probe_samples
        network = self.run.build(self.trial, data)
        yield measure_candidate(network, data, samples, step)
        for report in self.trial.curve:
            if report.epoch < self.trial.epochs or self._weights is None:
                yield recorded_measures(report)
                continue
            load_weights(network, self._weights)
            yield measure_candidate(network, data, samples, step, report)


def recorded_measures(report: Report) -> EpochMeasures:
    """Return what a search records of an epoch.

    Example:
        >>> recorded_measures(Report(2, {"beta_eff": math.nan})).head.reason
        'degenerate when the search measured it; the search keeps no reason'
    """
    names = ("beta_eff", "beta_numerator", "beta_denominator")
    value, *sums = (report.metrics.get(name, math.nan) for name in names)
    reason = "degenerate when the search measured it; the search keeps no reason"
    head = Capacitance(value, sums[0], sums[1], reason if math.isnan(value) else None)
    return EpochMeasures(int(report.epoch), report.metrics, head)


def trial_subject(run: RunDirectory, trial: TrialRecord, retrain: bool | None) -> Subject:
    """Choose between training a trial again and showing what was recorded.

    Args:
        run: The run directory.
        trial: One of its trials.
        retrain: What the user wishes; None trains again what took at most ``QUICK_SECONDS``.
    """
    if retrain or (retrain is None and trial.seconds <= QUICK_SECONDS):
        return RetrainedTrial(run, trial)
    why = "Not trained again" if retrain is False else f"Training it took over {QUICK_SECONDS:.0f} s"
    return RecordedTrial(run, trial, why)
