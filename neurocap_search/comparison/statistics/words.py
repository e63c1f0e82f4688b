"""Numbers as they stand in a sentence."""

from math import isnan

from neurocap_search.comparison.bootstrap import Estimate


def is_share(metric: str) -> bool:
    """Tell whether a metric is a share that people read in percent."""
    return metric.rpartition("_")[2] == "accuracy"


def amount(value: float, metric: str) -> str:
    """Return a difference of two values of a metric, with its unit.

    Example:
        >>> amount(0.0123, "val_accuracy"), amount(0.5, "val_perplexity")
        ('1.23 points', '0.5 of val perplexity')
    """
    if is_share(metric):
        return f"{_short(100 * value)} points"
    return f"{_short(value)} of {metric.replace('_', ' ')}"


def interval(estimate: Estimate, factor: float = 1.0) -> str:
    """Return the ends of a 95 % interval.

    Example:
        >>> interval(Estimate(0.5, 0.25, 0.75)), interval(Estimate(0.5))
        ('0.25 to 0.75', 'none')
    """
    if not estimate.has_interval:
        return "none"
    return f"{_short(factor * estimate.low)} to {_short(factor * estimate.high)}"


def factor_of(metric: str) -> float:
    """Return what to multiply a difference of the metric by before it is shown."""
    return 100.0 if is_share(metric) else 1.0


def percent(share: float) -> str:
    """Return a share in percent.

    Example:
        >>> percent(0.125), percent(1.0), percent(0.00451)
        ('12.5 %', '100 %', '0.451 %')
    """
    return f"{_short(100 * share)} %"


def chance(p: float) -> str:
    """Return a p value.

    Example:
        >>> chance(0.0312), chance(1e-5), chance(0.9999999)
        ('p = 0.031', 'p < 0.001', 'p = 1')
    """
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}"


def count(number: float, thing: str) -> str:
    """Return a number of things.

    Example:
        >>> count(1, "pool"), count(25, "pool")
        ('1 pool', '25 pools')
    """
    return f"{number:g} {thing}" if number == 1 else f"{number:g} {thing}s"


def _short(value: float) -> str:
    if isnan(value):
        return "unknown"
    return f"{value:.3g}".replace("-0", "0") if value == 0 else f"{value:.3g}"
