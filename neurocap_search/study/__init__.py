"""Pruning in a plain Optuna study, without Ray, by the policies that also decide under Ray Tune.

:class:`NeuralCapacitancePruner` takes the place of ``optuna.pruners.HyperbandPruner``; :class:`PolicyPruner`
runs any policy that does not pause; :func:`report` reports several numbers at once; :func:`decisions` reads
back why a trial went on or was pruned. All state lives in the study's own storage.
"""

from neurocap_search.study.capacitance_pruner import NeuralCapacitancePruner
from neurocap_search.study.decision_log import decisions
from neurocap_search.study.policy_pruner import PolicyMaker, PolicyPruner, StudyPruner
from neurocap_search.study.reports import report

__all__ = ["NeuralCapacitancePruner", "PolicyMaker", "PolicyPruner", "StudyPruner", "decisions", "report"]
