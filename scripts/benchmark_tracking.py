"""What a report costs the thread that runs a search: ours, and one call for each number as Ray does it.

Ours is the whole of it: the capacitance policy decides and its prediction is made, journal and record take
both in, MLflow's thread is woken. Between reports the search sleeps, so that much of each cost is that of
cold caches; ``--pause 0`` tells it without.

Ray's MLflowLoggerCallback asks for the run and then logs each number of a result with a call of its own,
while all trials wait. Run it with

    python scripts/benchmark_tracking.py [--uri http://127.0.0.1:5000] [--trials 8] [--epochs 50]

and both ways meet the same store, one after the other, with the same reports.
"""

import argparse
import math
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from mlflow import MlflowClient

from neurocap_search.prediction import CapacitanceRidge, Report
from neurocap_search.pruning import SuccessiveHalvingPolicy
from neurocap_search.tracking import (
    Journal,
    SearchListener,
    SearchRecord,
    SearchRecorder,
    TrialState,
    summarise,
)
from neurocap_search.tracking.events import JOURNAL_VERSION
from neurocap_search.tracking.mlflow_tracker import MlflowTracker

NUMBERS = 14


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--uri", help="tracking URI; default: an sqlite file")
    parser.add_argument("--trials", type=int, default=8)
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--pause", type=float, default=0.01, help="seconds between reports")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        uri = options.uri or f"sqlite:///{folder / 'mlflow.db'}"
        tracker = MlflowTracker(folder, uri, "benchmark", {})
        nothing, end_nothing = search(folder / "none", None, options)
        ours, end_ours = search(folder, tracker, options)
        theirs = one_call_for_each_number(uri, options)
    print(
        f"{options.trials} trials, {options.epochs} epochs, {NUMBERS} numbers a report, {uri.split(':')[0]}"
    )
    print(f"decision and journal          {words(nothing)}")
    print(f"the same and MLflow by thread {words(ours)}; at the end {end_ours - end_nothing:.2f} s")
    print(f"one log_metric a number       {words(theirs)}")
    added = statistics.median(ours) - statistics.median(nothing)
    ratio = statistics.median(theirs) / statistics.median(ours)
    print(f"MLflow adds {1e6 * added:.0f} us to the median; ratio of the medians {ratio:.0f}")
    print(f"records MLflow lacks: {tracker.lacking}")


def numbers(epoch: int) -> dict[str, float]:
    """The numbers of a report."""
    seen = {"val_accuracy": 0.9 - 0.5 / epoch + 0.01 * math.sin(epoch), "beta_eff": epoch**-0.5}
    return seen | {f"number_{n}": n / epoch for n in range(NUMBERS - len(seen))}


def search(
    folder: Path, tracker: MlflowTracker | None, options: argparse.Namespace
) -> tuple[list[float], float]:
    """Run a search that trains nothing; return the seconds of each report, and of the end."""
    folder.mkdir(exist_ok=True)
    record = SearchRecord("val_accuracy", options.epochs, options.trials)
    listeners: list[SearchListener] = [tracker] if tracker else []
    recorder = SearchRecorder(record, Journal(folder / "journal.jsonl"), listeners)
    recorder.begun({"event": "search", "version": JOURNAL_VERSION, "search_id": "benchmark"})
    recorder.tell(lambda listener: listener.on_search_start(record))
    trials = [f"trial-{number}" for number in range(options.trials)]
    for trial in trials:
        facts = {"description": trial, "parameters": 1, "multiply_adds": 1}
        recorder.suggested(trial, {"architecture": {"depth": 2}, "training": {}}, facts)
        recorder.started(trial)
    costs = []
    policy = SuccessiveHalvingPolicy(  # its only rung is at the end: nobody is pruned
        metric="val_accuracy",
        max_t=options.epochs,
        grace_period=options.epochs,
        predictor=CapacitanceRidge(bounds=(0, 1)),
    )
    for epoch in range(1, options.epochs + 1):
        for trial in trials:
            report = Report(epoch, numbers(epoch), seconds=1.0)
            costs.append(timed(lambda t=trial, r=report: recorder.reported(t, r, policy.on_report(t, r))))
            time.sleep(options.pause)
    for trial in trials:
        recorder.ended(trial, TrialState.COMPLETED)
    summary = summarise(record, 1)
    return costs, timed(lambda: recorder.tell(lambda listener: listener.on_search_end(record, summary)))


def one_call_for_each_number(uri: str, options: argparse.Namespace) -> list[float]:
    """Log reports as Ray's callback does; a tenth of them, for it is slow."""
    client = MlflowClient(tracking_uri=uri)
    run = client.create_run(client.get_experiment_by_name("benchmark").experiment_id)

    def log(epoch: int) -> None:
        client.get_run(run.info.run_id)
        for key, value in numbers(epoch).items():
            client.log_metric(run.info.run_id, key, value, step=epoch)

    return [timed(lambda e=epoch: log(e)) for epoch in range(1, options.trials * options.epochs // 10 + 2)]


def timed(call: Callable[[], None]) -> float:
    """Return the seconds of a call."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def words(costs: list[float]) -> str:
    """Return median, mean, 99th percentile and maximum in microseconds."""
    cost = sorted(1e6 * seconds for seconds in costs)
    middle, mean, high = statistics.median(cost), statistics.mean(cost), cost[int(0.99 * (len(cost) - 1))]
    return f"median {middle:7.0f} us, mean {mean:7.0f}, 99% {high:7.0f}, most {cost[-1]:7.0f}"


if __name__ == "__main__":
    main()
