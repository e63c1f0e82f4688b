import warnings

import pytest
import torch
from torch import nn
from torch.nn import functional

from neurocap_search.network_science.layers.layer_tap import trace_layers
from neurocap_search.network_science.layers.weight_operator import WeightOperator, bind_operator

CASES = [
    (nn.Linear(5, 3), (4, 5)),
    (nn.Linear(5, 3), (4, 2, 5)),
    (nn.Conv1d(2, 3, 3, stride=2, padding=1), (4, 2, 7)),
    (nn.Conv2d(4, 6, (3, 2), stride=(2, 1), padding=(1, 0), groups=2), (2, 4, 5, 6)),
    (nn.Conv2d(3, 6, 3, groups=3, dilation=2), (2, 3, 7, 8)),
    (nn.Conv2d(2, 3, 3, padding="same"), (2, 2, 5, 5)),
    (nn.Conv2d(2, 3, 2, padding="valid"), (2, 2, 5, 5)),
    (nn.Conv3d(2, 2, 2), (1, 2, 3, 4, 3)),
]


def traced(module, shape):
    torch.manual_seed(0)
    module = module.double()
    (call,) = trace_layers(module, torch.randn(shape).double())
    return module, call


@pytest.mark.parametrize(("module", "shape"), CASES)
def test_the_operator_is_the_layer(module, shape):
    module, call = traced(module, shape)
    torch.testing.assert_close(call.operator(call.input), module(call.input))
    torch.testing.assert_close(call.output, module(call.input))
    assert call.operator.in_channels == shape[1 if call.operator.is_convolution else -1]
    assert call.operator.out_channels == len(module.weight)


@pytest.mark.parametrize(("module", "shape"), CASES)
def test_ones_and_gradients_equal_those_of_a_layer_of_ones(module, shape):
    module, call = traced(module, shape)
    operator = call.operator
    e = torch.randn_like(call.output)
    ones = WeightOperator(
        "ones",
        torch.ones_like(operator.weight, requires_grad=True),
        None,
        operator.stride,
        operator.padding,
        operator.dilation,
        operator.groups,
    )
    z = call.input.clone().requires_grad_()
    output = ones(z)
    torch.testing.assert_close(operator.ones_forward(call.input), output.detach())
    back, weight_gradient = torch.autograd.grad(output, [z, ones.weight], e)
    torch.testing.assert_close(operator.ones_backward(e, z.shape), back)
    torch.testing.assert_close(operator.weight_gradient(call.input, e), weight_gradient)


def test_padding_that_differs_from_side_to_side_is_no_operator():
    assert bind_operator("even", torch.ones(1, 1, 2, 2), (), {"padding": "same"}) is None
    layer = nn.Conv2d(1, 1, 2, padding="same")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch warns once in a process that such padding is slow
        assert trace_layers(layer, torch.zeros(1, 1, 4, 4)) == []


def test_arguments_are_read_by_place_and_by_name():
    weight = torch.ones(2, 1, 3, 3)
    by_place = bind_operator("conv", weight, (None, 2, 1, 1, 2), {})
    by_name = bind_operator("conv", weight, (), {"stride": (2, 2), "padding": 1, "groups": 2})
    x = torch.randn(1, 2, 5, 5)
    expected = functional.conv2d(x, weight, None, 2, 1, 1, 2)
    assert torch.equal(by_place(x), expected)
    assert torch.equal(by_name(x), expected)
