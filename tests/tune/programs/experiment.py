"""A Tune program of anybody's, run by the tests in a process of its own.

Usage: python -m tests.tune.programs.experiment FOLDER [--restore] [--promotion] [--trials N]
It writes every epoch that is trained to FOLDER/trained.txt.
"""

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

os.environ |= {
    "RAY_AIR_NEW_OUTPUT": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
}

import ray
from optuna.samplers import RandomSampler
from ray import tune
from ray._private import ray_constants

from neurocap_search.tune import (
    ActiveTrialLimiter,
    NeuralCapacitanceScheduler,
    NeuralCapacitanceSearch,
    RecordCallback,
)

MAX_T = 9


def space(trial):
    return {"quality": trial.suggest_float("quality", 0, 1)}


def train(config):
    """Slowly approach the quality; the state is the epoch."""
    epoch = 0
    if (checkpoint := tune.get_checkpoint()) is not None:
        with checkpoint.as_directory() as folder:
            epoch = json.loads((Path(folder) / "epoch.json").read_text())
    while epoch < MAX_T:
        epoch += 1
        time.sleep(config.get("seconds", 0.05))
        with Path(os.environ["TRAINED"]).open("a") as file:
            file.write(f"{config['quality']:.6f} {epoch}\n")
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "epoch.json").write_text(json.dumps(epoch))
            value = config["quality"] * (1 - 0.7**epoch)
            tune.report({"value": value, "epoch": epoch}, checkpoint=tune.Checkpoint.from_directory(folder))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--restore", action="store_true")
    parser.add_argument("--promotion", action="store_true")
    parser.add_argument("--trials", type=int, default=8)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--limit", type=int)
    options = parser.parse_args()
    os.environ["TRAINED"] = str(options.folder / "trained.txt")
    ray_constants.ENABLE_RAY_CLUSTER = False  # listens on the loopback interface only
    ray.init("local", num_cpus=options.workers, include_dashboard=False, log_to_driver=False)
    folder = str(options.folder / "exp")
    tuner = tune.Tuner.restore(folder, train) if options.restore else make_tuner(options)
    results = tuner.fit()
    ended = {f"{r.config['quality']:.6f}": r.metrics["epoch"] for r in results}
    (options.folder / "results.json").write_text(json.dumps(ended))
    print(len(results), "trials", flush=True)


def make_tuner(options: argparse.Namespace) -> tune.Tuner:
    scheduler = NeuralCapacitanceScheduler(
        "epoch", "value", "max", max_t=MAX_T, grace_period=1, reduction_factor=3, promotion=options.promotion
    )
    searcher = NeuralCapacitanceSearch(
        space, "value", "max", sampler=RandomSampler(seed=1), scheduler=scheduler
    )
    return tune.Tuner(
        train,
        tune_config=tune.TuneConfig(
            scheduler=scheduler,
            search_alg=ActiveTrialLimiter(searcher, scheduler, options.limit) if options.limit else searcher,
            num_samples=options.trials,
            reuse_actors=True,
        ),
        run_config=tune.RunConfig(
            name="exp",
            storage_path=str(options.folder),
            callbacks=[RecordCallback(scheduler, searcher=searcher)],
            verbose=0,
        ),
    )


if __name__ == "__main__":
    main()
