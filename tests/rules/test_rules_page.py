"""docs/rules.md names what there is, and its rule runs."""

import re
from importlib.metadata import EntryPoint

from neurocap_search.comparison.config import DEFAULT_RULES
from neurocap_search.rules import known_rules, make_rule
from neurocap_search.rules.third_party import GROUP, plugins
from neurocap_search.testing import PolicyConformance
from tests.conftest import ROOT
from tests.test_readme import run

PAGE = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
RULE, PROGRAM = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
(SAID,) = re.findall(r"```\n(full: .*?)```", PAGE, re.DOTALL)
(ENTRY_POINTS,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)


def test_the_table_names_exactly_the_known_rules():
    table = re.findall(r"^\| `([^`]+)` \|", PAGE, re.MULTILINE)
    assert [name.replace(r"\|", "|") for name in table] == [
        name for name in known_rules() if name not in plugins()
    ]


def test_every_name_in_the_text_is_a_rule():
    names = re.findall(r"`((?:halving|optuna|curve):\w+(?::\w+)?)`", PAGE)
    assert len(names) > 8
    for name in names:
        make_rule(name)


def test_the_defaults_of_a_comparison_are_rules():
    for name in DEFAULT_RULES:
        make_rule(name)


def test_the_rule_of_ones_own_runs_and_says_what_is_shown(tmp_path):
    (tmp_path / "my_rules.py").write_text(RULE, encoding="utf-8")
    assert run(PROGRAM, tmp_path) == SAID


def test_the_entry_point_is_of_the_group_that_is_looked_for():
    assert f'[project.entry-points."{GROUP}"]' in ENTRY_POINTS
    (name, value) = re.findall(r'^(\w+) = "(.*)"$', ENTRY_POINTS, re.MULTILINE)[0]
    assert EntryPoint(name, value, GROUP).module == "my_rules"
    assert f"def {EntryPoint(name, value, GROUP).attr}(" in RULE


class TestTheRuleOfOnesOwn(PolicyConformance):
    """The page's rule keeps the contract that the page names."""

    def make_policy(self):
        names = {}
        exec(RULE, names)
        return names["Bound"]("value", self.max_t, epoch=2, bound=0.5)
