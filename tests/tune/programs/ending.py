"""A Tune program that is ended from outside; it prints how everything was left.

Usage: python -m tests.tune.programs.ending FOLDER {budget,stopper,interrupt}
"""

import json
import os
import signal
import sys
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
    MlflowListeners,
    NeuralCapacitanceScheduler,
    NeuralCapacitanceSearch,
    RecordCallback,
)


def space(trial):
    return {"quality": trial.suggest_float("quality", 0, 1)}


def train(config):
    """Two quick trials, then one that takes for ever."""
    for epoch in range(1, 4 if config["quality"] > 0.1 else 1000):
        tune.report({"value": config["quality"], "epoch": epoch})
        time.sleep(0.05)
        if config["quality"] <= 0.1 and epoch == 3:
            Path(os.environ["AT_IT"]).touch()


class WhenAtIt(tune.Stopper):
    """Stops everything once the endless trial is at it."""

    def __call__(self, trial_id, result):
        return False

    def stop_all(self):
        return Path(os.environ["AT_IT"]).exists()


class InterruptWhenAtIt(tune.Callback):
    """Presses Ctrl-C once the endless trial is at it."""

    def on_step_end(self, iteration, trials, **info):
        if Path(os.environ["AT_IT"]).exists():
            Path(os.environ["AT_IT"]).unlink()
            os.kill(os.getpid(), signal.SIGINT)


def main() -> None:
    folder, how = Path(sys.argv[1]), sys.argv[2]
    os.environ["AT_IT"] = str(folder / "at_it")
    ray_constants.ENABLE_RAY_CLUSTER = False  # listens on the loopback interface only
    ray.init("local", num_cpus=1, include_dashboard=False, log_to_driver=False)
    scheduler = NeuralCapacitanceScheduler("epoch", "value", "max", max_t=1000, grace_period=100)
    searcher = NeuralCapacitanceSearch(
        space, "value", "max", sampler=RandomSampler(seed=1), scheduler=scheduler
    )
    callbacks = [RecordCallback(scheduler, searcher=searcher, listeners=MlflowListeners())]
    if how == "interrupt":
        callbacks.append(InterruptWhenAtIt())
    tune.Tuner(
        train,
        tune_config=tune.TuneConfig(
            scheduler=scheduler,
            search_alg=searcher,
            num_samples=20,
            reuse_actors=True,
            time_budget_s=12 if how == "budget" else None,
        ),
        run_config=tune.RunConfig(
            name="exp",
            storage_path=str(folder),
            callbacks=callbacks,
            stop=WhenAtIt() if how == "stopper" else None,
            verbose=0,
        ),
    ).fit()
    optuna_states = [trial.state.name for trial in searcher._ot_study.trials]
    record_states = [trial.state.value for trial in scheduler.recorder.record]
    (folder / "left.json").write_text(json.dumps({"optuna": optuna_states, "record": record_states}))


if __name__ == "__main__":
    main()
