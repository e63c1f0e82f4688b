"""Numbers as the report writes them."""

from collections.abc import Sequence
from math import isfinite
from typing import NamedTuple

from neurocap_search.comparison.bootstrap import Estimate
from neurocap_search.comparison.figures.scales import scale_of
from neurocap_search.comparison.statistics.words import percent

UNKNOWN = "–"
_NO_BREAK = "\N{NO-BREAK SPACE}"


class Numbers(NamedTuple):
    r"""How values of one metric are written: accuracies in percent, with two decimals.

    Attributes:
        metric: What was optimised.

    Example:
        >>> numbers = Numbers("val_accuracy")
        >>> numbers.amount(0.0123), numbers.estimate(Estimate(0.0123, 0.01, 0.02))
        ('1.23 points', '1.23 [1.00,\xa02.00]')
        >>> Numbers("val_perplexity").amount(3.21987)
        '3.22 (val perplexity)'
    """

    metric: str

    @property
    def factor(self) -> float:
        """To multiply values by."""
        return scale_of(self.metric).factor

    @property
    def unit(self) -> str:
        """Unit of a difference, as a column's head says it."""
        return scale_of(self.metric).difference

    @property
    def value_unit(self) -> str:
        """Unit of a value, as a column's head says it."""
        return scale_of(self.metric).value

    def plain(self, value: float) -> str:
        """Return a value without its unit."""
        if not isfinite(value):
            return UNKNOWN
        return f"{self.factor * value:.2f}" if self.factor != 1 else f"{value:.3g}"

    def amount(self, value: float) -> str:
        """Return a difference with its unit."""
        unit = "points" if self.factor != 1 else f"({self.metric.replace('_', ' ')})"
        return f"{self.plain(value)} {unit}"

    def estimate(self, estimate: Estimate) -> str:
        """Return a value with its interval."""
        if not estimate.has_interval:
            return self.plain(estimate.value)
        ends = f"[{self.plain(estimate.low)},{_NO_BREAK}{self.plain(estimate.high)}]"
        return f"{self.plain(estimate.value)} {ends}"


def share(estimate: Estimate) -> str:
    r"""Return a share with its interval, in percent; the interval stays on one line.

    Example:
        >>> share(Estimate(0.25, 0.1, 0.5))
        '25 % [10,\xa050]'
    """
    if not estimate.has_interval:
        return percent(estimate.value)
    return f"{percent(estimate.value)} [{100 * estimate.low:.3g},{_NO_BREAK}{100 * estimate.high:.3g}]"


def probability(p: float) -> str:
    """Return a p-value with two significant digits.

    Example:
        >>> probability(0.0314), probability(0.00001), probability(1.0)
        ('0.031', '< 0.001', '1.0')
    """
    if not isfinite(p):
        return UNKNOWN
    return "< 0.001" if p < 0.001 else f"{p:.2f}" if p >= 0.1 and p < 1 else f"{p:#.2g}"


def listed(words: Sequence[object]) -> str:
    """Return words as a sentence lists them.

    Example:
        >>> listed([1, 4, 16]), listed(["x"])
        ('1, 4 and 16', 'x')
    """
    *first, last = map(str, words)
    return f"{', '.join(first)} and {last}" if first else last


def duration(seconds: float) -> str:
    """Return seconds, minutes or hours.

    Example:
        >>> duration(12.3), duration(600), duration(7200)
        ('12 seconds', '10 minutes', '2.0 hours')
    """
    if seconds < 120:
        return f"{seconds:.2g} seconds" if seconds < 10 else f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 7200 else f"{seconds / 3600:.1f} hours"


def file_names(stem: str, titles: Sequence[str]) -> list[str]:
    """Return names of files for users' titles: safe on every system, each another.

    Example:
        >>> file_names("signals", ["cifar10-cell", "../x", "..?x"])
        ['signals_cifar10-cell', 'signals_x', 'signals_x_2']
    """
    found: list[str] = []
    for title in titles:
        safe = "".join(c if c.isascii() and (c.isalnum() or c == "-") else "_" for c in title[:60]).strip("_")
        name = f"{stem}_{safe or 'task'}"
        number = 1 + sum(other == name or other.startswith(f"{name}_") for other in found)
        found.append(name if number == 1 else f"{name}_{number}")
    return found
