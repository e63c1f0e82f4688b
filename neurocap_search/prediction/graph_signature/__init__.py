"""From the graph of a network in its first epochs to its final accuracy (arXiv 2111.05410, 2209.05488)."""

from neurocap_search.prediction.graph_signature.accuracy_classes import accuracy_classes
from neurocap_search.prediction.graph_signature.classifier import SignatureClassifier
from neurocap_search.prediction.graph_signature.features import (
    EIGENVECTOR_CENTRALITY,
    STRENGTH_AND_FLUCTUATION,
    WEIGHTED_DEGREE,
    SignatureFeatures,
)
from neurocap_search.prediction.graph_signature.models import ModelKind, make_classifier, make_regressor
from neurocap_search.prediction.graph_signature.regressor import SignatureRegressor
from neurocap_search.prediction.graph_signature.repeated_splits import MeanScore, RepeatedSplits

__all__ = [
    "EIGENVECTOR_CENTRALITY",
    "STRENGTH_AND_FLUCTUATION",
    "WEIGHTED_DEGREE",
    "MeanScore",
    "ModelKind",
    "RepeatedSplits",
    "SignatureClassifier",
    "SignatureFeatures",
    "SignatureRegressor",
    "accuracy_classes",
    "make_classifier",
    "make_regressor",
]
