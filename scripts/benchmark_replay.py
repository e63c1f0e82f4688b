"""How fast a replay is: at scale, and beside Syne Tune's simulator on the same recorded trainings.

Scale: ``--trials`` trainings of 27 epochs on ``--workers`` simulated workers, on one core, under three rules.

Peer: ``--peer-trials`` trainings through Syne Tune's simulator (its tabulated blackbox, its backend and tuner
with their default delays and sleep, its ASHA) and through ours, with the same bracket: rungs at 1, 3, 9 and
27 epochs, one in three goes on. Three sides run in turns, so that a busy machine treats them alike:

    theirs              Syne Tune's simulator with Syne Tune's ASHA
    ours                our simulator with our ASHA
    ours, their rule    our simulator with Syne Tune's very scheduler object behind our contract of a policy

The third tells what the two simulators and what the two rules contribute to a difference. What Syne Tune is
spared says ``syne_tune_peer.py``. Building the trainings and the table is not timed. Syne Tune 0.16 has the
stopping type of ASHA only; the promotion type has no counterpart there.

Given are medians over the repetitions; ratios are those within each repetition. Seconds are those of the
processor: Syne Tune's tuner sleeps for zero seconds, and on a busy machine that hands the core to others.

    python scripts/benchmark_replay.py --trials 10000 --workers 1024
"""

import argparse
import importlib.util
import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from syne_tune_peer import (
    EPOCHS,
    FACTOR,
    METRIC,
    Run,
    TheirRule,
    syne_tune_in_a_corner,
    tabulated,
    through_syne_tune,
)

from neurocap_search.prediction import Report
from neurocap_search.pruning import PruningPolicy
from neurocap_search.rules import make_rule
from neurocap_search.rules.context import RuleContext
from neurocap_search.traces.delays import Delays
from neurocap_search.traces.simulator import simulate
from neurocap_search.traces.trace import Trace, TraceKey

RULES = {"asha": 1, "asha_promotion": 1, "beta_eff": 3}  # epochs before the first rung: beta_eff needs three
SYNE_TUNES = Delays(start=0.05, report=0.05, checkpoint=0, restore=0)  # its simulator's own defaults


def recorded(trials: int) -> list[Trace]:
    """Return made-up trainings: curves that cross, a falling beta_eff, epochs of 10 to 60 seconds."""
    rng = np.random.default_rng(0)
    epochs = np.arange(1, EPOCHS + 1)
    traces = []
    for k in range(trials):
        end, rate, seconds = rng.uniform(0.3, 0.95), rng.uniform(0.05, 0.6), rng.uniform(10, 60)
        accuracy = (end * (1 - np.exp(-rate * epochs)) + 0.01 * rng.standard_normal(EPOCHS)).tolist()
        beta = (np.exp(-rate * epochs) + 0.01 * rng.standard_normal(EPOCHS)).tolist()
        reports = [
            Report(epoch, {METRIC: a, "beta_eff": b}, seconds)
            for epoch, a, b in zip(epochs.tolist(), accuracy, beta, strict=True)
        ]
        traces.append(Trace(TraceKey(k, 0), {}, {}, "", 0, tuple(reports)))
    return traces


def replayed(policy: PruningPolicy, stream: list[Trace], workers: int, delays: Delays) -> Run:
    """Replay with our simulator."""
    begin = time.process_time()
    result = simulate(
        policy, stream, workers=workers, epochs=EPOCHS, delays=delays, metric=METRIC, keep_decisions=False
    )
    seconds = time.process_time() - begin
    trained = frozenset(int(key) for key, trial in result.trials.items() if trial.epochs == EPOCHS)
    return Run(result.epochs, seconds, trained)


def rule(name: str, stream: list[Trace]) -> PruningPolicy:
    """Return a rule of this package, fresh."""
    context = RuleContext(
        metric=METRIC, max_t=EPOCHS, trials=len(stream), grace_period=RULES[name], reduction_factor=FACTOR
    )
    return make_rule(name).policy(context)


# Measuring ---------------------------------------------------------------------------------------------

Sides = dict[str, Callable[[], Run]]


def measure(sides: Sides, repetitions: int) -> dict[str, list[Run]]:
    """Let all sides run in turns."""
    runs: dict[str, list[Run]] = {name: [] for name in sides}
    for _ in range(repetitions):
        for name, side in sides.items():
            runs[name].append(side())
    return runs


def scale(trials: int, workers: int, repetitions: int) -> list[dict[str, Any]]:
    """Replay the large stream under each rule."""
    stream = recorded(trials)
    sides: Sides = {
        name: lambda name=name: replayed(rule(name, stream), stream, workers, Delays())  # type: ignore[misc]
        for name in RULES
    }
    return [row(name, workers, runs) for name, runs in measure(sides, repetitions).items()]


def peer(trials: int, workers: int, repetitions: int, sleep: float) -> list[dict[str, Any]]:
    """Replay one stream with both simulators."""
    stream = recorded(trials)
    table = tabulated(stream)
    sides: Sides = {
        "theirs": lambda: through_syne_tune(table, trials, workers, sleep),
        "ours": lambda: replayed(rule("asha", stream), stream, workers, SYNE_TUNES),
        "ours, their rule": lambda: replayed(TheirRule(trials), stream, workers, SYNE_TUNES),
    }
    runs = measure(sides, repetitions)
    return [{**row(name, workers, own), **beside(own, runs["theirs"])} for name, own in runs.items()]


def row(name: str, workers: int, runs: list[Run]) -> dict[str, Any]:
    """Return the medians of a side's repetitions."""
    return {
        "name": name,
        "workers": workers,
        "seconds": statistics.median(run.seconds for run in runs),
        "epochs": statistics.median(run.epochs for run in runs),
        "epochs_per_second": statistics.median(run.speed for run in runs),
        "trained": statistics.median(len(run.trained) for run in runs),
    }


def beside(own: list[Run], theirs: list[Run]) -> dict[str, float]:
    """Compare with Syne Tune's side, repetition by repetition.

    Returns:
        Medians of the ratio of trial-epochs per second, of the ratio of epochs spent, and of the share of
        the trials trained to the end by either side that both trained to the end.
    """
    pairs = list(zip(own, theirs, strict=True))
    shares = [len(a.trained & b.trained) / max(1, len(a.trained | b.trained)) for a, b in pairs]
    return {
        "speed": statistics.median(a.speed / b.speed for a, b in pairs),
        "spent": statistics.median(a.epochs / b.epochs for a, b in pairs),
        "in_both": statistics.median(shares),
    }


# Telling -----------------------------------------------------------------------------------------------


def show(title: str, rows: list[dict[str, Any]]) -> None:
    """Print a table."""
    columns = f"{'workers':>8}{'seconds':>10}{'epochs':>9}{'epochs/s':>11}{'trained':>9}"
    compared = f"{'speed':>9}{'spent':>8}{'in both':>9}  of theirs" if "speed" in rows[0] else ""
    print(f"\n{title:<22}{columns}{compared}")
    for r in rows:
        figures = (
            f"{r['workers']:>8}{r['seconds']:>10.3f}{r['epochs']:>9.0f}"
            f"{r['epochs_per_second']:>11.0f}{r['trained']:>9.0f}"
        )
        more = f"{r['speed']:>8.1f}x{r['spent']:>8.3f}{r['in_both']:>9.2f}" if "speed" in r else ""
        print(f"{r['name']:<22}{figures}{more}", flush=True)


EXPLAINED = """
What agreement to expect. With one worker both simulators can only ask in one order, so with the same rule
(the third line) epochs spent and the set of the fully trained must be the same: {alike}.
What the second line then differs in is the rule. Both let the first trial of a rung pass. Syne Tune counts a
trial among its peers and stops it if more than 1/3 of them are better; ours, as Ray's, stops it below the
interpolated 2/3 quantile of those before it. Near the edge the two fall apart, most of all while few trials
have arrived, and whoever passes changes the peers of all that follow.
With more workers the order of events can differ too: Syne Tune's tuner looks for results once in {sleep:g}
simulated seconds, takes those of a look by trial, not by time, starts new trials only then, and lets the real
time it computes pass on the simulated clock, so that its own repetitions need not agree. Ours asks at every
event in order of time, ties in the order in which they were set in motion, and repeats itself bit for bit.
Speed: Syne Tune's loop goes through all that run at every look, found or not, and puts every epoch of a
training into its event heap, reached or not. Ours takes one step for an epoch that is trained."""


def explain(rows: list[dict[str, Any]], sleep: float) -> None:
    """Print why outcomes agree or do not."""
    third = next(r for r in rows if r["workers"] == 1 and r["name"] == "ours, their rule")
    same = third["spent"] == 1 and third["in_both"] == 1
    alike = "they are" if same else "THEY ARE NOT, so one of the two is wrong"
    print(EXPLAINED.format(alike=alike, sleep=sleep))


def with_syne_tune(args: argparse.Namespace) -> list[dict[str, Any]]:
    """Compare with the peer, with one worker and with several."""
    with syne_tune_in_a_corner():
        return [
            row
            for workers in (1, args.peer_workers)
            for row in peer(args.peer_trials, workers, args.repetitions, args.peer_sleep)
        ]


def arguments() -> argparse.Namespace:
    """Return what the command line says."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=1024)
    parser.add_argument("--peer-trials", type=int, default=300)
    parser.add_argument("--peer-workers", type=int, default=16)
    parser.add_argument("--peer-sleep", type=float, default=5.0, help="seconds; Syne Tune's default is 5")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of tables")
    return parser.parse_args()


def main() -> None:
    """Measure and print."""
    args = arguments()
    results = {"scale": scale(args.trials, args.workers, args.repetitions)}
    if not args.json:
        show(f"{args.trials} trials", results["scale"])
    if importlib.util.find_spec("syne_tune") is None:
        print("\nFor the comparison with its peer: pip install syne-tune", file=sys.stderr)
    else:
        results["peer"] = with_syne_tune(args)
    if args.json:
        print(json.dumps(results, indent=2))
    elif "peer" in results:
        show(f"{args.peer_trials} trials", results["peer"])
        explain(results["peer"], args.peer_sleep)


if __name__ == "__main__":
    main()
