"""What should a sampler be told of a pruned trial? Searches on a synthetic task, without training.

    python scripts/told_value.py --seeds 20 --samplers tpe nsga2

Every trial is a point in a space of six parameters with a learning curve of 27 epochs. Successive halving
with rungs at 3, 9 and 27 prunes by a predictor that is the truth plus normal noise, 0.03 x (27 - t) / 24 at
epoch t, and that knows its noise: an optimistic assumption. Where curves cross, good architectures learn
slowly. After a fixed number of epochs the best fully trained trial is compared with the optimum.
"""

import argparse
import math
import time
import warnings
from collections.abc import Sequence

import numpy as np
import optuna

from neurocap_search.config import SamplerConfig
from neurocap_search.prediction import Prediction, Report
from neurocap_search.prediction.report import History
from neurocap_search.pruning import Action, SuccessiveHalvingPolicy
from neurocap_search.tune.samplers import make_sampler
from neurocap_search.tune.told import Seen, ToldValue, report_once, told_at_end

EPOCHS, RUNGS = 27, (3, 9, 27)
BUDGET = {"tpe": 1500, "nsga2": 3000, "gp": 600}
RULES: list[tuple[str, ToldValue, bool]] = [
    ("prune by metric, tell last", "last", False),
    ("last", "last", True),
    ("pruned", "pruned", True),
    ("predicted", "predicted", True),
    ("lower_bound", "lower_bound", True),
]


def final_accuracy(trial: optuna.Trial) -> float:
    """Draw a point and return the accuracy its network ends at; the optimum is 1."""
    depth = trial.suggest_int("depth", 1, 12)
    width = trial.suggest_int("width", 8, 256, log=True)
    rate = trial.suggest_float("learning_rate", 1e-4, 1.0, log=True)
    dropout = trial.suggest_float("dropout", 0.0, 0.8)
    operation = trial.suggest_categorical("operation", ["conv", "pool", "skip", "separable"])
    activation = trial.suggest_categorical("activation", ["relu", "tanh", "gelu"])
    loss = 0.25 * ((depth - 9) / 11) ** 2 + 0.2 * (math.log2(width / 96) / 5) ** 2
    loss += 0.25 * (math.log10(rate / 0.03) / 2.5) ** 2 + 0.15 * ((dropout - 0.2) / 0.6) ** 2
    loss += {"conv": 0.0, "separable": 0.02, "skip": 0.12, "pool": 0.18}[operation]
    loss += {"gelu": 0.0, "relu": 0.015, "tanh": 0.06}[activation] + 0.1 * (depth > 6) * (rate > 0.1)
    return 1 - loss


def optimum() -> float:
    """Return the accuracy of the best point."""
    best = {"depth": 9, "width": 96, "learning_rate": 0.03, "dropout": 0.2}
    return final_accuracy(optuna.trial.FixedTrial({**best, "operation": "conv", "activation": "gelu"}))


def accuracy_at(epoch: int, final: float, crossing: bool) -> float:
    """Return the accuracy after ``epoch`` epochs; crossing curves rank upside down at epoch 3."""
    gap = 2.0 * max(0.0, final - 0.5) if crossing else 0.4
    return final - gap * (math.exp(-epoch / 8) - math.exp(-EPOCHS / 8))


class NoisyTruth:
    """A predictor that knows the final accuracy up to noise, and how large the noise is."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng

    def fit(self, histories: Sequence[History], finals: Sequence[float]) -> "NoisyTruth":
        """Learn nothing."""
        return self

    def predict(self, history: History) -> Prediction:
        """Return the truth with noise that shrinks to nothing at the end."""
        epoch, truth = history[-1].epoch, history[-1].metrics["truth"]
        std = 0.03 * (EPOCHS - epoch) / 24
        return Prediction(truth + std * self._rng.standard_normal(), std, "noisy_truth", (epoch,))


def regret(
    sampler: str, told_value: ToldValue, predict: bool, crossing: bool, budget: int, seed: int
) -> float:
    """Run one search and return how far its best fully trained trial is from the optimum."""
    predictor = NoisyTruth(np.random.default_rng([seed, 1])) if predict else None
    policy = SuccessiveHalvingPolicy(
        metric="accuracy", max_t=EPOCHS, grace_period=RUNGS[0], reduction_factor=3, predictor=predictor
    )
    config = SamplerConfig.model_validate({"sampler": sampler})
    study = optuna.create_study(direction="maximize", sampler=make_sampler(config, seed))
    best, spent = 0.0, 0
    while spent < budget:
        trial = study.ask()
        final = final_accuracy(trial)
        for epoch in RUNGS:
            seen = Seen(accuracy_at(epoch, final, crossing), epoch)
            report = Report(epoch, {"accuracy": seen.value, "truth": final})
            decision = policy.on_report(str(trial.number), report)
            if decision.action is Action.STOP:
                break
            report_once(trial, seen)
        spent += epoch
        policy.on_complete(str(trial.number), report)
        told = told_at_end(seen, decision, pruned=decision.pruned, told_value=told_value, mode="max")
        told.tell(study, trial)
        if not decision.pruned:
            best = max(best, final)
    return optimum() - best


def row(name: str, regrets: Sequence[float]) -> str:
    """Return a line of the table: mean and standard error in thousandths."""
    values = 1000 * np.array(regrets)
    error = values.std(ddof=1) / math.sqrt(len(values)) if len(values) > 1 else math.nan
    return f"{name:28} {values.mean():8.1f} +- {error:.1f}"


def main() -> None:
    """Print regret x 1000 for each sampler, each kind of curve and each thing told."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--samplers", nargs="+", choices=BUDGET, default=["tpe", "nsga2"])
    parser.add_argument("--budget", type=int, help="epochs of a search; tpe 1500, nsga2 3000, gp 600")
    arguments = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    for sampler in arguments.samplers:
        budget = arguments.budget or BUDGET[sampler]
        for crossing in (False, True):
            kind = "crossing" if crossing else "parallel"
            print(f"{sampler}, {budget} epochs, {kind} curves, {arguments.seeds} seeds: regret x 1000")
            for name, told_value, predict in RULES:
                start = time.perf_counter()
                regrets = [
                    regret(sampler, told_value, predict, crossing, budget, seed)
                    for seed in range(arguments.seeds)
                ]
                print(f"  {row(name, regrets)}   ({time.perf_counter() - start:.0f} s)", flush=True)


if __name__ == "__main__":
    main()
