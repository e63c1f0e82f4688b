"""Runs made by hand, for tests of what is computed from them."""

from math import nan

from neurocap_search.comparison.results import Results, RunResult, Unit

BEST, MEDIAN, FULL = 0.9, 0.7, 100


def run(
    rule, pool, regret, *, task="t", seed=0, workers=1, epochs=30, seconds=1.0, trained=True, test=nan,
    pruned_at=None, incumbents=(), guesses=(),
):  # fmt: skip
    """One run of a pool of ten networks whose best has 0.9 and whose median 0.7."""
    return RunResult(
        rule, Unit(task, pool), seed, workers, 10, epochs, FULL, seconds, "0" if trained else None,
        BEST - regret if trained else nan, BEST, MEDIAN, test, nan, pruned_at, tuple(incumbents),
        tuple(guesses),
    )  # fmt: skip


def results(regrets, epochs=None, *, tasks=1, candidate="a", rival="b", **more):
    """Results of rules by their regret in each pool; pools go to the tasks in turn.

    Args:
        regrets: By rule, one number for each pool.
        epochs: By rule; 30 where it is not given.
        tasks: How many.
        candidate: The rule that is judged.
        rival: The other.
        more: Of Results.
    """
    runs = [
        run(
            rule,
            k // tasks,
            value,
            task=f"t{k % tasks}",
            epochs=(epochs or {}).get(rule, [30] * len(values))[k],
        )
        for rule, values in regrets.items()
        for k, value in enumerate(values)
    ]
    return Results(tuple(runs), candidate, rival, **more)
