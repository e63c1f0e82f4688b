"""The signals that are looked at, and which way each of them points."""

from collections.abc import Iterable, Sequence
from typing import Literal

Sign = Literal[1, -1]

_FIRST = (
    "val_accuracy",
    "train_loss",
    "|beta_eff|",
    "beta_eff",
    "beta_numerator",
    "beta_denominator",
    "parameters",
    "val_loss",
)
_BOOKKEEPING = ("learning_rate", "epoch", "iteration")
_LARGER_IS_BETTER = ("parameters",)
_SMALLER_IS_BETTER = ("|beta_eff|",)


def ordered_signals(reported: Iterable[str], metric: str) -> list[str]:
    """Return the signals among the reported numbers, the metric first and the best known ones next.

    ``|NAME|`` is the magnitude of a number; that of beta_eff is added. Times, the learning rate and numbers
    of the test set are no signals.

    Example:
        >>> ordered_signals(["beta_eff", "cpu_seconds", "train_loss", "val_accuracy"], "val_accuracy")
        ['val_accuracy', 'train_loss', '|beta_eff|', 'beta_eff']
    """
    names = {name for name in reported if _is_signal(name)}
    if "beta_eff" in names:
        names.add("|beta_eff|")
    first = [name for name in dict.fromkeys((metric, *_FIRST)) if name in names]
    return first + sorted(names - set(first))


def known_sign(name: str, metric: str, mode: str) -> Sign | None:
    """Return 1 if larger is better, -1 if smaller is, None if nobody knows beforehand.

    Known are: the optimised metric; accuracies (larger) and losses (smaller); the number of parameters
    (larger); the distance of beta_eff from 0 (smaller: at convergence it is 0). The sign of beta_eff itself
    hangs on a convention of the source paper, so it is not known.

    Example:
        >>> [known_sign(name, "val_accuracy", "max") for name in ("train_loss", "|beta_eff|", "beta_eff")]
        [-1, -1, None]
    """
    if name == metric:
        return 1 if mode == "max" else -1
    if name.endswith("accuracy") or name in _LARGER_IS_BETTER:
        return 1
    return -1 if name.endswith(("loss", "perplexity")) or name in _SMALLER_IS_BETTER else None


def signal_of(rule: str, metric: str) -> str:
    """Return the signal a rule decides by, by its name; the optimised metric where the name says nothing.

    Example:
        >>> [signal_of(rule, "val_accuracy") for rule in ("beta_eff", "halving:train_loss:min", "asha")]
        ['|beta_eff|', 'train_loss', 'val_accuracy']
    """
    name, _, arguments = rule.partition(":")
    wanted, _, direction = arguments.partition(":")
    if name == "halving" and wanted not in ("", "running_mean"):
        return "|beta_eff|" if wanted == "beta_eff" and not direction else wanted
    return "|beta_eff|" if name.startswith("beta_eff") else metric


def source_of(name: str) -> str:
    """Return the reported number behind a signal."""
    return name.strip("|")


def shown_signal(name: str, sign: Sign, is_known: bool) -> str:
    """Return a signal's name with its sign; one that was read off the data is in brackets.

    Example:
        >>> shown_signal("train_loss", -1, True), shown_signal("degree_mean", 1, False)
        ('-train_loss', 'degree_mean (+)')
    """
    if is_known:
        return name if sign == 1 else f"-{name}"
    return f"{name} ({'+' if sign == 1 else '-'})"


def _is_signal(name: str) -> bool:
    parts: Sequence[str] = name.split("_")
    return name not in _BOOKKEEPING and parts[-1] != "seconds" and parts[0] != "test"
