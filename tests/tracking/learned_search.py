"""A search by the learned halving on recorded trainings, written down as a real one."""

from functools import cache

from neurocap_search.pruning import LearnedHalvingPolicy, PruningPolicy
from neurocap_search.traces.bank import first_seeds, load_bank
from neurocap_search.traces.trace import Trace
from neurocap_search.tracking import SearchRecorder, TrialState

METRIC, EPOCHS = "val_accuracy", 16


@cache
def recorded() -> list[Trace]:
    """Trainings that come with the package."""
    return first_seeds(load_bank()["fashion-mlp"])


def learned_policy() -> LearnedHalvingPolicy:
    return LearnedHalvingPolicy(metric=METRIC, max_t=EPOCHS, audit=0.2, bounds=(0.0, 1.0))


def play_learned(recorder: SearchRecorder, policy: PruningPolicy | None = None, trials: int = 40) -> None:
    """Let the policy decide on recorded trainings, and write down what the scheduler would."""
    policy = policy or learned_policy()
    for number, trace in enumerate(recorded()[:trials]):
        key = str(number)
        facts = {"description": trace.description, "parameters": 10, "multiply_adds": 20}
        proposed = {"architecture": dict(trace.architecture), "training": dict(trace.training)}
        recorder.suggested(key, proposed, facts)
        policy.on_add(key)
        state = TrialState.COMPLETED
        for report in trace.reports[:EPOCHS]:
            decision = policy.on_report(key, report)
            recorder.reported(key, report, decision)
            if decision.pruned:
                state = TrialState.PRUNED
                break
        policy.on_complete(key, report)
        recorder.learned(policy.insight())
        recorder.ended(key, state)
