"""The rules that are compared, by name: the project's policies, Ray's and Optuna's own, baselines.

A :class:`Rule` makes a fresh policy for each stream of trials. Neither Ray, Optuna nor a third party's module
is imported before a rule of theirs is asked for by name.
"""

from neurocap_search.rules.by_name import known_rules, make_rule
from neurocap_search.rules.context import RuleContext
from neurocap_search.rules.front import i_epoch_front
from neurocap_search.rules.rule import Rule

__all__ = ["Rule", "RuleContext", "i_epoch_front", "known_rules", "make_rule"]
