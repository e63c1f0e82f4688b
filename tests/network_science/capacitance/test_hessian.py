"""The Hessian forms of beta_eff against the dense Hessian."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn
from torch.autograd.functional import hessian
from torch.func import functional_call
from torch.nn import functional

from neurocap_search.network_science.capacitance.hessian import hessian_capacitance, hessian_terms

LOSSES = {
    "cross_entropy": lambda a, y: functional.cross_entropy(a, y),
    "squared_error": lambda a, y: ((a - functional.one_hot(y, a.shape[1])) ** 2).sum(1).mean() / 2,
    "binary_cross_entropy": lambda a, y: (
        functional.binary_cross_entropy_with_logits(
            a, functional.one_hot(y, a.shape[1]).to(a), reduction="none"
        )
        .sum(1)
        .mean()
    ),
}


def drawn(sizes, activation=nn.Tanh, bias=True, seed=0):
    torch.manual_seed(seed)
    layers = [nn.Linear(n, m, bias=bias) for n, m in pairwise(sizes)]
    head = nn.Sequential(*[module for layer in layers for module in (layer, activation())][:-1]).double()
    return head, torch.randn(6, sizes[0]).double(), torch.arange(6) % sizes[-1]


def dense_hessian(network, inputs, targets, loss):
    """H over all weights, with the first row of each layer's block."""
    names = [name for name, p in network.named_parameters() if p.ndim > 1]
    weights = [network.get_parameter(name).detach() for name in names]
    bounds = np.cumsum([0, *(w.numel() for w in weights)])

    def mean_loss(flat):
        parts = flat.split([w.numel() for w in weights])
        values = {n: p.view_as(w) for n, p, w in zip(names, parts, weights, strict=True)}
        return LOSSES[loss](functional_call(network, values, (inputs,)), targets)

    return hessian(mean_loss, torch.cat([w.flatten() for w in weights])).numpy(), bounds


def sums(P):
    return (P @ P).sum(), P.sum()


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("sizes", [(3, 4, 3), (3, 4, 5, 3), (3, 5, 4, 4, 3), (2, 3, 4, 3, 4, 3)])
def test_both_extents_equal_the_dense_hessian(sizes, loss):
    head, x, y = drawn(sizes)
    H, bounds = dense_hessian(head, x, y, loss)
    blocks = np.zeros_like(H)
    for (start, middle), (_, end) in pairwise(pairwise(bounds)):
        blocks[start:middle, middle:end] = -H[start:middle, middle:end]
    for extent, P in (("full", -H), ("blocks", blocks)):
        result = hessian_capacitance(head, x, y, extent=extent, loss=loss)
        n, d = sums(P)
        noise = 1e-12 * np.abs(P).sum()
        assert result.numerator == pytest.approx(n, rel=1e-9, abs=noise)
        assert result.denominator == pytest.approx(d, rel=1e-9, abs=noise)
        if result.reason is None:
            assert result.value == pytest.approx(n / d, rel=1e-9)


def test_the_output_layer_of_softmax_has_no_curvature_in_the_direction_of_ones():
    """The loss does not change when all logits shift: H 1 = 0 (K7c), so three layers have no numerator."""
    head, x, y = drawn((3, 4, 5, 3))
    H, bounds = dense_hessian(head, x, y, "cross_entropy")
    assert np.abs(H[:, bounds[-2] :].sum(1)).max() < 1e-12
    result = hessian_capacitance(head, x, y)
    assert math.isnan(result.value)
    assert abs(result.numerator) < 1e-12
    assert "numerator" in result.reason
    assert hessian_capacitance(head, x, y, loss="squared_error").reason is None
    four, x, y = drawn((3, 4, 5, 4, 3))
    assert hessian_capacitance(four, x, y).reason is None


def test_convolutions_count_by_their_kernels():
    torch.manual_seed(0)
    layers = [nn.Conv2d(1, 2, 3), nn.Tanh(), nn.Conv2d(2, 2, 2), nn.Tanh(), nn.Flatten(), nn.Linear(2, 3)]
    network, x, y = (
        nn.Sequential(*layers).double(),
        torch.randn(4, 1, 4, 4).double(),
        torch.tensor([0, 1, 2, 0]),
    )
    H, _ = dense_hessian(network, x, y, "squared_error")
    n, d = sums(-H)
    result = hessian_capacitance(network, x, y, extent="full", loss="squared_error")
    assert result.value == pytest.approx(n / d, rel=1e-9)


def test_the_network_is_left_as_it_was_and_terms_are_float64():
    head, x, y = drawn((3, 4, 5, 4, 3))
    head = head.float().train()
    terms = hessian_terms(head, x.float(), y, extent="blocks", loss="cross_entropy")
    assert {t.dtype for t in terms.plain} == {torch.float64}
    assert head.training
    assert all(p.grad is None and p.requires_grad for p in head.parameters())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"extent": "half"}, "extent: expected blocks or full, received 'half'"),
        (
            {"loss": "elementwise_softmax"},
            "elementwise_softmax is the gradient of no loss; use cross_entropy",
        ),
    ],
)
def test_unknown_options_are_named(options, message):
    head, x, y = drawn((3, 4, 5, 4, 3))
    with pytest.raises(ValueError, match=message):
        hessian_capacitance(head, x, y, **options)


def test_too_shallow_and_broken_networks_are_named():
    head, x, y = drawn((3, 3))
    with pytest.raises(ValueError, match="expected two or more weight layers, received 1"):
        hessian_capacitance(head, x, y)
    head, x, y = drawn((3, 4, 5, 4, 3))
    with pytest.raises(ValueError, match="inputs: expected finite values, received 1"):
        hessian_capacitance(head, x.where(x < x.max(), torch.nan), y)
    head[2].weight.data[0, 0] = torch.inf
    with pytest.raises(ValueError, match="layer 2: expected finite values, received 1"):
        hessian_capacitance(head, x, y)


def test_inference_mode_small_labels_and_attention_are_no_obstacle():
    head, x, y = drawn((3, 4, 5, 4, 3))
    expected = hessian_capacitance(head, x, y)
    with torch.inference_mode():
        assert hessian_capacitance(head, x.clone(), y.to(torch.int32)) == expected
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True, dropout=0.0)

    class Pooled(nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder, self.head = layer, nn.Linear(4, 3)

        def forward(self, x):
            return self.head(self.encoder(x).mean(1))

    result = hessian_capacitance(Pooled(), torch.randn(2, 3, 4), torch.tensor([0, 1]), extent="full")
    assert math.isfinite(result.numerator)
