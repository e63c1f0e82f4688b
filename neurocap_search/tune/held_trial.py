"""Trials that Ray would start but that a record knows better: they wait, or have ended already."""

from typing import Any

from ray.tune.experiment import Trial

from neurocap_search.tracking import TrialRecord


def hold(trial: Trial, record: TrialRecord, time_attr: str) -> None:
    """Let a trial that Ray is about to start wait as a paused one, with its last result."""
    trial.set_status(Trial.PAUSED)
    show_result(trial, record, time_attr)


def show_result(trial: Trial, record: TrialRecord, time_attr: str) -> dict[str, Any] | None:
    """Give a trial the last result it had reported, and return it; None if it had reported nothing.

    Ray gives a trial its directory when it starts; one that never does needs it all the same, or its result
    could not be made.

    Args:
        trial: Ray's trial.
        record: What is known of it.
        time_attr: The result's key for the epoch.
    """
    if trial.storage is not None:
        trial.init_local_path()
    if not record.reports:
        return None
    last = record.reports[-1]
    names = {time_attr: last.epoch, "training_iteration": last.epoch}
    facts = {"trial_id": trial.trial_id, "config": trial.config, "done": True}
    result: dict[str, Any] = {**last.metrics, **names, **facts}
    trial.update_last_result(result)
    return result
