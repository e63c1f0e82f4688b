"""Mean and variance of samples that come in batches."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class RunningMoments:
    """Mean and spread of several variables over the samples seen so far.

    Not for medians or tails, which cannot be joined from batch to batch.

    Attributes:
        count: number of samples.
        mean: of each variable, (n,) float64.
        squares: sum of squared deviations from the mean, (n,) float64.

    Example:
        >>> batches = [running_moments(torch.tensor([[1.0]])), running_moments(torch.tensor([[3.0]]))]
        >>> joined = batches[0].merged(batches[1])
        >>> joined.count, joined.mean.item(), joined.std.item()
        (2, 2.0, 1.0)
    """

    count: int
    mean: Tensor
    squares: Tensor

    @property
    def std(self) -> Tensor:
        """Population standard deviation of each variable, (n,)."""
        return (self.squares / self.count).sqrt()

    def merged(self, other: "RunningMoments") -> "RunningMoments":
        """Join with the moments of other samples.

        By the formula of Chan, Golub and LeVeque (Technical Report STAN-CS-79-773): a difference of large
        sums of squares, which loses all digits where the mean is large, does not occur.
        """
        count, step = self.count + other.count, other.mean - self.mean
        mean = self.mean + step * (other.count / count)
        squares = self.squares + other.squares + step**2 * (self.count * other.count / count)
        return RunningMoments(count, mean, squares)


def running_moments(rows: Tensor) -> RunningMoments:
    """Compute the moments of one batch, in float64 on the CPU.

    Args:
        rows: (samples, n), at least one sample.

    Raises:
        ValueError: if there is no sample.

    Example:
        >>> running_moments(torch.tensor([[1.0, 5.0], [3.0, 5.0]])).mean.tolist()
        [2.0, 5.0]
    """
    if not len(rows):
        raise ValueError(
            f"rows: expected at least one sample, received shape {tuple(rows.shape)}; skip the batch"
        )
    values = rows.to("cpu", torch.float64)
    mean = values.mean(0)
    return RunningMoments(len(values), mean, ((values - mean) ** 2).sum(0))
