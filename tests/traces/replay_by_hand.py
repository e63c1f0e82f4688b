"""A second simulator, slow and plain, to check the real one by.

It keeps no heap and no queue of events: it looks through all trials for whoever is due next.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from neurocap_search.pruning import Action, PruningPolicy
from neurocap_search.traces.delays import Delays
from neurocap_search.traces.replayed import Replayed
from neurocap_search.traces.trace import Trace

Outcome = tuple[str, int, float, float]
"""How a trial ended, its epochs, when it began and when it ended."""


@dataclass
class Book:
    """What is written down of a replay."""

    outcomes: dict[str, Outcome] = field(default_factory=dict)
    incumbents: list[tuple[float, int, str]] = field(default_factory=list)
    epochs: int = 0
    busy: float = 0.0
    makespan: float = 0.0


def book_of(replayed: Replayed) -> Book:
    """Return the same of the real simulator's result."""
    outcomes = {k: (t.end.value, t.epochs, t.started, t.ended) for k, t in replayed.trials.items()}
    return Book(outcomes, list(replayed.incumbents), replayed.epochs, replayed.busy, replayed.makespan)


def replay_by_hand(
    policy: PruningPolicy, stream: Sequence[Trace], workers: int, epochs: int, delays: Delays
) -> Book:
    """Replay by looking through all trials at every step."""
    book, saves = Book(), {math.ceil(milestone) for milestone in policy.milestones} | {epochs}
    trials: list[dict[str, Any]] = [
        {"id": str(k), "trace": trace, "done": 0, "state": "new", "due": math.inf, "order": 0, "began": 0.0}
        for k, trace in enumerate(stream)
    ]
    now, steps, best = 0.0, 0, -math.inf

    def those(*states: str) -> list[dict[str, Any]]:
        return [trial for trial in trials if trial["state"] in states]

    def work(trial: dict[str, Any], seconds: float, state: str) -> None:
        nonlocal steps
        steps += 1
        book.busy += seconds
        trial.update(state=state, due=now + seconds, order=steps)

    def train(trial: dict[str, Any], before: float = 0.0) -> None:
        reports = trial["trace"].reports
        known = reports[trial["done"]].seconds if trial["done"] < min(len(reports), epochs) else None
        save = delays.checkpoint if trial["done"] + 1 in saves else 0.0
        work(trial, before + (delays.epoch if known is None else known) + delays.report + save, "training")

    def end(trial: dict[str, Any], how: str) -> None:
        trial["state"] = "ended"
        book.outcomes[trial["id"]] = (how, trial["done"], trial["began"], now)

    def offered() -> dict[str, Any] | None:
        offer = policy.resumable()
        return next((t for t in those("paused") if offer is not None and t["id"] == offer[0]), None)

    def has_room() -> bool:
        return len(those("training", "saving")) < workers

    def assign() -> None:
        changed = True
        while changed:
            changed = False
            if has_room() and those("new") and offered() is None:
                trial, changed = those("new")[0], True
                policy.on_add(trial["id"])
                trial["began"] = now
                train(trial, delays.start)
            if policy.pauses and not those("new"):
                policy.on_exhausted()
            waiting = {trial["id"]: trial for trial in those("paused")}
            for key, _ in policy.surplus() if waiting else ():
                if key in waiting:
                    policy.on_complete(key, None)
                    end(waiting[key], "pruned")
            if has_room() and (trial := offered()) is not None:
                changed = True
                policy.on_resume(trial["id"])
                train(trial, delays.start + delays.restore)

    def report_of(trial: dict[str, Any]) -> None:
        nonlocal best
        reports, failure = trial["trace"].reports[:epochs], trial["trace"].failure
        breaks = len(reports) < epochs and (failure is not None or not reports)
        report = reports[trial["done"]]
        trial["done"] += 1
        book.epochs += 1
        decision = policy.on_report(trial["id"], report)
        is_last = trial["done"] == len(reports) and not breaks
        if decision.action is Action.CONTINUE and not is_last:
            train(trial)
        elif decision.action is Action.PAUSE and not is_last:
            trial["state"] = "halting"
            if trial["done"] not in saves:
                work(trial, delays.checkpoint, "saving")
        elif decision.failed:
            fail(trial)
        else:
            policy.on_complete(trial["id"], report)
            end(trial, "pruned" if decision.pruned else "completed")
            value = report.metrics["val_accuracy"]
            if not decision.pruned and value > best:
                best = value
                book.incumbents.append((now, book.epochs, trial["id"]))

    def fail(trial: dict[str, Any]) -> None:
        policy.on_error(trial["id"])
        end(trial, "failed")

    def happen(trial: dict[str, Any]) -> None:
        if trial["state"] == "saving":
            trial["state"] = "halting"
        elif trial["done"] == len(trial["trace"].reports[:epochs]):
            fail(trial)
        else:
            report_of(trial)

    assign()
    while due := those("training", "saving", "paused"):
        trial = min(due, key=lambda t: (t["state"] == "paused", t["due"], t["order"]))
        if trial["state"] == "paused":  # nobody works any more, and these are never called on
            policy.on_complete(trial["id"], None)
            end(trial, "pruned")
        else:
            now = trial["due"]
            happen(trial)
        assign()
        for halting in those("halting"):
            halting.update(state="paused", due=now)
            assign()
    book.makespan = now
    book.outcomes = {trial["id"]: book.outcomes[trial["id"]] for trial in trials}
    return book
