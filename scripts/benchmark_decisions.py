"""What a decision costs: our policies and Ray's ASHA on the same reports, in one process.

Many trials report in turns (``--workers`` at a time), each with the metric and beta_eff. Timed is the
answer to one report alone. Each rule sees the same curves; a trial that it stops or pauses reports no
more, so rules that prune answer fewer reports. Medians over repetitions, in microseconds.

    python scripts/benchmark_decisions.py --trials 10000
"""

import argparse
import gc
import json
import statistics
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
from ray.tune.schedulers import AsyncHyperBandScheduler

from neurocap_search.prediction import CapacitanceRidge, Report
from neurocap_search.pruning import (
    GuardedPolicy,
    HyperbandPolicy,
    IEpochPolicy,
    MedianPolicy,
    PromotionHalvingPolicy,
    PruningPolicy,
    SuccessiveHalvingPolicy,
)

HALVING: dict[str, Any] = {"metric": "acc", "max_t": 27, "grace_period": 1, "reduction_factor": 3}


def stopping(predictor: CapacitanceRidge | None = None) -> SuccessiveHalvingPolicy:
    """Return the policy that decides as ASHA does, if it has no predictor."""
    return SuccessiveHalvingPolicy(**HALVING, predictor=predictor)


POLICIES: dict[str, Callable[[], PruningPolicy]] = {
    "stopping halving": stopping,
    "stopping halving, predictor": lambda: stopping(CapacitanceRidge(metric="acc")),
    "promotion halving": lambda: PromotionHalvingPolicy(**HALVING),
    "promotion halving, at most 100 wait": lambda: PromotionHalvingPolicy(**HALVING, max_paused=100),
    "median": lambda: MedianPolicy(metric="acc", max_t=27),
    "Hyperband": lambda: HyperbandPolicy(**HALVING),
    "i-epoch": lambda: IEpochPolicy(metric="acc", epochs=3, max_t=27),
    "guarded stopping halving": lambda: GuardedPolicy(stopping(), metric="acc", patience=1, protect_best=10),
}


class RaysAsha:
    """Ray's scheduler behind the two calls that the stream makes."""

    def __init__(self) -> None:
        arguments = {key: value for key, value in HALVING.items() if key != "metric"}
        self._scheduler = AsyncHyperBandScheduler("epoch", "acc", "max", **arguments)
        self._trials: dict[str, SimpleNamespace] = {}

    def add(self, trial_id: str) -> None:
        """Let a trial start."""
        self._trials[trial_id] = SimpleNamespace(trial_id=trial_id)
        self._scheduler.on_trial_add(None, self._trials[trial_id])

    def prepare(self, trial_id: str, report: Report) -> Callable[[], bool]:
        """Return what is timed: ask about one report; True if the trial goes on."""
        trial, result = self._trials[trial_id], {"epoch": report.epoch, **report.metrics}
        return lambda: self._scheduler.on_trial_result(None, trial, result) == "CONTINUE"

    def end(self, trial_id: str, report: Report) -> None:
        """Take a trial away that does not go on for now."""
        trial, result = self._trials.pop(trial_id), {"epoch": report.epoch, **report.metrics}
        self._scheduler.on_trial_complete(None, trial, result)


class Ours:
    """A policy behind the same calls, with the questions about paused trials a scheduler asks."""

    def __init__(self, policy: PruningPolicy) -> None:
        self.policy = policy

    def add(self, trial_id: str) -> None:
        """Let a trial start."""
        self.policy.on_add(trial_id)

    def prepare(self, trial_id: str, report: Report) -> Callable[[], bool]:
        """Return what is timed: ask about one report; True if the trial goes on."""
        policy = self.policy
        if not policy.pauses:
            return lambda: policy.on_report(trial_id, report).action == "CONTINUE"

        def decide() -> bool:
            goes_on = policy.on_report(trial_id, report).action == "CONTINUE"
            policy.surplus()
            policy.resumable()
            return goes_on

        return decide

    def end(self, trial_id: str, report: Report) -> None:
        """Take a trial away that does not go on for now."""
        if not self.policy.pauses:
            self.policy.on_complete(trial_id, report)
            return
        for given_up, _ in self.policy.surplus():
            self.policy.on_complete(given_up, None)

    def resumed(self) -> str | None:
        """Return a paused trial that goes on."""
        offer = self.policy.resumable()
        if offer is not None:
            self.policy.on_resume(offer[0])
        return None if offer is None else offer[0]


def reports(trials: int) -> Iterator[list[Report]]:
    """Yield the 27 reports of each trial: curves that rise and cross, and a falling beta_eff."""
    rng = np.random.default_rng(0)
    epochs = np.arange(1, 28)
    for _ in range(trials):
        end, rate = rng.uniform(0.3, 0.95), rng.uniform(0.05, 0.6)
        accuracy = end * (1 - np.exp(-rate * epochs)) + 0.01 * rng.standard_normal(27)
        beta = np.exp(-rate * epochs) + 0.01 * rng.standard_normal(27)
        yield [
            Report(int(t), {"acc": float(a), "beta_eff": float(b)})
            for t, a, b in zip(epochs, accuracy, beta, strict=True)
        ]


def stream(side: Any, curves: list[list[Report]], workers: int) -> list[float]:
    """Let all trials report in turns and return the seconds of every decision."""
    seconds: list[float] = []
    queue, running, done = iter(range(len(curves))), dict[str, int](), dict[str, int]()

    def next_trial() -> None:
        resumed = side.resumed() if isinstance(side, Ours) else None
        if resumed is not None:
            running[resumed] = done[resumed]
        elif (number := next(queue, None)) is not None:
            side.add(str(number))
            running[str(number)] = 0

    for _ in range(workers):
        next_trial()
    while running:
        trial_id = next(iter(running))
        epoch = running.pop(trial_id)
        report = curves[int(trial_id)][epoch]
        decide = side.prepare(trial_id, report)
        begin = time.perf_counter()
        goes_on = decide()
        seconds.append(time.perf_counter() - begin)
        done[trial_id] = epoch + 1
        if goes_on:
            running[trial_id] = epoch + 1
        else:
            side.end(trial_id, report)
            next_trial()
    return seconds


def measure(make: Callable[[], Any], curves: list[list[Report]], args: argparse.Namespace) -> list[float]:
    """Return number of decisions, median, 99th percentile and maximum in microseconds."""
    rows = []
    for _ in range(args.repetitions):
        gc.collect()
        gc.disable()  # collections of the interpreter are not the rule's cost
        micro = 1e6 * np.array(stream(make(), curves, args.workers))
        gc.enable()
        rows.append((len(micro), *np.percentile(micro, [50, 99]), micro.max()))
    return [statistics.median(column) for column in zip(*rows, strict=True)]


def state_cost(curves: list[list[Report]], workers: int) -> None:
    """Print what saving the state costs after all trials."""
    print("\nstate of all trials (state_dict and json.dumps)")
    for name in (
        "stopping halving",
        "stopping halving, predictor",
        "promotion halving",
        "median",
        "Hyperband",
    ):
        side = Ours(POLICIES[name]())
        stream(side, curves, workers)
        begin = time.perf_counter()
        text = json.dumps(side.policy.state_dict())
        print(f"  {name:<36}{1e3 * (time.perf_counter() - begin):8.1f} ms {len(text) / 1e6:8.2f} MB")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=64, help="trials that report in turns")
    parser.add_argument("--repetitions", type=int, default=3)
    args = parser.parse_args()
    curves = list(reports(args.trials))
    print(f"{args.trials} trials, {args.workers} at a time, median of {args.repetitions} repetitions\n")
    print(f"{'':<38}{'decisions':>10}{'median':>9}{'p99':>9}{'max':>9} us{'median':>9}{'p99':>9}  of Ray's")
    asha: list[float] | None = None
    sides: dict[str, Callable[[], Any]] = {"Ray AsyncHyperBandScheduler": RaysAsha}
    sides |= {name: lambda make=make: Ours(make()) for name, make in POLICIES.items()}
    for name, make in sides.items():
        row = measure(make, curves, args)
        asha = asha or row
        ratios = f"{row[1] / asha[1]:>12.2f}{row[2] / asha[2]:>9.3f}"
        print(f"{name:<38}{row[0]:>10.0f}{row[1]:>9.1f}{row[2]:>9.1f}{row[3]:>9.0f}{ratios}", flush=True)
    state_cost(curves, args.workers)


if __name__ == "__main__":
    main()
