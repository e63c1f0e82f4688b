import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from neurocap_search.network_science import HeadFactors, head_factors, line_graph

ACTIVATIONS = [torch.relu, torch.tanh, functional.gelu, nn.ReLU(inplace=True)]
SIZES = (3, 5, 4, 6, 4)


def mean_loss(weights, activation, features, labels, pre_activations=None):
    z = features
    for weight in weights[:-1]:
        a = z @ weight.T
        if pre_activations is not None:
            pre_activations.append(a)
        z = activation(a.clone())
    logits = z @ weights[-1].T
    if pre_activations is not None:
        pre_activations.append(logits)
    return functional.cross_entropy(logits, labels)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_errors_are_the_gradients_at_the_pre_activations(random_head, activation):
    weights, features, labels = random_head(SIZES, batch=7)
    nodes = []
    loss = mean_loss([w.requires_grad_() for w in weights], activation, features, labels, nodes)
    expected = torch.autograd.grad(7 * loss, nodes)  # the sum over the samples
    actual = head_factors(weights, activation, features, labels).errors
    for e, reference in zip(actual, expected, strict=True):
        torch.testing.assert_close(e, reference, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_outputs_and_gains_are_the_activation_and_its_slope(random_head, activation):
    weights, features, labels = random_head(SIZES, batch=7)
    factors = head_factors(weights, activation, features, labels)
    assert torch.equal(factors.outputs[0], features)
    for layer, weight in enumerate(weights[:-1]):
        a = factors.outputs[layer] @ weight.T
        torch.testing.assert_close(factors.outputs[layer + 1], activation(a.clone()))
        slope = (activation(a + 1e-6) - activation(a - 1e-6)) / 2e-6
        torch.testing.assert_close(factors.gains[layer], slope, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_line_graph_times_weights_is_the_descent_direction(random_head, activation):
    weights, features, labels = random_head(SIZES, batch=7)
    mean_loss([w.requires_grad_() for w in weights], activation, features, labels).backward()
    P = line_graph(head_factors(weights, activation, features, labels))
    w = np.concatenate([weight.detach().numpy().ravel() for weight in weights])
    descent = -np.concatenate([weight.grad.numpy().ravel() for weight in weights])
    below_output = slice(0, -weights[-1].numel())
    np.testing.assert_allclose((P @ w)[below_output], descent[below_output], rtol=1e-10, atol=1e-13)


def test_relu_weights_times_line_graph_is_the_descent_direction(random_head):
    weights, features, labels = random_head(SIZES, batch=7)
    mean_loss([w.requires_grad_() for w in weights], torch.relu, features, labels).backward()
    P = line_graph(head_factors(weights, torch.relu, features, labels))
    w = np.concatenate([weight.detach().numpy().ravel() for weight in weights])
    descent = -np.concatenate([weight.grad.numpy().ravel() for weight in weights])
    above_input = slice(weights[0].numel(), None)
    np.testing.assert_allclose((w @ P)[above_input], descent[above_input], rtol=1e-10, atol=1e-13)


def test_errors_of_a_confident_head_keep_their_digits():
    weights = [torch.eye(2), 200 * torch.eye(2)]
    errors = head_factors(weights, torch.relu, torch.tensor([[1.0, 0.0]]), torch.tensor([0])).errors[-1]
    expected = np.exp(-200.0)
    np.testing.assert_allclose(errors.numpy(), [[-expected, expected]], rtol=1e-12)


def test_gradients_graph_and_inputs_are_left_alone(random_head):
    weights, features, labels = random_head(SIZES, batch=7)
    weights = [nn.Parameter(w) for w in weights]
    before = [w.detach().clone() for w in weights]
    features.requires_grad_()
    factors = head_factors(weights, torch.relu, features, labels)
    assert features.grad is None
    assert all(w.grad is None and torch.equal(w, b) for w, b in zip(weights, before, strict=True))
    assert not any(t.requires_grad for t in (*factors.outputs, *factors.gains, *factors.errors))


def test_works_in_inference_mode_and_in_low_precision(random_head):
    weights, features, labels = random_head(SIZES, batch=7)
    weights, features = [w.float() for w in weights], features.float()
    expected = head_factors([w.double() for w in weights], torch.relu, features.double(), labels)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        actual = head_factors([w.clone() for w in weights], torch.relu, features.clone(), labels.clone())
    for received, reference in zip(actual.errors, expected.errors, strict=True):
        assert received.dtype == torch.float64
        assert torch.equal(received, reference)


def nan_at(tensor):
    broken = tensor.clone()
    broken.view(-1)[0] = torch.nan
    return broken


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda w, x, y: (w, x[0], y), r"features: expected shape \(B, n_0\).*received \(3,\); pool"),
        (lambda w, x, y: (w, x[:0], y[:0]), r"features: .*received \(0, 3\)"),
        (lambda w, x, y: (w, nan_at(x), y), r"features: .*received 1 infinite or NaN of 6; .*learning rate"),
        (lambda w, x, y: (w[:1], x, y), r"weights: expected two or more layers, received 1; .*hidden layer"),
        (
            lambda w, x, y: ([w[0], w[1].T], x, y),
            r"layer 2: expected a weight of shape \(n_2, 5\), received \(5, 4\); give it one column",
        ),
        (lambda w, x, y: ([w[0], nan_at(w[1])], x, y), r"layer 2: expected finite .*received 1 .*of 20"),
        (lambda w, x, y: (w, x, y[:1]), r"labels: expected shape \(2,\), received \(1,\); give one"),
        (lambda w, x, y: (w, x, y.double()), r"labels: expected integers, received torch.float64; .*long"),
        (lambda w, x, y: (w, x, y * 0 + 4), r"labels: expected 0 to 3, received 4 to 4; number the classes"),
        (lambda w, x, y: (w, x, y * 0 - 1), r"labels: expected 0 to 3, received -1 to -1"),
        (lambda w, x, y: ([1e200 * w[0], 1e200 * w[1]], x, y), r"logits: .*overflow; normalise the features"),
    ],
)
def test_unfit_arguments_are_named(random_head, change, message):
    weights, features, labels = change(*random_head((3, 5, 4), batch=2))
    with pytest.raises(ValueError, match=message):
        head_factors(weights, torch.relu, features, labels)


def test_activation_must_keep_the_shape(random_head):
    weights, features, labels = random_head((3, 5, 4), batch=2)
    with pytest.raises(ValueError, match=r"activation: expected shape \(2, 5\) back, received \(2,\); use"):
        head_factors(weights, lambda a: a.sum(1), features, labels)


def test_factors_must_belong_to_one_head():
    one = torch.ones(1, 1)
    with pytest.raises(ValueError, match=r"expected L outputs, .*received \(2, 2, 2\)"):
        HeadFactors((one, one), (one, one), (one, one))
    with pytest.raises(ValueError, match=r"L of at least 2, received \(1, 0, 1\)"):
        HeadFactors((one,), (), (one,))
