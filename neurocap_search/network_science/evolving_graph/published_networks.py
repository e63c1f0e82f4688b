"""The networks whose training the time-evolving graph was published for (arXiv 2111.05410)."""

from collections import OrderedDict
from itertools import pairwise

from torch import nn


def lenet(*, dropout: float = 0.0, classes: int = 10) -> nn.Sequential:
    """Build LeNet for images of 3 x 32 x 32: rolled, 239 nodes and 12,954 edges.

    Two convolutions of 5 x 5, each with a ReLU and max-pooling, then units 400-120-84-classes; dropout after
    the first two linear layers; PyTorch's own initialisation (the authors' code for arXiv 2111.05410).
    Not for another size of image. ``alexnet_cifar`` and ``vgg_cifar`` take the same arguments.

    Args:
        dropout: probability of dropping a unit, 0 to 1.
        classes: units of the last layer.

    Raises:
        ValueError: from torch, on a probability outside 0 to 1.

    Example:
        >>> import torch
        >>> lenet()(torch.zeros(2, 3, 32, 32)).shape
        torch.Size([2, 10])
    """
    layers = OrderedDict[str, nn.Module]()
    layers |= _convolution(1, nn.Conv2d(3, 6, 5), pool=nn.MaxPool2d(2))
    layers |= _convolution(2, nn.Conv2d(6, 16, 5), pool=nn.MaxPool2d(2))
    layers["flatten"] = nn.Flatten()
    for number, (inputs, outputs) in enumerate(((400, 120), (120, 84)), start=1):
        layers |= _linear(number, nn.Linear(inputs, outputs))
        layers[f"drop{number}"] = nn.Dropout(dropout)
    layers["fc3"] = nn.Linear(84, classes)
    return nn.Sequential(layers)


def alexnet_cifar(*, dropout: float = 0.0, classes: int = 10) -> nn.Sequential:
    """Build AlexNet for images of 3 x 32 x 32: rolled, 2,925 nodes and 1,160,480 edges.

    Filters 96 (7 x 7, stride 2)-256 (5 x 5)-384-384-256 (3 x 3), max-pooling of 3 x 3 after the first two,
    units 2304-1024-512-classes; dropout before the first two linear layers. Kernels are drawn by He's
    normal rule with the outputs' fan, linear weights from N(0, 0.01^2); biases are 0.
    Not for another size of image. Arguments and errors are those of ``lenet``.

    Example:
        >>> import torch
        >>> alexnet_cifar(dropout=0.5)(torch.zeros(2, 3, 32, 32)).shape
        torch.Size([2, 10])
    """
    layers = OrderedDict[str, nn.Module]()
    layers |= _convolution(1, nn.Conv2d(3, 96, 7, stride=2, padding=2), pool=nn.MaxPool2d(3, 2))
    layers |= _convolution(2, nn.Conv2d(96, 256, 5, padding=2), pool=nn.MaxPool2d(3, 2))
    for number, (inputs, outputs) in enumerate(((256, 384), (384, 384), (384, 256)), start=3):
        layers |= _convolution(number, nn.Conv2d(inputs, outputs, 3, padding=1))
    layers["flatten"] = nn.Flatten()
    for number, (inputs, outputs) in enumerate(((2304, 1024), (1024, 512)), start=1):
        layers[f"drop{number}"] = nn.Dropout(dropout)
        layers |= _linear(number, nn.Linear(inputs, outputs))
    layers["fc3"] = nn.Linear(512, classes)
    network = nn.Sequential(layers)
    for layer in network:
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, std=0.01)
    return _zero_biases(network)


def vgg_cifar(*, dropout: float = 0.0, classes: int = 10) -> nn.Sequential:
    """Build VGG for images of 3 x 32 x 32: rolled, 1,613 nodes and 304,576 edges.

    Filters of 3 x 3: 64, 128-128, 256-256, 256-256, max-pooling after each of the four blocks, then units
    1024-128-128-classes; dropout after the first two linear layers. Weights are drawn by Glorot's uniform
    rule; biases are 0. Not for another size of image. Arguments and errors are those of ``lenet``.

    Example:
        >>> import torch
        >>> vgg_cifar()(torch.zeros(2, 3, 32, 32)).shape
        torch.Size([2, 10])
    """
    layers, number = OrderedDict[str, nn.Module](), 0
    for block in ((3, 64), (64, 128, 128), (128, 256, 256), (256, 256, 256)):
        for inputs, outputs in pairwise(block):
            number += 1
            layers |= _convolution(number, nn.Conv2d(inputs, outputs, 3, padding=1))
        layers[f"pool{number}"] = nn.MaxPool2d(2)
    layers["flatten"] = nn.Flatten()
    for place, inputs in enumerate((1024, 128), start=1):
        layers |= _linear(place, nn.Linear(inputs, 128))
        layers[f"drop{place}"] = nn.Dropout(dropout)
    layers["fc3"] = nn.Linear(128, classes)
    network = nn.Sequential(layers)
    for layer in network:
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
    return _zero_biases(network)


def _convolution(
    number: int, layer: nn.Conv2d, *, pool: nn.Module | None = None
) -> OrderedDict[str, nn.Module]:
    layers = OrderedDict[str, nn.Module]({f"conv{number}": layer, f"relu{number}": nn.ReLU()})
    if pool is not None:
        layers[f"pool{number}"] = pool
    return layers


def _linear(number: int, layer: nn.Linear) -> OrderedDict[str, nn.Module]:
    return OrderedDict[str, nn.Module]({f"fc{number}": layer, f"fc{number}_relu": nn.ReLU()})


def _zero_biases(network: nn.Sequential) -> nn.Sequential:
    for layer in network:
        if isinstance(layer, nn.Conv2d | nn.Linear) and layer.bias is not None:
            nn.init.zeros_(layer.bias)
    return network
