"""The proxies once more, slow and literal: on a deep copy, with backward passes and loops over modules."""

import copy
import math

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

LAYERS = (nn.Linear, nn.Conv2d)


def small_convolutional(seed=0, dtype=torch.float64):
    """Convolutions with and without batch normalisation, three ReLUs and two linear layers, with biases."""
    torch.manual_seed(seed)
    network = nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1, bias=False),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Conv2d(4, 3, 3, stride=2),
        nn.ReLU(inplace=True),
        nn.Flatten(),
        nn.Linear(12, 5),
        nn.ReLU(),
        nn.Linear(5, 3),
    )
    return network.to(dtype)


def batch(seed=0, size=8, dtype=torch.float64):
    """Random images (size, 2, 6, 6) and labels of three classes."""
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(size, 2, 6, 6, generator=generator, dtype=dtype)
    return inputs, torch.randint(3, (size,), generator=generator)


def layers_after_backward(network, inputs, labels):
    network = copy.deepcopy(network).train()
    network.zero_grad()
    cross_entropy(network(inputs), labels).backward()
    return [module for module in network.modules() if isinstance(module, LAYERS)]


def grad_norm(network, inputs, labels):
    return sum(layer.weight.grad.norm().item() for layer in layers_after_backward(network, inputs, labels))


def snip(network, inputs, labels):
    layers = layers_after_backward(network, inputs, labels)
    return sum(
        abs(w * g)
        for layer in layers
        for w, g in zip(layer.weight.flatten().tolist(), layer.weight.grad.flatten().tolist(), strict=True)
    )


def zico(network, inputs, labels):
    half = len(labels) // 2
    parts = [slice(0, half), slice(half, None)]
    gradients = [
        [
            layer.weight.grad.flatten().numpy()
            for layer in layers_after_backward(network, inputs[p], labels[p])
        ]
        for p in parts
    ]
    total = 0.0
    for first, second in zip(*gradients, strict=True):
        inner = 0.0
        for g, h in zip(first, second, strict=True):
            if g != h:
                inner += np.mean([abs(g), abs(h)]) / np.std([g, h])
        if inner > 0:
            total += math.log(inner)
    return total


def synflow(network, inputs, labels):
    network = copy.deepcopy(network).double().eval()
    for parent in list(network.modules()):
        for name, child in parent.named_children():
            if isinstance(child, nn.BatchNorm2d):
                setattr(parent, name, nn.Identity())
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.abs_()
    network(torch.ones(1, *inputs.shape[1:], dtype=torch.float64)).sum().backward()
    layers = [module for module in network.modules() if isinstance(module, LAYERS)]
    return math.log(sum((layer.weight * layer.weight.grad).abs().sum().item() for layer in layers))


def jacob_cov(network, inputs, labels):
    network = copy.deepcopy(network).train()
    inputs = inputs.clone().requires_grad_()
    outputs = network(inputs)
    outputs.backward(torch.ones_like(outputs))
    values, _ = np.linalg.eig(np.corrcoef(inputs.grad.flatten(1).numpy()))
    return -np.sum(np.log(values.real + 1e-5) + 1 / (values.real + 1e-5))


def nwot(network, inputs, labels):
    network, codes = copy.deepcopy(network).train(), []
    for module in network.modules():
        if isinstance(module, nn.ReLU):
            module.register_forward_pre_hook(lambda _, args: codes.append(args[0].flatten(1) > 0))
    network(inputs)
    code = torch.cat(codes, dim=1).numpy()
    kernel = [[np.sum(a == b) for b in code] for a in code]
    return np.linalg.slogdet(np.array(kernel, dtype=float))[1]


REFERENCES = {f.__name__: f for f in (grad_norm, snip, zico, synflow, jacob_cov, nwot)}
