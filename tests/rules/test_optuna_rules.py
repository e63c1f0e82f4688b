"""Optuna's own pruners decide in a replay as in a plain study of Optuna."""

import logging

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurocap_search.errors import UserError
from neurocap_search.pruning import Action
from neurocap_search.rules import RuleContext, make_rule
from tests.rules.streams import random_stream, replayed, trace

EPOCHS = 9
pytestmark = pytest.mark.filterwarnings("ignore:PatientPruner is experimental")


def patient(patience, warm_up):
    return optuna.pruners.PatientPruner(optuna.pruners.MedianPruner(n_warmup_steps=warm_up), patience)


PRUNERS = {
    "MedianPruner": lambda g, f: optuna.pruners.MedianPruner(n_warmup_steps=g),
    "PercentilePruner": lambda g, f: optuna.pruners.PercentilePruner(100 / f, n_warmup_steps=g),
    "PercentilePruner:40": lambda g, f: optuna.pruners.PercentilePruner(40, n_warmup_steps=g),
    "SuccessiveHalvingPruner": lambda g, f: optuna.pruners.SuccessiveHalvingPruner(g, f),
    "HyperbandPruner": lambda g, f: optuna.pruners.HyperbandPruner(g, EPOCHS, f),
    "PatientPruner": lambda g, f: patient(1, g),
    "PatientPruner:2": lambda g, f: patient(2, g),
}


def plain_study(pruner, stream, context):
    """Epochs of each trial in an objective as Optuna's own guide writes it; nobody is pruned at the end."""

    def objective(trial):
        for report in stream[trial.number].reports:
            epochs[str(trial.number)] = report.epoch
            trial.report(report.get(context.metric), report.epoch)
            if report.epoch < context.max_t and trial.should_prune():
                raise optuna.TrialPruned
        return report.get(context.metric)

    epochs = {}
    storage = optuna.storages.InMemoryStorage()
    direction = "maximize" if context.mode == "max" else "minimize"
    name = f"neurocap-{context.seed}"
    study = optuna.create_study(storage=storage, study_name=name, pruner=pruner, direction=direction)
    study.optimize(objective, n_trials=len(stream))
    return epochs


@pytest.mark.parametrize("name", PRUNERS)
@pytest.mark.parametrize("mode", ["max", "min"])
@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 10**6), grace_period=st.integers(1, 3), factor=st.integers(2, 4))
def test_the_rule_is_the_pruner_in_a_plain_study(name, mode, seed, grace_period, factor):
    context = RuleContext(
        mode=mode, max_t=EPOCHS, seed=seed, grace_period=grace_period, reduction_factor=factor
    )
    stream = random_stream(25, EPOCHS, seed)
    expected = plain_study(PRUNERS[name](grace_period, factor), stream, context)
    decisions = replayed(f"optuna:{name}", stream, context)
    assert {trial: made[-1][1] for trial, made in decisions.items()} == expected


@pytest.mark.parametrize("name", PRUNERS)
def test_every_pruner_prunes_some_and_not_all(name):
    decisions = replayed(f"optuna:{name}", random_stream(40), RuleContext(max_t=EPOCHS))
    trained = [made[-1][1] for made in decisions.values()]
    assert {made[-1][0] for made in decisions.values()} == {Action.STOP}
    assert min(trained) < EPOCHS == max(trained)


def test_a_training_that_fails_is_a_failed_trial_of_the_study():
    healthy = random_stream(12)
    fails = trace(12, [0.99, 0.99], failure="out of memory")
    decisions = replayed("optuna:MedianPruner", [fails, *healthy], RuleContext(max_t=EPOCHS))
    assert decisions["0"][-1] == (Action.STOP, 2)
    alone = replayed("optuna:MedianPruner", healthy, RuleContext(max_t=EPOCHS))
    assert [decisions[str(k + 1)] for k in range(12)] == [alone[str(k)] for k in range(12)]


def test_no_message_about_the_study_and_no_level_changed(capfd):
    levels = optuna.logging.get_verbosity(), logging.getLogger("optuna.storages._in_memory").filters
    replayed("optuna:HyperbandPruner", random_stream(5), RuleContext(max_t=EPOCHS))
    assert capfd.readouterr() == ("", "")
    assert levels == (optuna.logging.get_verbosity(), [])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "optuna",
            r"^Unknown pruner of Optuna ''\. Known: MedianPruner, PercentilePruner, .*PatientPruner\.$",
        ),
        (
            "optuna:Medianpruner",
            r"^Unknown pruner of Optuna 'Medianpruner'\. Did you mean optuna:MedianPruner\?",
        ),
        (
            "optuna:WilcoxonPruner",
            r"^Rule 'optuna:WilcoxonPruner' cannot be compared: it compares trials on the same folds",
        ),
        (
            "optuna:ThresholdPruner",
            r"cannot be compared: it needs a bound for the metric, which nobody knows",
        ),
        ("optuna:NopPruner", r"cannot be compared: it prunes nothing; write full\.$"),
        ("optuna:MedianPruner:3", r"^Rule 'optuna:MedianPruner' takes nothing after a colon, received '3'\."),
        (
            "optuna:PercentilePruner:100",
            r"^Rule 'optuna:PercentilePruner:100': the percentile must be above 0 .* received '100'\.$",
        ),
        ("optuna:PercentilePruner:nan", r"the percentile must be above 0 and below 100, received 'nan'\.$"),
        ("optuna:PercentilePruner:few", r"the percentile must be above 0 and below 100, received 'few'\.$"),
        (
            "optuna:PatientPruner:0",
            r"^Rule 'optuna:PatientPruner:0': the patience must be a whole number, .* received '0'\.$",
        ),
    ],
)
def test_what_is_no_pruner_is_refused_in_plain_words(name, message):
    with pytest.raises(UserError, match=message):
        make_rule(name)
