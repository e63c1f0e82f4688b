"""Properties of a scheduler over a whole experiment."""
# ruff: noqa: S101 – asserting is what these methods are for

import tempfile
from pathlib import Path

import numpy as np
from ray.tune.experiment import Trial

from neurocap_search.testing.mock_experiment import MockExperiment
from neurocap_search.testing.scheduler_case import MAX_T, SchedulerCase


class ExperimentProperties(SchedulerCase):
    """An experiment comes to its end, and the best get the most."""

    def test_an_experiment_ends_and_nobody_is_left_paused(self) -> None:
        """Under Ray it would wait for ever."""
        for trials, workers in ((1, 1), (2, 4), (9, 1), (12, 4), (13, 3)):
            MockExperiment(self.make_scheduler(), _curves(trials), workers=workers).run()

    def test_an_experiment_with_failures_ends(self) -> None:
        """Failed trials are tried again from their last epoch."""
        failures = {"t0": 1, "t3": 3, "t7": 2, "t11": 0}
        MockExperiment(self.make_scheduler(), _curves(12), failures=failures).run()

    def test_an_experiment_of_trials_that_return_early_ends(self) -> None:
        """Trainables may return at any epoch, or before the first."""
        curves = {name: curve[: i % 4] for i, (name, curve) in enumerate(_curves(12).items())}
        MockExperiment(self.make_scheduler(), curves).run()

    def test_a_restored_experiment_ends(self) -> None:
        """Ray makes a fresh scheduler, adds all trials again and starts those that had been paused."""
        for steps in (3, 12, 25):
            experiment = self._begun(steps)
            experiment.restore(self.make_scheduler())
            experiment.run()

    def test_an_experiment_ends_though_paused_trials_were_removed(self) -> None:
        """Whoever may stop trials, such as a user, may stop paused ones; nobody can choose them then."""
        experiment = MockExperiment(self.make_scheduler(), _curves(12), workers=2)
        removed = 0
        while not experiment.finished and removed < 2:
            experiment.step()
            for trial in experiment.controller.get_trials():
                if trial.status == Trial.PAUSED and removed < 2:
                    experiment.controller.stop_trial(trial)
                    removed += 1
        experiment.run()

    def test_an_experiment_restored_with_its_state_ends(self) -> None:
        """What the scheduler remembers of paused and running trials fits what Ray starts again."""
        with tempfile.TemporaryDirectory() as folder:
            for steps in (3, 12, 25):
                experiment = self._begun(steps)
                experiment.controller.scheduler.save(str(Path(folder) / f"{steps}"))
                fresh = self.make_scheduler()
                fresh.restore(str(Path(folder) / f"{steps}"))
                experiment.restore(fresh)
                experiment.run()

    def test_somebody_is_fully_trained_and_nobody_beyond(self) -> None:
        """The winner has max_t epochs; whatever else the trainables would do."""
        curves = {name: curve + curve for name, curve in _curves(12).items()}
        experiment = MockExperiment(self.make_scheduler(), curves)
        experiment.run()
        longest = max(experiment.epochs(name) for name in curves)
        assert longest == MAX_T, f"the longest trial had {longest} epochs, max_t is {MAX_T}"

    def test_the_best_paused_trial_goes_on_first(self) -> None:
        """Of trials paused at the same epoch; a scheduler that pauses nobody passes."""
        for seed in range(3):
            experiment = MockExperiment(self.make_scheduler(), _curves(12, seed), workers=3, seed=seed)
            experiment.run()
            paused: dict[str, tuple[int, float]] = {}
            for event in experiment.controller.events:
                if event.what == "resume":
                    epoch, value = paused.pop(event.trial_id)
                    better = [name for name, (e, v) in paused.items() if e == epoch and v > value]
                    assert not better, f"{event.trial_id} went on at epoch {epoch} before the better {better}"
                elif event.what == "PAUSE":
                    paused[event.trial_id] = (event.result["epoch"], event.result["value"])
                else:
                    paused.pop(event.trial_id, None)

    def _begun(self, steps: int) -> MockExperiment:
        """Return an experiment after some steps."""
        experiment = MockExperiment(self.make_scheduler(), _curves(9))
        for _ in range(steps):
            if not experiment.finished:
                experiment.step()
        return experiment


def _curves(trials: int, seed: int = 0) -> dict[str, list[float]]:
    """Return rising curves over max_t epochs with different ends, in drawn order."""
    ends = np.random.default_rng(seed).permutation(trials)
    growth = 1 - 0.7 ** np.arange(1, MAX_T + 1)
    return {f"t{i}": [round(float((1 + end) * g), 6) for g in growth] for i, end in enumerate(ends)}
