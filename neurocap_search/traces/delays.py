"""What a search costs beside the training itself, in simulated seconds."""

import math
from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Delays:
    """Seconds a simulated worker spends on other things than training.

    The defaults are what Ray Tune 2.60 took on one machine with two cores when the processes of ended trials
    are used again, as ``neurocap search`` does: medians of 14 ms for a start, 1.5 ms for a report, 2 ms for a
    checkpoint of 400 kB and under 1 ms to read it, each rounded up for building and loading a network. Where
    every trial starts a process of its own (2 to 4 s) or storage is slow, give your own.

    Attributes:
        start: From a free worker to the first step of a trial: a process is reset, the network is built.
        report: From the end of an epoch to the decision on it; the trial waits for it.
        checkpoint: Writing a checkpoint. As in a real search one is written at the policy's milestones and
            after the last epoch, before anybody knows the decision, and at a pause elsewhere.
        restore: Reading a checkpoint, on top of ``start``, when a paused trial goes on.
        epoch: An epoch whose seconds were not recorded, also the one in which a training fails. The curves
            of other people's banks often lack them; with 1, time counts epochs.

    Raises:
        ValueError: If a delay is negative or not finite.

    Example:
        >>> Delays(start=2.5).restore
        0.005
    """

    start: float = 0.02
    report: float = 0.002
    checkpoint: float = 0.005
    restore: float = 0.005
    epoch: float = 1.0

    def __post_init__(self) -> None:
        for name in (field.name for field in fields(self)):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"{name} must be a number of seconds from 0 on, received {value}.")
