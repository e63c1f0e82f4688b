"""What proxies leave alone, what they say of networks that do not allow them, and what they refuse."""

import copy
import json
import math
import pickle
import random
import re

import numpy as np
import pytest
import torch
from torch import nn

from neurocap_search.zero_cost import ZERO_COST_PROXIES, Score, grad_norm, nwot, zero_cost_scores, zico
from tests.zero_cost.zero_cost_references import batch, small_convolutional


def lived_in():
    """A network with gradients, statistics, mixed modes, a frozen weight, dropout and a hook."""
    network = nn.Sequential(small_convolutional(), nn.Dropout(0.5), nn.Linear(3, 3, bias=False).double())
    inputs, labels = batch(1)
    nn.functional.cross_entropy(network(inputs), labels).backward()
    network[0][3].weight.requires_grad_(False)
    network[0][1].eval()
    network[0][2].eval()
    return network


def state(network):
    """All that a proxy must leave alone."""
    tensors = {**dict(network.named_parameters()), **dict(network.named_buffers())}
    return {
        "identities": {name: (id(tensor), tensor._version) for name, tensor in tensors.items()},
        "values": {name: tensor.detach().clone() for name, tensor in tensors.items()},
        "gradients": {
            name: (id(p.grad), p.grad.clone()) for name, p in network.named_parameters() if p.grad is not None
        },
        "trainable": [parameter.requires_grad for parameter in network.parameters()],
        "modes": [module.training for module in network.modules()],
        "hooks": [(len(m._forward_hooks), len(m._forward_pre_hooks)) for m in network.modules()],
        "random": (torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()),  # noqa: NPY002
    }


def assert_same(left, right):
    if isinstance(left, torch.Tensor):
        assert torch.equal(left, right)
    elif isinstance(left, dict):
        assert left.keys() == right.keys()
        for key in left:
            assert_same(left[key], right[key])
    elif isinstance(left, (list, tuple)):
        for one, other in zip(left, right, strict=True):
            assert_same(one, other)
    else:
        assert left == right


@pytest.mark.parametrize("name", ZERO_COST_PROXIES)
def test_a_proxy_leaves_the_network_as_it_was_and_repeats_itself(name):
    network, (inputs, labels) = lived_in(), batch()
    before, x = state(network), inputs.clone()
    first = ZERO_COST_PROXIES[name](network, inputs, labels)
    assert_same(state(network), before)
    assert torch.equal(x, inputs)
    assert inputs.grad is None
    assert not inputs.requires_grad
    assert math.isfinite(first)
    assert ZERO_COST_PROXIES[name](network.train(), inputs, labels) == first
    assert ZERO_COST_PROXIES[name](network.eval(), inputs, labels) == first
    with torch.no_grad():
        assert ZERO_COST_PROXIES[name](network, inputs, labels) == first


def test_a_network_that_fails_halfway_is_left_as_it_was_too():
    class Failing(nn.Module):
        def forward(self, x):
            torch.rand(1)
            raise RuntimeError("no such path\nsecond line")

    network = nn.Sequential(lived_in(), Failing())
    before = state(network)
    scores = zero_cost_scores(network, *batch())
    assert_same(state(network), before)
    assert scores["parameters"] > 0
    assert math.isnan(scores["grad_norm"])
    assert scores["grad_norm"].reason == "RuntimeError: no such path"


def test_all_proxies_are_computed_or_those_asked_for_in_order():
    network, (inputs, labels) = small_convolutional(), batch()
    scores = zero_cost_scores(network, inputs, labels)
    assert list(scores) == list(ZERO_COST_PROXIES)
    assert all(math.isfinite(score) and score.reason is None for score in scores.values())
    some = zero_cost_scores(network, inputs, labels, names=["zico", "parameters"])
    assert some == {"zico": scores["zico"], "parameters": scores["parameters"]}
    assert list(some) == ["zico", "parameters"]


def smooth():
    return nn.Sequential(nn.Flatten(), nn.Linear(72, 4), nn.Tanh(), nn.Linear(4, 3))


class Cut(nn.Module):
    def forward(self, x):
        return torch.zeros_like(x)


class Pair(nn.Module):
    def forward(self, x):
        return x, x


CANNOT = [
    ("nwot", smooth, "the network has no ReLU"),
    (
        "grad_norm",
        lambda: smooth().requires_grad_(False),
        "the network has no trainable weight of two or more",
    ),
    ("zico", lambda: nn.Sequential(nn.Flatten(), nn.BatchNorm1d(72)), "the network has no trainable weight"),
    ("snip", lambda: nn.Sequential(smooth(), Cut()), "the network's output does not depend on its trainable"),
    (
        "synflow",
        lambda: nn.Sequential(smooth(), Cut(), nn.Linear(3, 3, False)),
        "nothing flows .* every path is cut",
    ),
    ("jacob_cov", lambda: nn.Sequential(smooth(), Cut()), "the outputs do not depend on the inputs"),
    (
        "jacob_cov",
        lambda: nn.Sequential(smooth(), Cut(), nn.Linear(3, 3)),
        "the gradient is the same for every input value of 8 samples",
    ),
    (
        "nwot",
        lambda: nn.Sequential(nn.Flatten(), Cut(), nn.ReLU()),
        "the ReLUs do not tell all samples apart",
    ),
    ("zico", lambda: nn.Sequential(smooth(), Cut(), nn.Linear(3, 3)), "no weight has a gradient that varies"),
    (
        "grad_norm",
        lambda: nn.Sequential(smooth(), Pair()),
        "the network's output is tuple, not one row of logits",
    ),
    (
        "grad_norm",
        lambda: nn.Conv2d(2, 3, 3),
        r"the network's output is \(8, 3, 4, 4\), not one row of logits",
    ),
    (
        "grad_norm",
        lambda: nn.Sequential(nn.Flatten(), nn.Linear(72, 2)),
        "ValueError: labels: expected classes from 0 to 1, received 0 to 2; give the network an output",
    ),
    ("multiply_adds", lambda: nn.Linear(5, 3), "RuntimeError: "),
]


@pytest.mark.parametrize(("name", "build", "reason"), CANNOT)
def test_what_a_network_does_not_allow_is_nan_with_the_reason(name, build, reason):
    inputs, _ = batch(dtype=torch.float32)
    score = zero_cost_scores(build(), inputs, torch.arange(8) % 3, names=[name])[name]
    assert math.isnan(score)
    assert re.match(reason, score.reason), score.reason


def test_infinite_weights_are_nan_with_the_reason():
    network = smooth()
    nn.init.constant_(network[1].weight, math.inf)
    inputs, labels = batch(dtype=torch.float32)
    score = grad_norm(network, inputs, labels)
    assert score.reason == "the value is nan: weights, inputs or outputs overflow or are NaN"


def test_words_have_no_flow_and_no_jacobian_but_the_rest():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Embedding(9, 4), nn.Flatten(), nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 2))
    words, labels = torch.randint(9, (6, 3)), torch.arange(6) % 2
    scores = zero_cost_scores(network, words, labels)
    undefined = {name: score.reason for name, score in scores.items() if math.isnan(score)}
    assert undefined == dict.fromkeys(
        ["synflow", "jacob_cov"], "the inputs are torch.int64, not real numbers"
    )


def test_one_sample_and_batch_normalisation_end_no_trial():
    network = nn.Sequential(nn.Flatten(), nn.Linear(72, 4), nn.BatchNorm1d(4), nn.ReLU())
    inputs, labels = batch(size=1, dtype=torch.float32)
    scores = zero_cost_scores(network, inputs, labels)
    assert scores["grad_norm"].reason.startswith("ValueError: Expected more than 1 value per channel")
    assert scores["zico"].reason.startswith(
        "ValueError: batches: expected 2 to 1, the number of samples, received 2"
    )
    assert math.isfinite(scores["synflow"])


@pytest.mark.parametrize(
    ("inputs", "labels", "names", "message"),
    [
        (
            torch.zeros(2, 3),
            torch.zeros(2).long(),
            ["fisher"],
            r"names: received \['fisher'\]; choose from parameters, mult",
        ),
        (
            torch.zeros(2, 3),
            torch.zeros(3).long(),
            None,
            r"labels: expected 2 integers, one a sample, .* shape \(3,\)",
        ),
        (torch.zeros(2, 3), torch.zeros(2), None, "labels: expected 2 integers, .* received torch.float32"),
        (
            torch.zeros(0, 3),
            torch.zeros(0).long(),
            None,
            r"inputs: expected shape \(B, ...\) .* received \(0, 3\)",
        ),
    ],
)
def test_wrong_arguments_are_refused(inputs, labels, names, message):
    with pytest.raises(ValueError, match=message):
        zero_cost_scores(nn.Linear(3, 2), inputs, labels, names)


def test_single_proxies_refuse_wrong_arguments():
    inputs, labels = batch()
    with pytest.raises(
        ValueError, match="batches: expected 2 to 8, the number of samples, received 9; pass more"
    ):
        zico(small_convolutional(), inputs, labels, batches=9)
    with pytest.raises(ValueError, match="inputs: expected shape"):
        nwot(small_convolutional(), inputs[:0])
    with pytest.raises(ValueError, match="labels: expected classes from 0 to 2, received 0 to 3"):
        grad_norm(
            small_convolutional(),
            inputs,
            labels.index_fill(0, torch.tensor([0, 1]), 3).index_fill(0, torch.tensor([2]), 0),
        )


def test_a_score_is_a_float_that_keeps_its_reason():
    score = Score(math.nan, "why")
    for again in (pickle.loads(pickle.dumps(score)), copy.deepcopy(score)):
        assert math.isnan(again)
        assert again.reason == "why"
    assert json.dumps({"a": Score(1.5)}) == '{"a": 1.5}'
    assert Score(1.5) == 1.5


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_scores_on_an_accelerator_are_those_of_the_cpu():
    network, (inputs, labels) = small_convolutional(), batch()
    expected = zero_cost_scores(network, inputs, labels)
    state_before = torch.cuda.get_rng_state()
    found = zero_cost_scores(network.cuda(), inputs.cuda(), labels.cuda())
    assert found == pytest.approx(expected, rel=1e-6)
    assert torch.equal(torch.cuda.get_rng_state(), state_before)
