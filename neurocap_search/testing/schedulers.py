"""A conformance suite for Ray Tune schedulers, yours or ours."""

import warnings

from neurocap_search.testing.scheduler_experiments import ExperimentProperties
from neurocap_search.testing.scheduler_reports import ReportProperties
from neurocap_search.testing.scheduler_trials import TrialProperties


class SchedulerConformance(ReportProperties, TrialProperties, ExperimentProperties):
    """Properties every scheduler should have, each a test, on Ray's contract without a running Ray.

    Subclass it in a test file under a name that begins with ``Test`` and implement ``make_scheduler``;
    pytest runs the rest in about a second. Schedulers are made with time attribute ``"epoch"``, metric
    ``"value"``, ``max_t`` 9, grace period 1 and reduction factor 3; one that lacks a setting ignores it.

    A property that a scheduler lacks by design is switched off by a line ``test_… = None`` in the subclass.

    When not to use it: it says nothing of how well a scheduler chooses, only that it answers, survives,
    remembers and comes to an end.

    Example:
        >>> from ray.tune.schedulers import ASHAScheduler
        >>> class TestASHA(SchedulerConformance):
        ...     def make_scheduler(self, *, metric="value", mode="max", grace_period=1):
        ...         return ASHAScheduler("epoch", metric, mode, 9, grace_period, 3)
        >>> TestASHA().test_a_diverged_trial_is_stopped()  # doctest: +IGNORE_EXCEPTION_DETAIL
        Traceback (most recent call last):
        AssertionError: value nan at epoch 1 was answered CONTINUE
    """


def property_names() -> list[str]:
    """Return the names of the suite's tests, sorted."""
    return sorted(name for name in dir(SchedulerConformance) if name.startswith("test_"))


def failing_properties(suite: SchedulerConformance) -> dict[str, str]:
    """Run the suite without pytest and return what fails, with the reason.

    When not to use it: in a test of your own scheduler; there pytest should run the subclass and show more.

    Args:
        suite: An instance of a subclass.

    Returns:
        The first line of the error by name of the test; empty if all hold.
    """
    failed = {}
    for name in property_names():
        check = getattr(suite, name)
        if check is None:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                check()
            except Exception as error:
                failed[name] = f"{type(error).__name__}: {error}".partition("\n")[0]
    return failed
