"""Made-up recorded trainings, and a search on paper over them."""

import numpy as np

from neurocap_search.prediction import Report
from neurocap_search.rules import make_rule
from neurocap_search.testing.policy_simulation import Simulation
from neurocap_search.traces.simulator import simulate
from neurocap_search.traces.trace import Trace, TraceKey


def trace(trial, accuracies, failure=None, **numbers):
    """A training that reports the accuracies, a falling loss, and the given numbers at every epoch."""
    reports = tuple(
        Report(epoch, {"val_accuracy": value, "train_loss": 1 - value, **numbers}, 1.0)
        for epoch, value in enumerate(accuracies, start=1)
    )
    return Trace(TraceKey(trial, 0), {"space": "mlp"}, {}, f"net {trial}", 0, reports, failure)


def random_stream(trials, epochs=9, seed=0):
    """Rising curves that cross, with a beta_eff that falls towards 0 as the accuracy rises."""
    rng = np.random.default_rng(seed)
    stream = []
    for k in range(trials):
        end, rate = rng.uniform(0.3, 1), rng.uniform(0.1, 1)
        accuracies = [
            float(end * (1 - np.exp(-rate * t)) + rng.normal(0, 0.01)) for t in range(1, epochs + 1)
        ]
        made = trace(k, accuracies, parameters=float(rng.integers(10, 1000)))
        reports = (
            Report(r.epoch, {**r.metrics, "beta_eff": float(np.exp(-rate * r.epoch))}, 1.0)
            for r in made.reports
        )
        stream.append(Trace(made.key, made.architecture, {}, made.description, 0, tuple(reports)))
    return stream


def search(policy, stream, workers=3):
    """Decisions by trial, as a search on paper makes them; its trials are "0", "1", ..."""
    epochs = {str(k): [(k, t) for t in range(len(made.reports))] for k, made in enumerate(stream)}
    simulation = Simulation(policy, epochs, lambda _, at: stream[at[0]].reports[at[1]], workers=workers)
    return simulation.run().decisions


def what(decisions):
    """Action and epoch of each decision."""
    return {trial: [(made.action, made.epoch) for made in all_made] for trial, all_made in decisions.items()}


def replay(name, stream, context, workers=1):
    """A rule by its name in the simulator."""
    policy = make_rule(name).policy(context)
    return simulate(
        policy, stream, workers=workers, epochs=context.max_t, metric=context.metric, mode=context.mode
    )


def replayed(name, stream, context, workers=1):
    """Actions and epochs of a rule's decisions in the simulator, by trial."""
    trials = replay(name, stream, context, workers).trials
    return what({key: trial.decisions for key, trial in trials.items()})
