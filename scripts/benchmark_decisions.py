"""What a decision costs: our policies and Ray's ASHA on the same reports, in one process.

Many trials report in turns (``--workers`` at a time), each with the metric, beta_eff and training loss.
Timed is the answer to one report alone, under a policy that pauses with the questions that a scheduler asks
after it: who is given up, who goes on. Each rule sees the same curves; a trial that it stops or pauses
reports no more, so rules that prune answer fewer reports.

A third table has the learned policies, on the first 1,000 trials.

Our decisions make their sentence, and a prediction that decides nothing, when somebody reads them. The
second table counts that in: each decision is read at once, as a journal does it. Ray's has neither.

The repetitions of all sides take turns, so that a busy machine treats them alike. Given are medians over
the repetitions, in microseconds; of Ray's: the median of the ratios within each repetition.

    python scripts/benchmark_decisions.py --trials 10000
"""

import argparse
import gc
import json
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
from ray.tune.schedulers import AsyncHyperBandScheduler

from neurocap_search.prediction import CapacitanceRidge, Report
from neurocap_search.pruning import (
    Action,
    Decision,
    GuardedPolicy,
    HyperbandPolicy,
    IEpochPolicy,
    LearnedHalvingPolicy,
    MedianPolicy,
    PromotionHalvingPolicy,
    PruningPolicy,
    SuccessiveHalvingPolicy,
)

RAY = "Ray AsyncHyperBandScheduler"
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
LEARNED: dict[str, Callable[[], PruningPolicy]] = {
    "learned": lambda: LearnedHalvingPolicy(metric="acc", max_t=27),
    "learned promotion": lambda: LearnedHalvingPolicy(metric="acc", max_t=27, type="promotion"),
}
FEW = 1000
"""They rank all trials anew at each rung, so that a decision takes longer the more there are."""


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

    def prepare(self, trial_id: str, report: Report) -> Callable[[], str]:
        """Return what is timed: ask about one report."""
        trial, result = self._trials[trial_id], {"epoch": report.epoch, **report.metrics}
        return lambda: self._scheduler.on_trial_result(None, trial, result)

    def goes_on(self, answer: str) -> bool:
        """Tell what an answer means."""
        return answer == "CONTINUE"

    def end(self, trial_id: str, report: Report) -> None:
        """Take a trial away that does not go on for now."""
        trial, result = self._trials.pop(trial_id), {"epoch": report.epoch, **report.metrics}
        self._scheduler.on_trial_complete(None, trial, result)


class Ours:
    """A policy behind the same calls, with the questions about paused trials a scheduler asks."""

    def __init__(self, policy: PruningPolicy, *, read: bool = False) -> None:
        self.policy, self._read = policy, read

    def add(self, trial_id: str) -> None:
        """Let a trial start."""
        self.policy.on_add(trial_id)

    def prepare(self, trial_id: str, report: Report) -> Callable[[], Decision]:
        """Return what is timed: ask about one report, made anew as Ray's result is."""
        policy, report = self.policy, Report(report.epoch, {**report.metrics})
        decide = self._with_questions if policy.pauses else policy.on_report
        if not self._read:
            return lambda: decide(trial_id, report)

        def decide_and_read() -> Decision:
            decision = decide(trial_id, report)
            _ = decision.reason, decision.prediction
            return decision

        return decide_and_read

    def _with_questions(self, trial_id: str, report: Report) -> Decision:
        decision = self.policy.on_report(trial_id, report)
        self.policy.surplus()
        self.policy.resumable()
        return decision

    def goes_on(self, answer: Decision) -> bool:
        """Tell what an answer means."""
        return answer.action is Action.CONTINUE

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
            Report(int(t), {"acc": float(a), "beta_eff": float(b), "train_loss": 1 - float(a)})
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
        answer = decide()
        seconds.append(time.perf_counter() - begin)
        done[trial_id] = epoch + 1
        if side.goes_on(answer):
            running[trial_id] = epoch + 1
        else:
            side.end(trial_id, report)
            next_trial()
    return seconds


Sides = dict[str, Callable[[], Any]]


def measure(sides: Sides, curves: list[list[Report]], args: argparse.Namespace) -> dict[str, Any]:
    """Return for each side one row a repetition: number of decisions, median, 99th percentile, maximum."""
    rows: dict[str, list[tuple[float, ...]]] = {name: [] for name in sides}
    for _ in range(args.repetitions):
        for name, make in sides.items():
            gc.collect()
            gc.disable()  # collections of the interpreter are not the rule's cost
            micro = 1e6 * np.array(stream(make(), curves, args.workers))
            gc.enable()
            rows[name].append((len(micro), *np.percentile(micro, [50, 99]), micro.max()))
    return {name: np.array(repeated) for name, repeated in rows.items()}


def show(title: str, rows: dict[str, Any]) -> None:
    """Print a table."""
    columns = f"{'decisions':>10}{'median':>9}{'p99':>9}{'max':>9} us{'median':>9}{'p99':>9}  of Ray's"
    print(f"{title:<38}{columns}")
    for name, row in rows.items():
        count, middle, high, most = np.median(row, axis=0)
        ratios = np.median(row[:, 1:3] / rows[RAY][:, 1:3], axis=0)
        figures = f"{count:>10.0f}{middle:>9.2f}{high:>9.1f}{most:>9.0f}{ratios[0]:>12.2f}{ratios[1]:>9.3f}"
        print(f"{name:<38}{figures}", flush=True)


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
    print(f"{args.trials} trials, {args.workers} at a time, {args.repetitions} repetitions\n")
    ray: Sides = {RAY: RaysAsha}
    ours: Sides = {name: lambda make=make: Ours(make()) for name, make in POLICIES.items()}
    read: Sides = {name: lambda make=make: Ours(make(), read=True) for name, make in POLICIES.items()}
    show("decision", measure(ray | ours, curves, args))
    print()
    show("decision, read at once", measure(ray | read, curves, args))
    print()
    learned: Sides = {name: lambda make=make: Ours(make()) for name, make in LEARNED.items()}
    show(f"decision, of {min(FEW, args.trials)} trials", measure(ray | learned, curves[:FEW], args))
    state_cost(curves, args.workers)


if __name__ == "__main__":
    main()
