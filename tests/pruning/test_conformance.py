"""All our policies pass the suite we offer to others."""

import numpy as np

from neurocap_search.prediction import CapacitanceRidge, Report
from neurocap_search.pruning import (
    FullTrainingPolicy,
    GuardedPolicy,
    HyperbandPolicy,
    IEpochPolicy,
    LearnedHalvingPolicy,
    MedianPolicy,
    PromotionHalvingPolicy,
    SizeClassPolicy,
    SuccessiveHalvingPolicy,
)
from neurocap_search.testing import PolicyConformance

BASE = {"metric": "value", "max_t": 9}
HALVING = BASE | {"reduction_factor": 3}


class Ours(PolicyConformance):
    def make(self, mode):
        raise NotImplementedError

    def make_policy(self):
        return self.make("max")

    def make_min_policy(self):
        return self.make("min")


class Predicting(Ours):
    """Some trials have a prediction and some have none, so that both ways to compare are met."""

    def report(self, epoch, value):
        beta = {"beta_eff": 1 / epoch} if not abs(value) > 0.6 else {}
        return Report(epoch, {"value": value} | beta)


def ridge(mode):
    return CapacitanceRidge(metric="value", mode=mode)


class TestFullTraining(Ours):
    def make(self, mode):
        return FullTrainingPolicy(max_t=9)


class TestSuccessiveHalving(Ours):
    def make(self, mode):
        return SuccessiveHalvingPolicy(**HALVING, mode=mode)


class TestSuccessiveHalvingWithPredictor(Predicting):
    def make(self, mode):
        return SuccessiveHalvingPolicy(**BASE, mode=mode, reduction_factor=2, predictor=ridge(mode))


class TestSuccessiveHalvingWithBrackets(Ours):
    def make(self, mode):
        return SuccessiveHalvingPolicy(**HALVING, mode=mode, brackets=3, rng=np.random.default_rng(1))


class TestPromotionHalving(Ours):
    def make(self, mode):
        return PromotionHalvingPolicy(**HALVING, mode=mode)


class TestPromotionHalvingWithPredictor(Predicting):
    def make(self, mode):
        return PromotionHalvingPolicy(
            **BASE, mode=mode, reduction_factor=1.5, grace_period=2, predictor=ridge(mode)
        )


class TestPromotionHalvingWithFewPlaces(Ours):
    def make(self, mode):
        return PromotionHalvingPolicy(**BASE, mode=mode, reduction_factor=2, max_paused=3)


class TestPromotionHalvingWithoutPlaces(Ours):
    def make(self, mode):
        return PromotionHalvingPolicy(**BASE, mode=mode, reduction_factor=2, max_paused=0)


class TestMedian(Ours):
    def make(self, mode):
        return MedianPolicy(**BASE, mode=mode, grace_period=2)


class TestIEpoch(Ours):
    def make(self, mode):
        return IEpochPolicy(**BASE, mode=mode, epochs=2, keep=3)


class TestHyperband(Ours):
    def make(self, mode):
        return HyperbandPolicy(**HALVING, mode=mode)


class TestHyperbandOfPromotions(Predicting):
    def make(self, mode):
        return HyperbandPolicy(
            **BASE, mode=mode, reduction_factor=2, type="promotion", predictor=ridge(mode), max_paused=4
        )


class TestGuardedHalving(Ours):
    def make(self, mode):
        inner = SuccessiveHalvingPolicy(**HALVING, mode=mode)
        return GuardedPolicy(inner, metric="value", mode=mode, patience=2, protect_best=2)


class TestGuardedPromotion(Ours):
    def make(self, mode):
        inner = PromotionHalvingPolicy(**HALVING, mode=mode)
        return GuardedPolicy(inner, metric="value", mode=mode, patience=1, protect_best=2)


class TestGuardedIEpoch(Ours):
    def make(self, mode):
        inner = IEpochPolicy(**BASE, mode=mode, epochs=2, keep=1)
        return GuardedPolicy(inner, metric="value", mode=mode, patience=1, protect_best=2)


class Sized(Ours):
    def report(self, epoch, value):
        size = {"parameters": 4.0 ** (1 + int(abs(value) * 10) % 3)} if 0.2 < abs(value) < 9 else {}
        return Report(epoch, {"value": value} | size)


class TestSizeClassesOfHalving(Sized):
    def make(self, mode):
        return SizeClassPolicy(lambda _: SuccessiveHalvingPolicy(**HALVING, mode=mode))


class TestSizeClassesOfPromotions(Sized):
    def make(self, mode):
        return SizeClassPolicy(
            lambda _: GuardedPolicy(
                PromotionHalvingPolicy(**HALVING, mode=mode), metric="value", mode=mode, protect_best=1
            )
        )


class TestLearnedHalving(Ours):
    def make(self, mode):
        return LearnedHalvingPolicy(**BASE, mode=mode, reduction_factor=1.5)


class TestLearnedHalvingWithAudit(Ours):
    def make(self, mode):
        return LearnedHalvingPolicy(**BASE, mode=mode, reduction_factor=1.6, audit=0.4)


class TestLearnedPromotion(Ours):
    def make(self, mode):
        return LearnedHalvingPolicy(**BASE, mode=mode, type="promotion", reduction_factor=1.5)


class TestLearnedPromotionWithFewPlaces(Ours):
    def make(self, mode):
        return LearnedHalvingPolicy(
            **BASE, mode=mode, type="promotion", reduction_factor=2, audit=0.2, max_paused=3
        )
