"""What is measured of one network, and how what cannot be measured is said."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from neurocap_search.inspection import EpochMeasures, LayerStrength, measure_network
from neurocap_search.inspection.figures import draw_all
from neurocap_search.inspection.measures import MOST_VALUES
from neurocap_search.inspection.neuron_links import MOST_LINKS, NeuronLinks, neuron_links
from neurocap_search.inspection.remarks import remarks
from neurocap_search.inspection.same_curve import same_curve
from neurocap_search.network_science import Capacitance, LayeredCapacitance
from neurocap_search.prediction import Report


class Shuffled(nn.Module):
    """Mixes the channels between its layers."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(4, 4), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.last(self.first(x) @ torch.ones(4, 4))
        return out


def test_a_part_that_cannot_be_measured_is_left_out_with_its_reason() -> None:
    measured = measure_network(Shuffled(), torch.eye(4), torch.tensor([0, 1, 2, 0]))
    assert set(measured.missing) == {"degree", "neuron graph"}
    said = remarks([measured])
    assert any(line.startswith("Without degree: layer 'last': expected") for line in said)
    assert any("links into it cannot be told apart" in line for line in said)
    assert "signature.png" not in dict(draw_all("shuffled", [measured]))


def test_weights_that_are_not_finite_leave_reasons_and_no_figures() -> None:
    network = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 3))
    nn.init.constant_(network[0].weight, math.nan)
    measured = measure_network(network, torch.eye(4), torch.tensor([0, 1, 2, 0]))
    assert measured.whole is None
    assert {"beta_eff of the whole network", "node strength", "degree"} <= set(measured.missing)


def test_a_degenerate_beta_eff_is_a_reason_in_table_and_figure() -> None:
    none = Capacitance(math.nan, 0.0, 0.0, "all errors are zero")
    epochs = [EpochMeasures(0, {}, Capacitance(0.5, 1.0, 2.0, None)), EpochMeasures(1, {}, none)]
    assert remarks(epochs) == ["beta_eff of the head has no value at epoch 1: all errors are zero."]
    assert list(dict(draw_all("degenerate", epochs))) == ["capacitance.png"]


def test_many_strengths_keep_their_distribution() -> None:
    strengths = np.random.default_rng(0).normal(size=(50, 40, 40))
    layer = LayerStrength.of(strengths, fluctuation=1.0)
    assert len(layer.values) == MOST_VALUES
    assert (
        (layer.values[0], layer.values[-1])
        == (layer.minimum, layer.maximum)
        == (
            strengths.min(),
            strengths.max(),
        )
    )
    assert np.quantile(layer.values, 0.3) == pytest.approx(np.quantile(strengths, 0.3), abs=0.01)


def by_ends(links: NeuronLinks) -> dict[tuple[int, int], float]:
    return {
        (int(a), int(b)): w for a, b, w in zip(links.lower, links.upper, links.weights.tolist(), strict=True)
    }


def test_links_of_a_perceptron_are_its_weights_from_pixel_to_unit() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    links = neuron_links(network, torch.zeros(1, 1, 2, 2))
    assert links is not None
    assert links.groups == {"input": range(4), "1": range(4, 7), "3": range(7, 9)}
    found, weight = by_ends(links), network[3].weight
    assert len(found) == links.total == 4 * 3 + 3 * 2
    assert found[2, 5] == pytest.approx(network[1].weight[1, 2].item())
    assert found[6, 8] == pytest.approx(weight[1, 2].item())


def test_links_of_a_kernel_are_its_norm_with_the_sign_of_its_sum() -> None:
    conv = nn.Conv2d(4, 2, 2, groups=2, bias=False)
    links = neuron_links(conv, torch.zeros(1, 4, 3, 3))
    assert links is not None
    found = by_ends(links)
    assert set(found) == {(0, 4), (1, 4), (2, 5), (3, 5)}
    kernel = conv.weight[1, 0].detach()
    assert found[2, 5] == pytest.approx(math.copysign(kernel.norm().item(), kernel.sum().item()))


def test_links_of_a_sum_come_from_all_that_it_adds_up() -> None:
    class Residual(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b, self.c = nn.Linear(2, 2), nn.Linear(2, 2), nn.Linear(2, 1)

        def forward(self, x: Tensor) -> Tensor:
            x = self.a(x)
            out: Tensor = self.c(x + self.b(x))
            return out

    links = neuron_links(Residual(), torch.zeros(1, 2))
    assert links is not None
    assert {(a, b) for a, b in by_ends(links) if b == 6} == {(2, 6), (3, 6), (4, 6), (5, 6)}


def test_only_the_strongest_links_of_a_layer_are_kept_and_large_networks_have_none() -> None:
    wide = nn.Sequential(nn.Linear(90, 100, bias=False), nn.Linear(100, 90, bias=False))
    links = neuron_links(wide, torch.zeros(1, 90))
    assert links is not None
    assert (len(links.weights), links.total) == (MOST_LINKS, 18_000)
    kept = np.abs(links.weights[: MOST_LINKS // 2]).min()
    assert (wide[0].weight.abs() > kept).sum() < MOST_LINKS // 2
    assert neuron_links(nn.Linear(300, 200), torch.zeros(1, 300)) is None


def test_the_largest_difference_of_two_curves_is_named() -> None:
    recorded = [Report(1, {"a": 1.0, "b": math.nan}), Report(2, {"a": 0.5, "b": 1.0})]
    equal = [EpochMeasures(report.epoch, report.metrics) for report in recorded]
    assert same_curve(recorded, equal, ["a", "b"]).startswith("Same curve as recorded")
    other = [equal[0], EpochMeasures(2, {"a": 0.25, "b": math.nan})]
    assert same_curve(recorded, other, ["a", "b"]) == (
        "Not the curve that was recorded: a differs by up to 0.25 (epoch 2); b has a value in one of them "
        "only (epoch 2)."
    )
    assert "only 1 of 2 epochs came about" in same_curve(recorded, equal[:1], ["a"])


def test_remarks_name_a_few_of_many_layers() -> None:
    cancelled = {f"{name} -> z": "they cancel" for name in "abcdef"}
    whole = LayeredCapacitance(0.5, 1.0, 2.0, None, cancelled=cancelled)
    assert remarks([EpochMeasures(0, {}, whole=whole)]) == [
        "Vanishes in beta_eff of the whole network: a -> z, b -> z, c -> z, d -> z and 2 more; they cancel."
    ]
