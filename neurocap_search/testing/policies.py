"""A conformance suite for pruning policies, yours or ours."""

from neurocap_search.testing.policy_lives import LifeProperties
from neurocap_search.testing.policy_reports import ReportProperties
from neurocap_search.testing.policy_states import StateProperties


class PolicyConformance(ReportProperties, StateProperties, LifeProperties):
    """Properties every pruning policy should have, each a test, without any framework.

    Subclass it in a test file under a name that begins with ``Test`` and implement ``make_policy``:
    a fresh policy with metric ``"value"``, where larger is better, that trains 9 epochs. Optional:
    ``make_min_policy`` (the same where smaller is better), ``report`` (what else a report holds; by
    default a number for each signal), ``metric`` and ``max_t``.

    When not to use it: it says nothing of how well a policy chooses, only that it answers, explains,
    survives, remembers and comes to an end.

    Example:
        >>> from neurocap_search.pruning import MedianPolicy
        >>> class TestMedian(PolicyConformance):
        ...     def make_policy(self):
        ...         return MedianPolicy(metric="value", max_t=9)
        >>> TestMedian().test_asking_changes_nothing()
    """
