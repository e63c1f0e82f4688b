"""Predictors of learning curves and of graphs as rules, on recorded trainings."""

import pytest

from neurocap_search.prediction.graph_signature import SignatureRegressor
from neurocap_search.prediction.learning_curve import CurveEnsemble, CurveRegression, PowerLaw
from neurocap_search.rules import RuleContext, make_rule
from neurocap_search.rules.curve import CURVES
from neurocap_search.traces.bank import BUNDLED, first_seeds
from neurocap_search.traces.schema import read_traces
from tests.rules.streams import random_stream, replay, replayed
from tests.rules.test_halving_on_numbers import with_number

NAMES = [*(f"curve:{name}" for name in CURVES), "signature"]


@pytest.fixture(scope="module")
def recorded():
    return first_seeds(read_traces(BUNDLED / "fashion-mlp.parquet"))[:20]


@pytest.mark.parametrize("name", NAMES)
def test_each_prunes_recorded_trainings_and_finishes_some(name, recorded):
    result = replay(name, recorded, RuleContext(max_t=16, stream=recorded), workers=4)
    assert result.incumbents
    assert 16 + 19 <= result.epochs < 160


@pytest.mark.parametrize(("name", "predictor"), [("power_law", PowerLaw), ("ensemble", CurveEnsemble)])
def test_an_extrapolation_is_asha_on_the_extrapolated_values(name, predictor):
    stream, context = random_stream(12), RuleContext(max_t=9, grace_period=3)
    law = predictor(final_epoch=9, bounds=(0, 1))

    def number(reports):
        return law.predict(reports).mean if len(reports) == 3 else reports[-1].get("val_accuracy")

    extrapolated = replayed("asha", with_number(stream, "val_accuracy", number), context)
    assert replayed(f"curve:{name}", stream, context) == extrapolated
    assert extrapolated != replayed("asha", stream, context)


@pytest.mark.parametrize(
    ("name", "predictor"),
    [("curve:regression", CurveRegression), ("signature", SignatureRegressor)],
)
def test_what_learns_from_finished_trials_takes_over_after_ten(name, predictor, recorded):
    *finished, last = recorded[:11]
    policy = make_rule(name).policy(RuleContext(max_t=16, seed=5))
    for k, trace in enumerate(finished):
        made = policy.on_report(str(k), trace.reports[0])
        assert f"(no prediction: {k} of 10 finished trials" in made.reason
        for report in trace.reports[1:]:
            policy.on_report(str(k), report)
        policy.on_complete(str(k), trace.reports[-1])
    decision = policy.on_report("last", last.reports[0])
    finals = [trace.reports[-1].get("val_accuracy") for trace in finished]
    expected = predictor(bounds=(0, 1), seed=5).fit([trace.reports for trace in finished], finals)
    assert decision.prediction == expected.predict(last.reports[:1])
    assert decision.reason.startswith("epoch 1: predicted final val_accuracy ")


def test_training_speed_is_no_predicted_metric(recorded):
    policy = make_rule("curve:tse").policy(RuleContext(max_t=16))
    policy.on_report("a", recorded[0].reports[0])
    decision = policy.on_report("b", recorded[1].reports[0])
    assert decision.reason.startswith("epoch 1: tse ")
    assert decision.prediction is None


@pytest.mark.parametrize("name", ["curve:best_seen", "curve:power_law", "curve:regression", "signature"])
@pytest.mark.parametrize(("metric", "mode"), [("val_accuracy", "max"), ("val_loss", "min")])
def test_the_predictor_has_the_metric_of_the_comparison(name, metric, mode):
    predictor = make_rule(name).policy(RuleContext(metric=metric, mode=mode, max_t=16)).predictor
    assert (predictor.metric, predictor.mode) == (metric, mode)
    assert getattr(predictor, "final_epoch", 16) == 16
    assert getattr(predictor, "bounds", None) in ((None,) if mode == "min" else (None, (0, 1)))
