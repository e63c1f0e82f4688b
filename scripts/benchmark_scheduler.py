"""What our scheduler costs in a whole Ray Tune experiment, beside Ray's ASHA in the same run.

    python scripts/benchmark_scheduler.py                 # 1,000 trials, a minute or two
    python scripts/benchmark_scheduler.py --trials 1000 5000

The trials do nothing: they report a number nine times. So the figures are the cost of Ray's controller and
of the scheduler on the driver, with two workers. Every scheduler runs the same configurations; the order of
the schedulers changes from round to round.
"""

import argparse
import contextlib
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ |= {
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
}

import numpy as np
import ray
from ray import tune
from ray._private import ray_constants
from ray.tune.schedulers import ASHAScheduler, TrialScheduler

from neurocap_search.pruning import PromotionHalvingPolicy
from neurocap_search.tune import NeuralCapacitanceScheduler, PolicyScheduler

MAX_T = 9
HALVING = {"max_t": MAX_T, "grace_period": 1, "reduction_factor": 3}


def trivial(config: dict[str, float]) -> None:
    """Approach the quality in nine steps, without doing anything; a resumed trial goes on."""
    for epoch in range(1, MAX_T + 1):
        value = config["quality"] * (1 - 0.7**epoch)
        tune.report({"value": value, "epoch": epoch, "beta_eff": config["quality"] * 0.7**epoch})


def schedulers() -> dict[str, Callable[[], TrialScheduler]]:
    """Return what is compared, by name."""
    return {
        "ASHA (Ray)": lambda: ASHAScheduler("epoch", "value", "max", **HALVING),
        "ours, without journal": lambda: NeuralCapacitanceScheduler(
            "epoch", "value", "max", **HALVING, journal=False
        ),
        "ours": lambda: NeuralCapacitanceScheduler("epoch", "value", "max", **HALVING),
        "ours, promotion": lambda: PolicyScheduler(
            lambda metric, mode: PromotionHalvingPolicy(metric=metric, mode=mode, **HALVING),
            time_attr="epoch",
            metric="value",
            mode="max",
        ),
    }


def experiment(scheduler: TrialScheduler, trials: int) -> tuple[float, float]:
    """Run an experiment and return its seconds and the driver's CPU seconds."""
    qualities = np.random.default_rng(0).uniform(size=trials).tolist()
    with tempfile.TemporaryDirectory() as folder, quiet():
        start, cpu = time.perf_counter(), time.process_time()
        tune.Tuner(
            trivial,
            param_space={"quality": tune.grid_search(qualities)},
            tune_config=tune.TuneConfig(scheduler=scheduler, reuse_actors=True),
            run_config=tune.RunConfig(storage_path=folder, verbose=0),
        ).fit()
        return time.perf_counter() - start, time.process_time() - cpu


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Send Ray's messages about an experiment nowhere."""
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stderr(nowhere):
        yield


def main() -> None:
    """Print a table for each number of trials."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--trials", type=int, nargs="+", default=[1000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--only", nargs="+", help="names of schedulers; the first is what others stand beside"
    )
    options = parser.parse_args()
    ray_constants.ENABLE_RAY_CLUSTER = False  # listens on the loopback interface only
    ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    chosen = {name: make for name, make in schedulers().items() if not options.only or name in options.only}
    experiment(next(iter(chosen.values()))(), 50)  # workers start and import
    for trials in options.trials:
        seconds: dict[str, list[float]] = {name: [] for name in chosen}
        driver: dict[str, list[float]] = {name: [] for name in chosen}
        for turn in range(options.rounds):
            names = list(chosen)[turn % len(chosen) :] + list(chosen)[: turn % len(chosen)]
            for name in names:
                wall, cpu = experiment(chosen[name](), trials)
                seconds[name].append(wall)
                driver[name].append(cpu)
                print(f"  round {turn + 1}, {trials} trials, {name}: {wall:.1f} s", file=sys.stderr)
        show(trials, seconds, driver)


def show(trials: int, seconds: dict[str, list[float]], driver: dict[str, list[float]]) -> None:
    """Print medians and the ratio to the first."""
    base = statistics.median(next(iter(seconds.values())))
    print(f"\n{trials} trials, medians of {len(next(iter(seconds.values())))} rounds")
    print(f"{'scheduler':<24}{'trials/s':>10}{'driver ms/trial':>17}{'time beside the first':>23}")
    for name, values in seconds.items():
        median, cpu = statistics.median(values), statistics.median(driver[name])
        print(f"{name:<24}{trials / median:>10.1f}{1000 * cpu / trials:>17.1f}{median / base:>23.2f}")


if __name__ == "__main__":
    main()
