"""Values already seen as predictions, against NumPy, and the spread they learn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurocap_search.prediction import Report
from neurocap_search.prediction.learning_curve import BestSeen, LastSeen, RunningMean

shares = st.lists(st.floats(0, 1), min_size=1, max_size=9)


def trial(values, epochs=None):
    epochs = range(1, len(values) + 1) if epochs is None else epochs
    return [Report(t, {"val_accuracy": y}) for t, y in zip(epochs, values, strict=True)]


@given(shares)
def test_last_best_and_mean_are_numpys(values):
    assert LastSeen().predict(trial(values)).mean == values[-1]
    assert BestSeen().predict(trial(values)).mean == np.max(values)
    assert BestSeen(mode="min").predict(trial(values)).mean == np.min(values)
    assert RunningMean(window=3).predict(trial(values)).mean == pytest.approx(np.mean(values[-3:]))


@given(shares)
def test_a_window_of_one_epoch_is_the_last_value(values):
    assert RunningMean(window=1).predict(trial(values)).mean == LastSeen().predict(trial(values)).mean


def test_each_names_the_epochs_it_rests_on():
    history = trial([0.1, 0.5, 0.4, 0.3], epochs=[1, 2, 5, 6])
    assert LastSeen().predict(history).epochs == (6,)
    assert BestSeen().predict(history).epochs == (1, 2, 5, 6)
    assert RunningMean(window=3).predict(history).epochs == (5, 6)


def test_the_window_counts_epochs_not_reports():
    history = trial([0.1, 0.2, 0.6], epochs=[1, 8, 10])
    assert RunningMean(window=2).predict(history).mean == 0.6
    assert RunningMean(window=3).predict(history).mean == pytest.approx(0.4)


FINISHED = [trial([0.2, 0.5, 0.6, 0.9]), trial([0.3, 0.6, 0.5, 0.7]), trial([0.1, 0.4, 0.6, 0.8])]
FINALS = [0.9, 0.7, 0.8]


@pytest.mark.parametrize(
    ("predictor", "answers"),
    [
        (LastSeen(), [0.6, 0.5, 0.6]),
        (BestSeen(), [0.6, 0.6, 0.6]),
        (RunningMean(window=2), [0.55, 0.55, 0.5]),
    ],
    ids=["last", "best", "mean"],
)
def test_the_spread_is_the_error_of_the_same_answer_at_the_same_epoch(predictor, answers):
    prediction = predictor.fit(FINISHED, FINALS).predict(trial([0.1, 0.2, 0.3]))
    assert prediction.std == pytest.approx(np.sqrt(np.mean((np.array(answers) - FINALS) ** 2)))


def test_the_spread_vanishes_with_the_last_epoch():
    predictor = LastSeen().fit(FINISHED, FINALS)
    stds = [predictor.predict(trial([0.1, 0.2, 0.3, 0.4][:epoch])).std for epoch in (1, 2, 3, 4)]
    assert stds == sorted(stds, reverse=True)
    assert stds[0] > stds[2] > stds[3] == 0


def test_without_three_errors_there_is_no_spread():
    assert LastSeen().fit(FINISHED[:2], FINALS[:2]).predict(trial([0.1])).std is None
    late = [trial([0.5], epochs=[4])]  # says nothing of epoch 1
    assert LastSeen().fit(FINISHED[:2] + late, FINALS).predict(trial([0.1])).std is None


def test_a_finished_trial_that_skipped_the_epoch_counts_by_its_last_value_before():
    sparse = [trial([0.5, 0.9], epochs=[2, 9]), *FINISHED[1:]]
    errors = np.array([0.5, 0.5, 0.6]) - FINALS
    prediction = LastSeen().fit(sparse, FINALS).predict(trial([0.1, 0.2, 0.3]))
    assert prediction.std == pytest.approx(np.sqrt(np.mean(errors**2)))


def test_a_window_without_an_epoch_is_refused():
    with pytest.raises(ValueError, match=r"^window must be at least 1, received 0\.$"):
        RunningMean(window=0)
