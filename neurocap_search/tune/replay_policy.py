"""A journal's events as calls of a policy: how a policy comes back to where it was."""

from collections.abc import Sequence

from neurocap_search.prediction import Report
from neurocap_search.pruning import PruningPolicy
from neurocap_search.tracking import SearchRecord
from neurocap_search.tracking.events import Event


def kept_reports(events: Sequence[Event]) -> set[int]:
    """Return the positions of the reports that count.

    A trial that went back to a checkpoint reports some epochs again; what it had reported of them before
    was never told to the policy that then went on.

    Example:
        >>> report = {"event": "report", "trial_id": "a", "report": {"epoch": 1}}
        >>> kept_reports([report, {"event": "resumed", "restarted": ["a"]}, report])
        {2}
    """
    kept: dict[str, list[int]] = {}
    checkpoints: dict[str, int] = {}
    for index, event in enumerate(events):
        trial_id = event.get("trial_id", "")
        if event["event"] == "report":
            kept.setdefault(trial_id, []).append(index)
        elif event["event"] == "checkpoint":
            checkpoints[trial_id] = event["epoch"]
        elif event["event"] == "resumed":
            for restarted in event["restarted"]:
                limit = checkpoints.get(restarted, 0)
                mine = kept.get(restarted, [])
                kept[restarted] = [i for i in mine if events[i]["report"]["epoch"] <= limit]
    return {index for mine in kept.values() for index in mine}


def tell_policy(policy: PruningPolicy, event: Event, record: SearchRecord, *, told: bool = True) -> None:
    """Tell a policy what it was told when an event happened.

    Args:
        policy: Fresh when the first event is told.
        event: One event of the journal.
        record: The record after the event.
        told: False leaves out a report that no longer counts.
    """
    kind, trial_id = event["event"], event.get("trial_id", "")
    if kind == "suggested":
        policy.on_add(trial_id)
    elif kind == "report" and told and event.get("asked", True):
        policy.on_report(trial_id, Report.from_json(event["report"]))
    elif kind == "continued":
        policy.on_resume(trial_id)
    elif kind == "retried":
        policy.on_error(trial_id)
        policy.on_add(trial_id)
    elif kind == "ended":
        _tell_end(policy, event, record)


def _tell_end(policy: PruningPolicy, event: Event, record: SearchRecord) -> None:
    trial = record.trials[event["trial_id"]]
    if event["error"] is not None:
        policy.on_error(trial.trial_id)
    elif event.get("decision") is not None:
        policy.on_complete(trial.trial_id, None)  # given up while it was paused
    elif event["state"] != "interrupted":
        policy.on_complete(trial.trial_id, trial.reports[-1] if trial.reports else None)
