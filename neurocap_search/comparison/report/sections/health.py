"""Whether the rest of the page can be believed."""

from neurocap_search.comparison.report.page import Section
from neurocap_search.comparison.report.scene import Scene
from neurocap_search.comparison.statistics.health import health_card


def health_section(scene: Scene) -> Section:
    """Return the health card, what is worst first."""
    order = ["FAIL", "WARNING", "PASS"]
    checks = sorted(health_card(scene.results, scene.tasks), key=lambda check: order.index(check.state))
    return Section("Can this be believed?", checks=checks)
