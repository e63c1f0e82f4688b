"""A search on recorded trainings: the real policies, a simulated clock."""

from collections.abc import Sequence
from typing import Literal

from neurocap_search.pruning import PruningPolicy
from neurocap_search.traces.delays import Delays
from neurocap_search.traces.replayed import Replayed
from neurocap_search.traces.simulation import Simulation
from neurocap_search.traces.trace import Trace


def simulate(
    policy: PruningPolicy,
    stream: Sequence[Trace],
    *,
    workers: int,
    epochs: int,
    delays: Delays = Delays(),  # noqa: B008 – frozen
    metric: str = "val_accuracy",
    mode: Literal["max", "min"] = "max",
    cost: str = "seconds",
    keep_decisions: bool = True,
) -> Replayed:
    """Replay a stream of recorded trainings under a policy, as a discrete-event simulation.

    The policy is the very object that decides in a search, and gets the calls it would get there, in the same
    order: those of :class:`~neurocap_search.tune.PolicyScheduler` with as many concurrent trials as workers.
    With one worker the decisions are those of Ray Tune, one for one; with several, Ray's own order depends on
    the weather, and the simulated one is one that might have been. There is no randomness: the same call
    gives the same result. Of two events at the same time, the one that was set in motion first comes first.

    A trial completes with the last epoch of its trace or of ``epochs``, whatever the policy answers to it. A
    trace with a failure fails one epoch after its last report. Paused trials that a policy forgets (nothing
    runs, and it neither resumes them nor gives them up) end as pruned, with a last decision that says so;
    Ray would wait for ever. Reports from within the first epoch go to policies with ``early_stops``, where
    they were recorded; they cost their share of the epoch.

    When not to use it: for algorithms that propose trials from results. The stream is fixed beforehand.

    Args:
        policy: Decides; must be fresh, and keeps what it has seen.
        stream: The trials in the order in which they are begun; their ids are ``"0"``, ``"1"``, ...
        workers: Trials that train at a time.
        epochs: Epochs of full training. Traces are cut there.
        delays: Seconds beside the training.
        metric: What the best is told by.
        mode: ``"max"`` if larger is better.
        cost: Seconds of an epoch: ``"seconds"``, the recorded wall-clock, or the name of a reported number
            such as ``"cpu_seconds"``.
        keep_decisions: False leaves the decisions out of the result, for large replays. As in a search, the
            decision to resume a paused trial is not among them.

    Raises:
        ValueError: If an argument is out of its range.

    Example:
        >>> from neurocap_search.prediction import Report
        >>> from neurocap_search.pruning import SuccessiveHalvingPolicy
        >>> from neurocap_search.traces.trace import TraceKey
        >>> def trace(k: int, accuracies: list[float]) -> Trace:
        ...     reports = tuple(Report(i, {"val_accuracy": a}) for i, a in enumerate(accuracies, 1))
        ...     return Trace(TraceKey(k, 0), {}, {}, "", 0, reports)
        >>> policy = SuccessiveHalvingPolicy(metric="val_accuracy", max_t=3, reduction_factor=3)
        >>> stream = [trace(0, [0.5, 0.6, 0.7]), trace(1, [0.4, 0.6, 0.8])]
        >>> replayed = simulate(policy, stream, workers=1, epochs=3)
        >>> [(key, str(trial.end), trial.epochs) for key, trial in replayed.trials.items()]
        [('0', 'completed', 3), ('1', 'pruned', 1)]
        >>> round(replayed.makespan, 3)  # four epochs of a second, two starts, reports and checkpoints
        4.063
    """
    for name, value in (("workers", workers), ("epochs", epochs)):
        if value < 1:
            raise ValueError(f"{name} must be at least 1, received {value}.")
    if mode not in ("max", "min"):
        raise ValueError(f"mode must be 'max' or 'min', received {mode!r}.")
    simulation = Simulation(
        policy,
        stream,
        workers=workers,
        epochs=epochs,
        delays=delays,
        metric=metric,
        mode=mode,
        cost=cost,
        keep_decisions=keep_decisions,
    )
    simulation.run()
    return Replayed(
        trials={trial.key: trial.replayed() for trial in simulation.trials},
        epochs=simulation.spent,
        makespan=simulation.now,
        busy=simulation.busy,
        incumbents=tuple(simulation.incumbents),
    )
