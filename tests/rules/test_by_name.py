"""Rules are found by what users type."""

import json
import subprocess
import sys

import pytest

from neurocap_search.config import SchedulerConfig
from neurocap_search.errors import UserError
from neurocap_search.prediction import Report
from neurocap_search.pruning import (
    FullTrainingPolicy,
    HyperbandPolicy,
    IEpochPolicy,
    MedianPolicy,
    PromotionHalvingPolicy,
    PruningPolicy,
    SuccessiveHalvingPolicy,
    SynchronousHalvingPolicy,
)
from neurocap_search.rules import RuleContext, i_epoch_front, known_rules, make_rule
from neurocap_search.rules.oracle import OraclePolicy
from neurocap_search.tune.policies import make_policy
from tests.rules.streams import random_stream, search

CONTEXT = RuleContext(metric="val_accuracy", max_t=27, grace_period=2, reduction_factor=2)
STREAM = random_stream(40)
TYPED = [
    "full",
    "i_epoch:3",
    "asha",
    "asha_promotion",
    "ray_asha",
    "ray_asha:2",
    "ray_median",
    "sync_halving",
    "hyperband",
    "hyperband_promotion",
    "median",
    "optuna:MedianPruner",
    "optuna:PercentilePruner",
    "optuna:PercentilePruner:40",
    "optuna:SuccessiveHalvingPruner",
    "optuna:HyperbandPruner",
    "optuna:PatientPruner",
    "halving:train_loss",
    "halving:running_mean",
    "halving:parameters",
    "halving:beta_eff",
    "beta_eff",
    "beta_eff_promotion",
    "curve:last_seen",
    "curve:best_seen",
    "curve:running_mean",
    "curve:tse",
    "curve:tse_e",
    "curve:tse_ema",
    "curve:power_law",
    "curve:regression",
    "signature",
    "learned",
    "learned:no_audit",
    "learned_promotion",
    "learned_promotion:no_audit,no_beta_eff,no_graph,no_size",
    "learned_promotion:no_bank",
    "oracle",
]


@pytest.mark.parametrize("name", TYPED)
@pytest.mark.parametrize("mode", ["max", "min"])
def test_every_rule_leads_a_stream_to_its_end_and_makes_a_fresh_policy_each_time(name, mode):
    rule = make_rule(name)
    assert rule.name == name
    stream = STREAM[:12]
    context = RuleContext(mode=mode, max_t=9, stream=stream, trials=12)
    one, other = rule.policy(context), rule.policy(context)
    decisions = search(one, stream)
    assert any(made[-1].epoch == 9 and not made[-1].pruned for made in decisions.values())
    assert search(other, stream) == decisions


@pytest.mark.parametrize("name", TYPED)
def test_a_state_through_json_changes_no_decision(name):
    stream = STREAM[:12]
    context = RuleContext(max_t=9, stream=stream)
    first, second = make_rule(name).policy(context), make_rule(name).policy(context)
    reports = [(str(k), made.reports[t]) for t in range(9) for k, made in enumerate(stream)]
    for trial, report in reports[:40]:
        first.on_add(trial)
        first.on_report(trial, report)
    second.load_state_dict(json.loads(json.dumps(first.state_dict())))
    assert second.state_dict() == first.state_dict()
    assert [second.on_report(*one) for one in reports[40:]] == [first.on_report(*one) for one in reports[40:]]


def test_every_known_rule_is_among_those_tested():
    names = [name.partition("[")[0] for name in known_rules()]
    typed = [
        name.replace("i_epoch:N", "i_epoch:3").replace("halving:NAME", "halving:train_loss") for name in names
    ]
    slow = {"curve:ensemble"}  # as curve:power_law but for the families; tried in test_curve_rules.py
    assert set(typed) <= set(TYPED) | slow


def test_every_known_rule_has_a_line():
    for name, about in known_rules().items():
        assert about.strip(), name
        assert "\n" not in about


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("full", FullTrainingPolicy(max_t=27)),
        ("i_epoch:5", IEpochPolicy(metric="val_accuracy", max_t=27, epochs=5, keep=3)),
        ("i_epoch:5:1", IEpochPolicy(metric="val_accuracy", max_t=27, epochs=5, keep=1)),
        ("asha", SuccessiveHalvingPolicy(**CONTEXT.halving())),
        ("asha_promotion", PromotionHalvingPolicy(**CONTEXT.halving())),
        ("sync_halving", SynchronousHalvingPolicy(**CONTEXT.halving())),
        ("hyperband", HyperbandPolicy(**CONTEXT.halving())),
        ("hyperband_promotion", HyperbandPolicy(**CONTEXT.halving(), type="promotion")),
        ("median", MedianPolicy(metric="val_accuracy", max_t=27, grace_period=2)),
        ("halving:val_accuracy", SuccessiveHalvingPolicy(**CONTEXT.halving())),
    ],
)
def test_the_policy_has_the_arguments_of_the_context(name, expected):
    policy = make_rule(name).policy(CONTEXT)
    assert type(policy) is type(expected)
    assert policy.state_dict() == expected.state_dict()


def test_without_more_it_prunes_early_one_in_three_goes_on():
    policy = make_rule("asha").policy(RuleContext(max_t=27))
    assert policy.milestones == (1, 3, 9)
    assert policy.signals == ("val_accuracy",)


@pytest.mark.parametrize(
    ("name", "type_", "grace_period"),
    [("beta_eff", "stopping", 1), ("beta_eff", "stopping", 3), ("beta_eff_promotion", "promotion", 3)],
)
def test_beta_eff_is_what_a_search_runs(name, type_, grace_period):
    settings = SchedulerConfig(
        name="neural_capacitance", type=type_, grace_period=grace_period, reduction_factor=2
    )
    production = make_policy(settings, metric="val_accuracy", mode="max", max_t=9, bounds=(0.0, 1.0))
    context = RuleContext(max_t=9, grace_period=grace_period, reduction_factor=2)
    rule = make_rule(name).policy(context)
    assert rule.state_dict() == production.state_dict()
    assert rule.signals == production.signals == ("val_accuracy", "beta_eff")
    decisions = search(rule, STREAM)
    assert decisions == search(production, STREAM)
    reasons = [made.reason for all_made in decisions.values() for made in all_made]
    assert any("predicted final val_accuracy" in reason for reason in reasons)


def test_predictions_of_a_loss_are_not_clipped_to_a_share():
    loss = make_rule("beta_eff").policy(RuleContext(metric="val_loss", mode="min", max_t=9))
    accuracy = make_rule("beta_eff").policy(RuleContext(max_t=9))
    assert loss.predictor.bounds is None
    assert loss.predictor.mode == "min"
    assert accuracy.predictor.bounds == (0, 1)


def test_the_front_is_made_of_rules():
    assert i_epoch_front(16) == tuple(f"i_epoch:{i}" for i in (1, 2, 3, 5, 8, 12))
    assert i_epoch_front(12)[-1] == "i_epoch:8"
    assert [make_rule(name).policy(RuleContext(max_t=16)).epochs for name in i_epoch_front(16)] == [
        1, 2, 3, 5, 8, 12,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "ashaa",
            r"^Unknown rule 'ashaa'\. Did you mean asha\? Known: full, i_epoch:N\[:K\], asha, .*oracle\. ",
        ),
        ("ashaa:3", r"^Unknown rule 'ashaa:3'\. Did you mean asha\? Known: "),
        ("halvng:train_loss", r"^Unknown rule 'halvng:train_loss'\. Did you mean halving\? Known: "),
        ("xyzzy", r"^Unknown rule 'xyzzy'\. Known: .* A rule of your own is named by its path, package"),
        ("", r"^Unknown rule ''\. Known: "),
        (":", r"^Unknown rule ':'\. Known: "),
        ("asha:3", r"^Rule 'asha' takes nothing after a colon, received '3'\. Write asha\.$"),
        ("asha:", r"^Rule 'asha' takes nothing after a colon, received ''\. Write asha\.$"),
        ("oracle:1", r"^Rule 'oracle' takes nothing after a colon, received '1'\."),
        ("i_epoch", r"^Rule 'i_epoch' needs the epochs everybody trains: write i_epoch:3, for example\.$"),
        ("i_epoch:", r"^Rule 'i_epoch:': epochs must be a whole number, at least 1, received ''\.$"),
        ("i_epoch:0", r"^Rule 'i_epoch:0': epochs must be a whole number, at least 1, received '0'\.$"),
        (
            "i_epoch:2.5",
            r"^Rule 'i_epoch:2\.5': epochs must be a whole number, at least 1, received '2\.5'\.$",
        ),
        ("i_epoch:3:no", r"^Rule 'i_epoch:3:no': keep must be a whole number, at least 1, received 'no'\.$"),
        ("i_epoch:3:", r"^Rule 'i_epoch:3:': keep must be a whole number, at least 1, received ''\.$"),
        ("i_epoch:²", r"^Rule 'i_epoch:²': epochs must be a whole number, at least 1, received '²'\.$"),
        ("ray_asha:0", r"^Rule 'ray_asha:0': brackets must be a whole number, at least 1, received '0'\.$"),
        (
            "curve:tsee",
            r"^Unknown predictor of learning curves 'tsee'\. Did you mean curve:tse_e\? Known: last_seen, ",
        ),
        ("curve", r"^Unknown predictor of learning curves ''\. Known: last_seen, .*, regression\.$"),
        ("curve:tse:3", r"^Unknown predictor of learning curves 'tse:3'\. Did you mean curve:tse\? "),
        (
            "ray_median:2",
            r"^Rule 'ray_median' takes nothing after a colon, received '2'\. Write ray_median\.$",
        ),
    ],
)
def test_what_is_no_rule_is_refused_in_plain_words(name, message):
    with pytest.raises(UserError, match=message):
        make_rule(name)


@pytest.mark.parametrize(
    ("name", "context", "message"),
    [
        (
            "i_epoch:20",
            {"max_t": 16},
            r"^Rule 'i_epoch:20' does not fit: epochs must be .* below max_t = 16, received 20\.$",
        ),
        (
            "asha",
            {"max_t": 16, "grace_period": 17},
            r"^Rule 'asha' does not fit: grace_period must be from 1 to max_t = 16, received 17\.$",
        ),
        (
            "ray_asha",
            {"max_t": 0},
            r"^Rule 'ray_asha' does not fit: max_t must be above 0, received 0\.$",
        ),
        (
            "ray_asha",
            {"max_t": 4, "grace_period": 5},
            r"^Rule 'ray_asha' does not fit: grace_period must be from 1 to max_t = 4, received 5\.$",
        ),
        (
            "optuna:MedianPruner",
            {"max_t": 4, "grace_period": 0},
            r"^Rule 'optuna:MedianPruner' does not fit: grace_period must be from 1 to .* received 0\.$",
        ),
        (
            "optuna:HyperbandPruner",
            {"max_t": 16, "reduction_factor": 2.5},
            r"Optuna's halving needs a whole reduction_factor of at least 2, received 2\.5\.$",
        ),
    ],
)
def test_a_rule_that_does_not_fit_the_stream_is_refused(name, context, message):
    with pytest.raises(UserError, match=message):
        make_rule(name).policy(RuleContext(**context))


def test_the_rules_of_a_stream_are_policies():
    for name in TYPED:
        assert isinstance(make_rule(name).policy(RuleContext(max_t=9, stream=STREAM)), PruningPolicy)


def test_the_oracle_is_told_the_stream():
    policy = make_rule("oracle").policy(RuleContext(max_t=9, stream=STREAM))
    assert isinstance(policy, OraclePolicy)


@pytest.mark.parametrize(
    "code",
    [
        "import neurocap_search.rules",
        "from neurocap_search.rules import *; known_rules(); "
        "[make_rule(n).policy(RuleContext(max_t=9)) for n in ('full', 'i_epoch:3', 'asha', 'sync_halving', "
        "'hyperband', 'halving:train_loss', 'halving:beta_eff', 'beta_eff', "
        "'curve:tse', 'curve:regression', 'signature')]",
        "from neurocap_search.rules import *; make_rule('ray_asha'); make_rule('optuna:HyperbandPruner')",
    ],
)
def test_frameworks_are_imported_only_for_their_own_rules(code):
    check = f"import sys; {code}; sys.exit(bool({{'torch', 'ray', 'optuna', 'mlflow'}} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0


def test_what_is_left_out_of_the_combination_is_not_looked_at():
    context = RuleContext(max_t=9)
    whole, part = (make_rule(n).policy(context) for n in ("learned:no_audit", "learned:no_audit,no_beta_eff"))
    for policy in (whole, part):
        for trial, beta, loss in (("a", 3.0, 1.0), ("b", 2.0, 1.0), ("c", 1.0, 0.9)):
            policy.on_report(trial, Report(1, {"val_accuracy": 0.5, "beta_eff": beta, "train_loss": loss}))
    assert whole.contributions()[1]["beta_eff"] != 0
    assert part.contributions()[1]["beta_eff"] == 0
    assert part.contributions()[1]["train_loss"] != 0


def test_an_unknown_part_of_the_combination_is_refused():
    with pytest.raises(UserError, match=r"Rule 'learned:no_beta' has no option 'no_beta'.*no_beta_eff"):
        make_rule("learned:no_beta")
