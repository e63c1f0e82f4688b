"""Conformance suites for policies and schedulers of others, in the manner of ``optuna.testing``.

Subclass a suite in a test module, say how the object is made, and pytest runs its tests. This
package needs pytest, and imports Ray only where a scheduler's suite is asked for.
"""

from typing import TYPE_CHECKING, Any

import pytest

# Before these are imported, so that a failing property shows the values it compared.
pytest.register_assert_rewrite(
    *(
        f"neurocap_search.testing.policy_{part}"
        for part in ("case", "lives", "reports", "simulation", "states")
    )
)

from neurocap_search.testing.policies import PolicyConformance  # noqa: E402

if TYPE_CHECKING:
    from neurocap_search.testing.schedulers import SchedulerConformance

__all__ = ["PolicyConformance", "SchedulerConformance"]


def __getattr__(name: str) -> Any:
    if name == "SchedulerConformance":
        from neurocap_search.testing.schedulers import SchedulerConformance

        return SchedulerConformance
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
