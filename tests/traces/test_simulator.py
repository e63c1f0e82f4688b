"""The simulated clock: who works when, who waits, what it costs, and when the best was known."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurocap_search.prediction import Report
from neurocap_search.pruning import (
    Action,
    Decision,
    FullTrainingPolicy,
    HyperbandPolicy,
    IEpochPolicy,
    MedianPolicy,
    PromotionHalvingPolicy,
    PruningPolicy,
    SuccessiveHalvingPolicy,
    SynchronousHalvingPolicy,
)
from neurocap_search.traces.delays import Delays
from neurocap_search.traces.replayed import End
from neurocap_search.traces.simulator import simulate
from neurocap_search.traces.trace import Trace, TraceKey
from tests.traces.conftest import made_up
from tests.traces.replay_by_hand import book_of, replay_by_hand

FREE = Delays(start=0, report=0, checkpoint=0, restore=0)
COSTLY = Delays(start=100, report=10, checkpoint=1000, restore=10000, epoch=5)
EPOCHS = 4


class Whims(PruningPolicy):
    """Answers, resumes, gives up and forgets as it likes, but always alike: no order of calls spares it."""

    pauses = True

    def __init__(self, seed: int, milestones: tuple[float, ...] = (1, 1.5)) -> None:
        self._seed, self._milestones = seed, milestones
        self._paused: dict[str, None] = {}
        self._calls = 0

    @property
    def milestones(self) -> tuple[float, ...]:
        return self._milestones

    def on_report(self, trial_id: str, report: Report) -> Decision:
        self._calls += 1
        action = self._whim(trial_id, report.epoch).choice([*Action], p=[0.4, 0.4, 0.2])
        failed = bool(action is Action.STOP and self._whim(trial_id, -report.epoch).random() < 0.3)
        if action is Action.PAUSE:
            self._paused[trial_id] = None
        return Decision(action, report.epoch, "a whim", pruned=action is Action.STOP, failed=failed)

    def on_complete(self, trial_id: str, report: Report | None) -> None:
        self._calls += 1
        self._paused.pop(trial_id, None)

    def on_error(self, trial_id: str) -> None:
        self._calls += 1

    def on_resume(self, trial_id: str) -> None:
        self._calls += 1
        del self._paused[trial_id]

    def resumable(self) -> tuple[str, Decision] | None:
        rng = self._whim("resume", self._calls)
        if not self._paused or rng.random() < 0.5:
            return None
        return str(rng.choice([*self._paused])), Decision(Action.CONTINUE, 0, "a whim")

    def surplus(self) -> list[tuple[str, Decision]]:
        rng = self._whim("surplus", self._calls)
        return [(k, Decision(Action.STOP, 0, "no", pruned=True)) for k in self._paused if rng.random() < 0.1]

    def state_dict(self) -> dict[str, Any]:
        raise NotImplementedError

    def load_state_dict(self, state: dict[str, Any]) -> None:
        raise NotImplementedError

    def _whim(self, *about: object) -> np.random.Generator:
        return np.random.default_rng([self._seed, *str(about).encode()])


class Script(PruningPolicy):
    """Pauses the trials it is told to, each once, and lets them go on when nothing else is to come."""

    pauses = True

    def __init__(
        self, pauses_at: dict[str, int], milestones: tuple[float, ...] = (), *, resumes: bool = True
    ):
        self._pauses_at, self._milestones, self._resumes = pauses_at, milestones, resumes
        self._paused: list[str] = []
        self._exhausted = False

    @property
    def milestones(self) -> tuple[float, ...]:
        return self._milestones

    def on_report(self, trial_id: str, report: Report) -> Decision:
        if self._pauses_at.get(trial_id) != report.epoch:
            return Decision(Action.CONTINUE, report.epoch, "goes on")
        self._paused.append(trial_id)
        return Decision(Action.PAUSE, report.epoch, "waits")

    def on_exhausted(self) -> None:
        self._exhausted = True

    def resumable(self) -> tuple[str, Decision] | None:
        if not (self._exhausted and self._resumes and self._paused):
            return None
        return self._paused[0], Decision(Action.CONTINUE, 0, "goes on")

    def on_resume(self, trial_id: str) -> None:
        self._paused.remove(trial_id)

    def state_dict(self) -> dict[str, Any]:
        raise NotImplementedError

    def load_state_dict(self, state: dict[str, Any]) -> None:
        raise NotImplementedError


def halving(kind: Callable[..., PruningPolicy]) -> Callable[[int], PruningPolicy]:
    return lambda seed: kind(metric="val_accuracy", max_t=EPOCHS, reduction_factor=2)


POLICIES: dict[str, Callable[[int], PruningPolicy]] = {
    "whims": Whims,
    "full training": lambda seed: FullTrainingPolicy(EPOCHS),
    "median": lambda seed: MedianPolicy(metric="val_accuracy", max_t=EPOCHS, grace_period=1, min_trials=2),
    "i-epoch": lambda seed: IEpochPolicy(metric="val_accuracy", epochs=2, keep=2, max_t=EPOCHS),
    "halving": halving(SuccessiveHalvingPolicy),
    "promotion": halving(PromotionHalvingPolicy),
    "synchronous": halving(SynchronousHalvingPolicy),
    "hyperband": halving(HyperbandPolicy),
}


@st.composite
def traces(draw: st.DrawFn, *, failing: bool = True, zero: bool = True) -> list[Trace]:
    """Up to 8 trainings; whole seconds, so that many things happen at the same time."""
    seconds = st.sampled_from([None, 0.0, 1.0, 2.0, 3.0] if zero else [1.0, 2.0, 3.0])
    accuracy = st.sampled_from([0.1, 0.2, 0.3, 0.4, *([math.nan] if failing else [])])
    stream = []
    for k in range(draw(st.integers(0, 8))):
        epochs = draw(st.integers(0, EPOCHS + 1)) if failing else EPOCHS
        reports = [Report(e, {"val_accuracy": draw(accuracy)}, draw(seconds)) for e in range(1, epochs + 1)]
        failure = "OSError: gone" if failing and draw(st.booleans()) else None
        stream.append(Trace(TraceKey(k, 0), {}, {}, "", 0, tuple(reports), failure))
    return stream


WORKERS = st.integers(1, 4)
DELAYS = st.sampled_from([FREE, COSTLY, Delays(start=1, report=0, checkpoint=1, restore=1)])


@pytest.mark.parametrize("name", POLICIES)
@settings(max_examples=60, deadline=None)
@given(stream=traces(), workers=WORKERS, delays=DELAYS, seed=st.integers(0, 10**6))
def test_a_second_simulator_says_the_same(
    name: str, stream: list[Trace], workers: int, delays: Delays, seed: int
) -> None:
    make = POLICIES[name]
    replayed = simulate(make(seed), stream, workers=workers, epochs=EPOCHS, delays=delays)
    book = replay_by_hand(make(seed), stream, workers, EPOCHS, delays)
    assert book_of(replayed) == book
    again = simulate(make(seed), stream, workers=workers, epochs=EPOCHS, delays=delays)
    assert again == replayed


@settings(max_examples=100, deadline=None)
@given(stream=traces(), workers=WORKERS, delays=DELAYS, name=st.sampled_from([*POLICIES]))
def test_nobody_works_more_than_there_is_time(
    stream: list[Trace], workers: int, delays: Delays, name: str
) -> None:
    replayed = simulate(POLICIES[name](0), stream, workers=workers, epochs=EPOCHS, delays=delays)
    trials = replayed.trials.values()
    assert replayed.busy <= workers * replayed.makespan
    assert replayed.epochs == sum(trial.epochs for trial in trials)
    assert replayed.makespan == max((trial.ended for trial in trials), default=0)
    assert all(0 <= trial.started <= trial.ended for trial in trials)
    assert all(trial.epochs <= min(EPOCHS, len(trial.trace.reports)) for trial in trials)
    begun = [trial.started for trial in trials]
    assert begun == sorted(begun)
    if workers == 1:
        assert replayed.busy == replayed.makespan
    winners = [replayed.trials[key] for _, _, key in replayed.incumbents]
    best = [trial.trace.reports[trial.epochs - 1].metrics["val_accuracy"] for trial in winners]
    assert best == sorted(set(best))
    assert [*replayed.incumbents] == sorted(replayed.incumbents)


@settings(max_examples=100, deadline=None)
@given(stream=traces(failing=False, zero=False), workers=WORKERS)
def test_full_training_keeps_within_grahams_bound_and_gains_by_workers(
    stream: list[Trace], workers: int
) -> None:
    """Graham 1966: jobs from a list take at most the mean load and (1 - 1/m) of the longest job."""

    def makespan(workers: int) -> float:
        return simulate(
            FullTrainingPolicy(EPOCHS), stream, workers=workers, epochs=EPOCHS, delays=FREE
        ).makespan

    jobs = [trace.seconds for trace in stream]
    longest, mean = max(jobs, default=0.0), sum(jobs) / workers
    assert max(longest, mean) <= makespan(workers) <= mean + (1 - 1 / workers) * longest + 1e-9
    assert makespan(workers + 1) <= makespan(workers)
    assert makespan(max(1, len(jobs))) == longest


def test_two_workers_share_the_stream_in_order() -> None:
    stream = [made_up(0, 0.1, 0.1, 0.1), made_up(1, 0.2), made_up(2, 0.3, 0.3), made_up(3, 0.1)]
    replayed = simulate(FullTrainingPolicy(3), stream, workers=2, epochs=3, delays=FREE)
    spans = [(trial.started, trial.ended) for trial in replayed.trials.values()]
    assert spans == [(0, 3), (0, 1), (1, 3), (3, 4)]
    assert (replayed.epochs, replayed.busy, replayed.makespan) == (7, 7, 4)
    # trial 0 and trial 2 end at the same time; the last epoch of 0 began no later, so it is told first
    assert replayed.incumbents == ((1, 2, "1"), (3, 6, "2"))


def test_every_delay_is_paid_where_it_belongs() -> None:
    stream = [made_up(0, 0.1, 0.2, 0.3)]
    plain = simulate(FullTrainingPolicy(3), stream, workers=1, epochs=3, delays=COSTLY)
    assert plain.makespan == 100 + 3 * (1 + 10) + 1000  # start, epochs with reports, the last checkpoint
    off = simulate(Script({"0": 2}), stream, workers=1, epochs=3, delays=COSTLY)
    assert off.makespan - plain.makespan == 1000 + 100 + 10000  # a checkpoint, another start, restoring
    at = simulate(Script({"0": 2}, milestones=(1.5,)), stream, workers=1, epochs=3, delays=COSTLY)
    assert at.makespan == off.makespan  # there it was written before anybody knew
    unused = simulate(Script({}, milestones=(1.5,)), stream, workers=1, epochs=3, delays=COSTLY)
    assert unused.makespan - plain.makespan == 1000


def test_a_paused_trial_holds_no_worker() -> None:
    stream = [made_up(0, 0.1, 0.2), made_up(1, 0.3, 0.4)]
    replayed = simulate(Script({"0": 1}), stream, workers=1, epochs=2, delays=FREE)
    assert [(t.started, t.ended) for t in replayed.trials.values()] == [(0, 4), (1, 3)]
    assert [d.action for d in replayed.trials["0"].decisions] == [Action.PAUSE, Action.CONTINUE]


def test_paused_trials_that_are_forgotten_end_as_pruned() -> None:
    stream = [made_up(0, 0.1, 0.2), made_up(1, 0.3, 0.4)]
    replayed = simulate(Script({"0": 1, "1": 1}, resumes=False), stream, workers=2, epochs=2, delays=FREE)
    assert [(t.end, t.epochs, t.ended) for t in replayed.trials.values()] == [(End.PRUNED, 1, 1)] * 2
    last = replayed.trials["0"].decisions[-1]
    assert (last.action, last.pruned) == (Action.STOP, True)
    assert "ended by the replay" in last.reason


def test_failures_cost_an_epoch_and_are_told() -> None:
    stream = [made_up(0, 0.5, failure="ValueError: the loss is nan"), made_up(1), made_up(2, 0.1, 0.2)]
    replayed = simulate(
        FullTrainingPolicy(2), stream, workers=1, epochs=2, delays=Delays(0, 0, 0, 0, epoch=7)
    )
    first, second, third = replayed.trials.values()
    assert (first.end, first.epochs, first.ended) == (End.FAILED, 1, 1 + 7)
    assert first.decisions[-1].reason == "ValueError: the loss is nan"
    assert first.decisions[-1].failed
    assert (second.end, second.epochs, second.ended) == (End.FAILED, 0, 8 + 7)
    assert second.decisions[-1].reason == "no epoch of it was recorded"
    assert (third.end, third.ended) == (End.COMPLETED, 17)
    assert replayed.incumbents == ((17, 3, "2"),)


def test_a_failure_after_the_cut_does_not_count() -> None:
    stream = [made_up(0, 0.5, 0.6, failure="OSError: disk")]
    cut = simulate(FullTrainingPolicy(2), stream, workers=1, epochs=2)
    assert cut.trials["0"].end is End.COMPLETED


def test_a_short_trace_completes_where_it_ends() -> None:
    replayed = simulate(Script({"0": 2}), [made_up(0, 0.1, 0.2)], workers=1, epochs=5)
    assert (replayed.trials["0"].end, replayed.trials["0"].epochs) == (End.COMPLETED, 2)


def test_the_incumbent_may_be_the_smallest_and_is_never_nan() -> None:
    stream = [made_up(0, math.nan), made_up(1, 0.4), made_up(2, 0.5), made_up(3, 0.1), made_up(4, 0.1)]

    def best(mode: Any) -> list[str]:
        replayed = simulate(Script({}), stream, workers=1, epochs=1, mode=mode)
        return [key for _, _, key in replayed.incumbents]

    assert best("max") == ["1", "2"]
    assert best("min") == ["1", "3"]


def test_seconds_may_be_any_number_that_is_reported() -> None:
    stream = [made_up(k, 0.1, 0.2) for k in range(2)]  # parameters: 10 and 20

    def makespan(cost: str) -> float:
        return simulate(
            FullTrainingPolicy(2), stream, workers=1, epochs=2, delays=Delays(0, 0, 0, 0, epoch=3), cost=cost
        ).makespan

    assert makespan("seconds") == 4
    assert makespan("parameters") == 60
    assert makespan("nowhere_reported") == 12


def test_the_decisions_can_be_left_out() -> None:
    stream = [made_up(k, 0.1 * k, 0.2) for k in range(5)]
    with_them = simulate(POLICIES["halving"](0), stream, workers=2, epochs=2)
    without = simulate(POLICIES["halving"](0), stream, workers=2, epochs=2, keep_decisions=False)
    assert book_of(without) == book_of(with_them)
    assert all(trial.decisions for trial in with_them.trials.values())
    assert not any(trial.decisions for trial in without.trials.values())


def test_an_empty_stream_takes_no_time() -> None:
    replayed = simulate(Script({}), [], workers=3, epochs=2)
    assert (replayed.trials, replayed.epochs, replayed.makespan, replayed.incumbents) == ({}, 0, 0, ())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"workers": 0}, "workers must be at least 1, received 0"),
        ({"epochs": -1}, "epochs must be at least 1, received -1"),
        ({"mode": "best"}, "mode must be 'max' or 'min', received 'best'"),
    ],
)
def test_bad_arguments_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        simulate(Script({}), [made_up(0, 0.1)], **{"workers": 1, "epochs": 1, **arguments})


@pytest.mark.parametrize("value", [-1.0, math.inf, math.nan])
@pytest.mark.parametrize("name", ["start", "report", "checkpoint", "restore", "epoch"])
def test_delays_are_seconds_from_0_on(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{name} must be a number of seconds from 0 on, received {value}"):
        Delays(**{name: value})


class AsksEarly(FullTrainingPolicy):
    """Wants reports within the first epoch, and stops the trial called 1 there."""

    @property
    def early_stops(self) -> tuple[float, ...]:
        return (0.25, 0.5)

    def on_report(self, trial_id: str, report: Report) -> Decision:
        if (trial_id, report.epoch) == ("1", 0.5):
            return Decision(Action.STOP, report.epoch, "no", pruned=True)
        return super().on_report(trial_id, report)


def test_reports_within_the_first_epoch_cost_their_share_and_go_to_who_asks_for_them() -> None:
    early = tuple(Report(mark, {"train_loss": mark}, mark) for mark in (0.25, 0.5, 0.75))
    reports = tuple(Report(epoch, {"val_accuracy": 0.5}, 8.0) for epoch in (1, 2))
    stream = [Trace(TraceKey(k, 0), {}, {}, "", 0, reports, early=early) for k in range(2)]
    replayed = simulate(AsksEarly(max_t=2), stream, workers=1, epochs=2, delays=FREE)
    first, second = replayed.trials.values()
    assert [decision.epoch for decision in first.decisions] == [0.25, 0.5, 1, 2]
    assert [decision.epoch for decision in second.decisions] == [0.25, 0.5]
    assert (first.ended, second.ended, replayed.makespan) == (16, 20, 20)
    assert (replayed.epochs, second.epochs, second.end) == (2.5, 0.5, End.PRUNED)
    alone = simulate(FullTrainingPolicy(max_t=2), stream, workers=1, epochs=2, delays=FREE)
    assert [decision.epoch for decision in alone.trials["0"].decisions] == [1, 2]
    assert (alone.epochs, alone.makespan) == (4, 32)


def test_a_training_that_fails_in_its_first_epoch_has_told_something_before() -> None:
    early = (Report(0.5, {"train_loss": 9.0}),)
    stream = [Trace(TraceKey(0, 0), {}, {}, "", 0, (), "diverged", early)]
    replayed = simulate(AsksEarly(max_t=2), stream, workers=1, epochs=2, delays=COSTLY)
    trial = replayed.trials["0"]
    assert (trial.end, trial.epochs, replayed.epochs) == (End.FAILED, 0.5, 0.5)
    assert replayed.makespan == 100 + 0.5 * 5 + 10 + 5 + 10
