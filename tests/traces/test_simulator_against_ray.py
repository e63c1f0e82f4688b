"""The same traces through a real Ray Tune and through the simulator: one for one the same."""

import math
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ray import tune
from ray.tune.search import Searcher

from neurocap_search.cluster import ray_cluster
from neurocap_search.config import ResourcesConfig
from neurocap_search.prediction import CapacitanceRidge, Report
from neurocap_search.pruning import (
    FullTrainingPolicy,
    HyperbandPolicy,
    IEpochPolicy,
    MedianPolicy,
    PromotionHalvingPolicy,
    PruningPolicy,
    SuccessiveHalvingPolicy,
)
from neurocap_search.traces.simulator import simulate
from neurocap_search.traces.trace import Trace, TraceKey
from neurocap_search.tune import ActiveTrialLimiter, PolicyScheduler
from neurocap_search.tune.results import FAILURE

pytestmark = pytest.mark.timeout(300)
METRIC, EPOCHS = "val_accuracy", 9


@pytest.fixture(scope="module", autouse=True)
def _ray() -> Iterator[None]:
    with ray_cluster(ResourcesConfig(num_cpus=1)):
        yield


def trace(trial: int, rng: np.random.Generator, *, epochs: int = EPOCHS, failure: str | None = None) -> Trace:
    """A curve that rises while beta_eff falls, both with noise."""
    end, rate = rng.uniform(0.3, 0.9), rng.uniform(0.2, 1)
    reports = []
    for epoch in range(1, epochs + 1):
        left = math.exp(-rate * epoch)
        accuracy = end * (1 - left) + rng.normal(0, 0.01)
        beta = left + abs(rng.normal(0, 0.02))
        reports.append(Report(epoch, {METRIC: accuracy, "beta_eff": beta}, 0.5 + rate))
    return Trace(TraceKey(trial, 0), {}, {}, "", 0, tuple(reports), failure)


def stream() -> list[Trace]:
    """Twelve trainings: one fails at once, one after two epochs, one diverges, one is short."""
    rng = np.random.default_rng(7)
    traces = [trace(k, rng) for k in range(12)]
    traces[3] = trace(3, rng, epochs=2, failure="ValueError: the loss is nan")
    traces[5] = trace(5, rng, epochs=0, failure="OutOfMemoryError: no memory")
    diverged = list(traces[6].reports)
    diverged[1] = Report(2, {METRIC: math.nan, "beta_eff": math.nan}, 1.0)
    traces[6] = Trace(TraceKey(6, 0), {}, {}, "", 0, tuple(diverged))
    traces[8] = trace(8, rng, epochs=4)
    return traces


def halving(kind: type, reduction_factor: int = 2, **arguments: Any) -> PruningPolicy:
    arguments = {"metric": METRIC, "max_t": EPOCHS, "reduction_factor": reduction_factor, **arguments}
    return kind(**arguments)  # type: ignore[no-any-return]


POLICIES: dict[str, Callable[[], PruningPolicy]] = {
    "full training": lambda: FullTrainingPolicy(EPOCHS),
    "median": lambda: MedianPolicy(metric=METRIC, max_t=EPOCHS, grace_period=2, min_trials=2),
    "i-epoch": lambda: IEpochPolicy(metric=METRIC, epochs=2, keep=2, max_t=EPOCHS),
    "stopping halving": lambda: halving(SuccessiveHalvingPolicy),
    "promotion halving": lambda: halving(PromotionHalvingPolicy),
    "bounded promotion halving": lambda: halving(PromotionHalvingPolicy, max_paused=2),
    "stopping hyperband": lambda: halving(HyperbandPolicy),
    "promotion hyperband": lambda: halving(HyperbandPolicy, 3, type="promotion", max_paused=4),
    "capacitance": lambda: halving(
        SuccessiveHalvingPolicy, grace_period=3, predictor=CapacitanceRidge(metric=METRIC, bounds=(0, 1))
    ),
    "promoted capacitance": lambda: halving(
        PromotionHalvingPolicy, grace_period=3, predictor=CapacitanceRidge(metric=METRIC, bounds=(0, 1))
    ),
}


@dataclass
class Calls:
    """What a policy was told, in order; asking is left out."""

    made: list[tuple[Any, ...]] = field(default_factory=list)

    def of(self, policy: PruningPolicy) -> PruningPolicy:
        for hook in ("on_add", "on_report", "on_complete", "on_error", "on_resume", "on_exhausted"):
            setattr(policy, hook, self._noting(hook, getattr(policy, hook)))
        return policy

    def _noting(self, hook: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def noted(*arguments: Any) -> Any:
            call = (hook, *(self._plain(argument) for argument in arguments))
            if hook != "on_exhausted" or call not in self.made:
                self.made.append(call)
            return method(*arguments)

        return noted

    @staticmethod
    def _plain(argument: Any) -> Any:
        """A report's numbers as text, in which nan is nan."""
        return str(argument.to_json()) if isinstance(argument, Report) else argument

    def renamed(self, names: dict[str, str]) -> list[tuple[Any, ...]]:
        return [(hook, *(names.get(a, a) for a in arguments)) for hook, *arguments in self.made]


class InOrder(Searcher):
    """Proposes one trace after the other, and knows which trial got which."""

    def __init__(self) -> None:
        super().__init__(metric=METRIC, mode="max")
        self.names: dict[str, str] = {}

    def suggest(self, trial_id: str) -> dict[str, Any]:
        self.names[trial_id] = str(len(self.names))
        return {"trace": len(self.names) - 1}

    def on_trial_complete(self, trial_id: str, result: Any = None, error: bool = False) -> None:
        pass

    def save(self, checkpoint_path: str) -> None:
        pass

    def restore(self, checkpoint_path: str) -> None:
        pass


def replaying(traces: list[Trace], milestones: frozenset[int]) -> Callable[[dict[str, Any]], None]:
    """A trainable that reports a trace as neurocap's own reports a training.

    Made in a function, it goes to the workers as it is, and they need not import this module.
    """
    metric, epochs, failed = METRIC, EPOCHS, FAILURE

    def replay(config: dict[str, Any]) -> None:
        trace, checkpoint, done = traces[config["trace"]], tune.get_checkpoint(), 0
        if checkpoint is not None:
            with checkpoint.as_directory() as folder:
                done = int(Path(folder, "epoch").read_text())
        for report in trace.reports[done:]:
            result = {**report.metrics, "epoch": report.epoch, "epoch_seconds": report.seconds}
            if report.epoch < epochs and report.epoch not in milestones:
                tune.report(result)
                continue
            with tempfile.TemporaryDirectory() as folder:
                Path(folder, "epoch").write_text(str(report.epoch))
                tune.report(result, checkpoint=tune.Checkpoint.from_directory(folder))
        if trace.failure is not None:
            tune.report({metric: float("nan"), failed: trace.failure})

    return replay


def through_ray(policy: PruningPolicy, folder: Path) -> tuple[PolicyScheduler, dict[str, str]]:
    """Run the stream through Ray Tune; return the scheduler and the names of its trials."""
    scheduler = PolicyScheduler(policy, time_attr="epoch", metric=METRIC, mode="max", journal=False)
    searcher = InOrder()
    trainable = replaying(stream(), frozenset(map(math.ceil, policy.milestones)))
    tune.Tuner(
        tune.with_resources(trainable, {"cpu": 1}),
        tune_config=tune.TuneConfig(
            search_alg=ActiveTrialLimiter(searcher, scheduler, max_active=1),
            scheduler=scheduler,
            num_samples=len(stream()),
            reuse_actors=True,
        ),
        run_config=tune.RunConfig(name="replay", storage_path=str(folder), verbose=0),
    ).fit()
    return scheduler, searcher.names


@pytest.mark.parametrize("name", POLICIES)
def test_simulator_and_ray_decide_alike_one_for_one(name: str, tmp_path: Path) -> None:
    here, there = Calls(), Calls()
    simulated, live = here.of(POLICIES[name]()), there.of(POLICIES[name]())
    replayed = simulate(simulated, stream(), workers=1, epochs=EPOCHS)
    scheduler, names = through_ray(live, tmp_path)
    decided = {names[trial_id]: decisions for trial_id, decisions in scheduler.decisions.items()}
    assert "errors" in scheduler.debug_string()
    assert scheduler.debug_string().endswith("0 errors")
    assert decided == {key: list(trial.decisions) for key, trial in replayed.trials.items()}
    assert there.renamed(names) == here.made
    assert scheduler.roster.num_active == scheduler.roster.num_paused == 0
