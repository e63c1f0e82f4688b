"""The learned combination: how much each signal is worth, learned across the trials of a search."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from scipy.special import ndtri

from neurocap_search.prediction.arguments import check_mode
from neurocap_search.prediction.combination.gaussian import Weights
from neurocap_search.prediction.combination.peers import cohort_scores
from neurocap_search.prediction.combination.prior import EpochPrior, Prior, read_prior
from neurocap_search.prediction.combination.signals import (
    METRIC,
    SIGNALS,
    Floats,
    SignalCourse,
)


class Cohort(NamedTuple):
    """The trials that have reached an epoch.

    Attributes:
        epoch: The epoch.
        trials: Their ids.
        rows: (trials, signals), what :meth:`SignalCourse.row` gave at that epoch.
    """

    epoch: float
    trials: tuple[str, ...]
    rows: Floats


class Standings(NamedTuple):
    """How the trials of a cohort are predicted to end, compared with each other.

    Attributes:
        cohort: The trials.
        scores: (trials, signals), the signals' normal scores, larger is better for the metric.
        weights: What each signal is worth by now.
        mean: (trials,), the predicted final standing as a normal score: 1 is better than 84 % of the cohort.
        std: (trials,), its standard deviation: what the weights leave open, and what no signal tells.
    """

    cohort: Cohort
    scores: Floats
    weights: Weights
    mean: Floats
    std: Floats

    def margin(self, share: float) -> Floats:
        r"""Return how surely each trial ends in the best ``share`` of the cohort, :math:`(m - q) / s`.

        q is the normal score at which that share begins; :math:`\Phi` of the margin is the chance. Where few
        go on, a trial that is hard to judge has a better chance than one of the same mean that is surely
        ordinary; where most go on, a worse one.

        Args:
            share: Above 0 and at most 1, which counts as 0.99: the order is to tell something still.

        Returns:
            (trials,), in standard deviations.
        """
        return np.asarray((self.mean - ndtri(1 - min(share, 0.99))) / self.std, dtype=np.float64)


class LearnedCombination:
    r"""Predicts where trials will end among each other, from many signals at once.

    The final standing of a trial (a normal score within its cohort) is a weighted sum of the normal scores of
    its signals (:data:`SIGNALS`: running metric and losses, size, beta_eff with numerator and denominator,
    summaries of the graph). The weights have a normal prior, fitted on recorded tasks, and are learned
    again in each search by Bayesian linear regression:

    - from **rung to rung**: of the trials that went on, the later order says in which order the earlier
      predictions should have been. Their predictions are handed out anew in the later order and are what the
      earlier weights learn from; no units have to agree, and a selected few do not pass for average ones;
    - from **finished trials**, the last order.

    Nothing learned yet, it ranks by running accuracy, training loss and size: the prior departs from the
    order by the first two only as far as the recorded tasks agree. Where no losses are reported, the running
    metric counts in their place.

    A Gaussian process would do more where hundreds of trials finish. In a search that finishes one trial in
    twenty there is nothing to learn its length scales from, and a prior on weights can be read, refitted and
    carried from task to task.

    When not to use it: for cohorts of a handful of trials ranks say little. If trials report nothing but the
    metric, it is the rank of the running metric, unless those that finish turn it round.

    Args:
        metric: Name of the number that is optimised.
        mode: ``"max"`` if larger is better, ``"min"`` otherwise.
        names: Under which names trials report the signals, where they differ: ``{"train_loss": "loss"}``.
        prior: What is known beforehand; default: the one that comes with the package.
        leave_out: Signals that are not looked at, to see what they were worth.

    Raises:
        ValueError: If the mode is another, or a name is no signal or the metric's.

    Example:
        >>> from neurocap_search.prediction import Report
        >>> combination = LearnedCombination(metric="acc", names={"train_loss": "loss"})
        >>> courses = [combination.course() for _ in range(3)]
        >>> for course, acc, loss in zip(courses, (0.5, 0.6, 0.7), (1.2, 1.1, 0.9)):
        ...     course.follow(Report(1, {"acc": acc, "loss": loss}))
        >>> cohort = Cohort(1, ("a", "b", "c"), np.array([course.row() for course in courses]))
        >>> [standings] = combination.rank([cohort], finals={})
        >>> np.argsort(standings.mean).tolist()
        [0, 1, 2]
    """

    def __init__(
        self,
        *,
        metric: str = "val_accuracy",
        mode: Literal["max", "min"] = "max",
        names: Mapping[str, str] | None = None,
        prior: Prior | None = None,
        leave_out: Collection[str] = (),
    ) -> None:
        check_mode(mode)
        if METRIC in (names or {}):
            raise ValueError(f"names: the metric is {metric!r} already; leave {METRIC!r} out.")
        known = [signal.name for signal in SIGNALS]
        for name in (*(names or {}), *leave_out):
            if name not in known:
                raise ValueError(f"{name!r} is no signal of the combination; signals are {known}.")
        self.metric, self.sign = metric, 1 if mode == "max" else -1
        self._names = [{METRIC: metric, **(names or {})}.get(name, name) for name in known]
        self._kept: Floats = np.array([name not in leave_out for name in known], dtype=float)
        self._prior = prior if prior is not None else read_prior()

    @property
    def signals(self) -> tuple[str, ...]:
        """Names of the reported numbers it looks at, the metric first."""
        return tuple(
            name for name, signal in zip(self._names, SIGNALS, strict=True) if signal.kind != "peers"
        )

    def course(self, state: Sequence[Sequence[float]] | None = None) -> SignalCourse:
        """Return what follows the signals of one trial, new or from a saved state."""
        return SignalCourse(self._names, state)

    def rank(self, cohorts: Sequence[Cohort], finals: Mapping[str, float]) -> list[Standings]:
        """Learn from rung to rung and from finished trials, and rank each cohort.

        Args:
            cohorts: Of the same search, by epoch. Who is in a later one may be missing from one before.
            finals: The final metric of the trials that have been trained to the end; of those that came to
                nothing, infinity with the sign that is worst.
        """
        ranked: list[Standings] = []
        later = {trial: self.sign * final for trial, final in finals.items()}
        nothing = {trial: value for trial, value in later.items() if value == -np.inf}
        for cohort in reversed(cohorts):
            standings, learned_from = self._rank(cohort, later)
            ranked.append(standings)
            later = dict(zip(cohort.trials, standings.mean.tolist(), strict=True))
            later |= {trial: value for trial, value in learned_from.items() if trial in finals} | nothing
        return ranked[::-1]

    def _rank(self, cohort: Cohort, later: Mapping[str, float]) -> tuple[Standings, dict[str, float]]:
        rows = cohort.rows.reshape(-1, len(SIGNALS))
        prior = self._prior.at(cohort.epoch).where_reported(~np.isnan(rows).all(axis=0) & (self._kept > 0))
        scores = self._scores(rows)
        known = [i for i, trial in enumerate(cohort.trials) if trial in later]
        weights, targets = prior.weights, scores[known] @ prior.weights.mean
        if len(known) > 1:
            targets = _in_order_of(np.array([later[cohort.trials[i]] for i in known]), targets)
            weights = weights.learn(scores[known], targets, prior.noise)
        mean, std = weights.predict(scores)
        standings = Standings(cohort, scores, weights, mean, np.hypot(std, prior.noise))
        return standings, {cohort.trials[i]: t for i, t in zip(known, targets.tolist(), strict=True)}

    def _scores(self, rows: Floats) -> Floats:
        rows = rows.copy()
        rows[:, 0] *= self.sign
        return cohort_scores(rows) * self._kept

    def worth(self, standings: Standings) -> dict[str, float]:
        r"""Return each signal's share of the predicted differences; the shares add up to 1.

        Pratt's measure, :math:`w_j \operatorname{cov}(x_j, \hat z) / \operatorname{var}(\hat z)`; negative
        for a signal that only corrects others. Shares of 0 where nobody differs.
        """
        centred = standings.mean - standings.mean.sum() / max(len(standings.mean), 1)
        variance = float(centred @ centred)
        shares = standings.weights.mean * (centred @ standings.scores) / (variance or 1.0)
        return {signal.name: float(share) for signal, share in zip(SIGNALS, shares, strict=True)}

    def prior_at(self, epoch: float) -> EpochPrior:
        """Return what was known about an epoch beforehand."""
        return self._prior.at(epoch)

    def settings(self) -> dict[str, Any]:
        """Return what a saved search has to agree in with the one that goes on, JSON-ready."""
        left_out = [s.name for s, kept in zip(SIGNALS, self._kept, strict=True) if not kept]
        return {"names": list(self._names), "leave_out": left_out, "prior": list(self._prior.tasks)}


def _in_order_of(order: Floats, values: Floats) -> Floats:
    """Return the values, handed out anew so that they rise with ``order``; equals keep the mean of theirs.

    Example:
        >>> _in_order_of(np.array([3.0, 1.0, 2.0]), np.array([0.1, 0.5, 0.9])).tolist()
        [0.9, 0.1, 0.5]
        >>> _in_order_of(np.array([2.0, 2.0, 1.0]), np.array([0.5, 0.25, 1.0])).tolist()
        [0.75, 0.75, 0.25]
    """
    _, group = np.unique(order, return_inverse=True)
    ascending = np.empty_like(values)
    ascending[np.argsort(order, kind="stable")] = np.sort(values)
    means: Floats = np.bincount(group, weights=ascending) / np.bincount(group)
    return means[group]
