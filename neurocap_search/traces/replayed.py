"""What a rule made of a stream of recorded trainings."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from neurocap_search.pruning import Decision
from neurocap_search.traces.trace import Trace


class End(StrEnum):
    """How a replayed trial ended."""

    COMPLETED = "completed"
    PRUNED = "pruned"
    FAILED = "failed"


@dataclass(frozen=True)
class ReplayedTrial:
    """One trial of a replay.

    Attributes:
        trace: What would have happened without pruning.
        end: How it ended.
        epochs: Epochs trained.
        started: Simulated seconds at which it was given its first worker.
        ended: Simulated seconds at which its end was known.
        decisions: All decisions on it, in order.
    """

    trace: Trace
    end: End
    epochs: float
    started: float
    ended: float
    decisions: tuple[Decision, ...] = ()


@dataclass(frozen=True)
class Replayed:
    """One rule on one stream.

    Attributes:
        trials: In the order of the stream, by the trial id the policy saw.
        epochs: Epochs trained, of all trials.
        makespan: Simulated seconds until the last trial ended.
        busy: Simulated worker-seconds spent training, starting and checkpointing.
        incumbents: (simulated seconds, epochs spent by then, trial id) each time that a fully trained trial
            became the best so far.
    """

    trials: Mapping[str, ReplayedTrial]
    epochs: float
    makespan: float
    busy: float
    incumbents: tuple[tuple[float, float, str], ...] = field(default=())
