"""What the signals were worth, as tables for people, for other programs and for MLflow."""

from typing import NamedTuple

from neurocap_search.prediction.combination import GROUPS, METRIC
from neurocap_search.pruning import Insight, SignalShares

Cell = str | int | float


class Line(NamedTuple):
    """A line of the table that people read.

    Attributes:
        label: A group of signals or one of its signals.
        is_group: Whether it is a group.
        shares: Its share of the predicted differences at each rung.
    """

    label: str
    is_group: bool
    shares: tuple[float, ...]


def contribution_rows(insight: Insight) -> list[dict[str, Cell]]:
    """Return the share of every signal at every rung, a row each."""
    return [
        {"epoch": rung.epoch, "trials": rung.trials, "group": group, "signal": name, "share": share}
        for rung in insight.rungs
        for group, names in GROUPS.items()
        for name in names
        if (share := rung.shares.get(name)) is not None
    ]


def contribution_lines(insight: Insight, metric: str) -> list[Line]:
    """Return each group of signals, and below it those of its signals that had any share.

    Args:
        insight: What was learned.
        metric: Name of the number that is optimised.

    Example:
        >>> from neurocap_search.pruning.audit import Estimates
        >>> shares = {"metric": 0.25, "train_loss": 0.5, "val_loss": 0.0, "parameters": 0.25}
        >>> rung = SignalShares(1, 40, shares)
        >>> for line in contribution_lines(Insight((rung,), Estimates(0, 0, 0, 0)), "val_accuracy"):
        ...     print(line.label, line.shares)
        learning curve (0.75,)
        val_accuracy (0.25,)
        train_loss (0.5,)
        size (0.25,)
        parameters (0.25,)
        beta_eff and its parts (0.0,)
        graph (0.0,)
    """
    lines = []
    for group, names in GROUPS.items():
        alone = names[0] if len(names) == 1 else None
        whole = f"{group} and its parts" if group in names else group
        label = f"{group}: {alone}" if alone else whole
        lines.append(Line(label, True, tuple(rung.by_group[group] for rung in insight.rungs)))
        for name in () if alone else names:
            shares = tuple(rung.shares.get(name, 0.0) for rung in insight.rungs)
            if any(shares):
                lines.append(Line(metric if name == METRIC else name, False, shares))
    return lines


def rung_words(rung: SignalShares) -> str:
    """Return the head of a column.

    Example:
        >>> rung_words(SignalShares(2, 9, {}))
        'epoch 2, 9 trials'
    """
    return f"epoch {rung.epoch:g}, {rung.trials} trial{'' if rung.trials == 1 else 's'}"


def contribution_metrics(insight: Insight) -> dict[str, float]:
    """Return shares, audit and what decides as MLflow's metrics; NaN where nobody knows.

    Shares are named by signal and epoch, such as ``share_beta_eff_epoch_1``, and those of groups such as
    ``group_share_learning_curve_epoch_1``.
    """
    metrics: dict[str, float] = {}
    for rung in insight.rungs:
        at = f"epoch_{rung.epoch:g}"
        metrics |= {f"share_{name}_{at}": share for name, share in rung.shares.items()}
        groups = rung.by_group.items()
        metrics |= {f"group_share_{group.replace(' ', '_')}_{at}": share for group, share in groups}
    return metrics | {
        "audit_trials": float(insight.audit.trials),
        "audit_rank_correlation": insight.audit.predicted,
        "audit_seen_rank_correlation": insight.audit.seen,
        "audit_wrongly_pruned": insight.audit.wrongly_pruned,
        "audit_metric_decides": insight.by_metric / insight.policies,
    }
