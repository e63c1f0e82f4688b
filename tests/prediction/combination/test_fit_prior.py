"""The fit of the prior against scikit-learn, and what it is for: to keep the top."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from neurocap_search.errors import UserError
from neurocap_search.prediction.combination.prior import PLAIN
from neurocap_search.traces.schema import TaskTraces
from tests.conftest import ROOT
from tests.traces.conftest import made_up


@pytest.fixture(autouse=True)
def _scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "scripts")


def some(trainings: int = 40, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(trainings, len(PLAIN)))
    return scores, scores @ np.arange(len(PLAIN)) / 20 + rng.normal(size=trainings)


def test_it_is_logistic_regression_on_the_pairs_with_one_in_the_better_half() -> None:
    from fit_prior import fit_order

    scores, finals = some()
    half = np.median(finals)
    pairs = [(i, j) for i in range(40) for j in range(40) if finals[i] > finals[j] and finals[i] >= half]
    ahead = np.array([scores[i] - scores[j] for i, j in pairs])
    # Each pair in both directions, with half the weight: one direction alone is no question of two classes.
    strength = len(scores) / len(pairs) / 2
    model = LogisticRegression(C=strength, fit_intercept=False, tol=1e-10, max_iter=10_000)
    model.fit(np.vstack([ahead, -ahead]), [1] * len(pairs) + [0] * len(pairs))
    plain, departure = fit_order(scores, finals, plain=np.zeros(len(PLAIN)))
    assert plain == 0
    np.testing.assert_allclose(departure, model.coef_[0], atol=2e-4)


def test_the_order_of_the_worse_half_does_not_matter() -> None:
    from fit_prior import fit_order

    scores, finals = some()
    worse = np.flatnonzero(finals < np.median(finals))
    shuffled = finals.copy()
    shuffled[worse] = finals[np.random.default_rng(1).permutation(worse)]
    (plain, departure), (again, same) = (fit_order(scores, y) for y in (finals, shuffled))
    np.testing.assert_allclose([again, *same], [plain, *departure], atol=1e-4)


def test_where_the_plain_order_is_the_final_order_nothing_departs_from_it() -> None:
    from fit_prior import fit_order

    scores, _ = some(200)
    plain, departure = fit_order(scores, scores @ PLAIN)
    assert plain > 1
    assert np.abs(departure).max() < 0.05 * plain


def test_a_task_whose_trainings_all_end_alike_is_named() -> None:
    from fit_prior import fit

    task = TaskTraces("flat", 2, tuple(made_up(k, 0.1 * k, 0.5) for k in range(5)))
    with pytest.raises(UserError, match=r"^The 5 usable trainings of task 'flat' do not differ .* --tasks"):
        fit([task, task])


def test_what_tasks_disagree_about_is_shrunk_away() -> None:
    from fit_prior import agreed

    departures = np.array([[0.3, 0.3, 0.0], [0.3, -0.3, 0.0], [0.3, 0.1, 0.0]])
    kept = agreed(departures)
    assert kept[0] == pytest.approx(0.3)
    assert 0 < kept[1] < departures.mean(axis=0)[1] / 5
    assert kept[2] == 0
