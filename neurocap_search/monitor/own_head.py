"""The classification head that a model already has, where it is deep enough to be measured."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from neurocap_search.monitor.run import Watch
from neurocap_search.network_science import Capacitance, NeuralCapacitanceProbe, head_capacitance


@dataclass(frozen=True, eq=False)
class OwnHead:
    """The end of a model: a chain of linear layers with elementwise functions between them.

    Attributes:
        head: Takes features (B, n) and gives what the model gives; its weights are the model's own.
        watched: The module whose input is the features.
        layers: Names of its layers in the model.
    """

    head: nn.Module
    watched: nn.Module
    layers: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """What is measured, in words."""
        return f"the model's own head of {len(self.layers)} layers: {', '.join(self.layers)}"

    def measure(self, features: Tensor, labels: Tensor) -> Capacitance:
        """Measure beta_eff of the head."""
        return head_capacitance(self.head, features, labels)


def head_candidates(model: nn.Module, ran: list[nn.Module]) -> list[OwnHead]:
    """Return what may be a model's head by its structure, the one with most layers first.

    Args:
        model: The model.
        ran: Its linear layers and probes, in the order in which they ran.
    """
    names = {module: name for name, module in model.named_modules()}
    found: dict[tuple[str, ...], OwnHead] = {}
    for ancestor in _ancestors(model, names[ran[-1]]):
        head = _perceptron_end(ancestor)
        if head is None:
            continue
        inside = set(head.modules())
        layers = tuple(dict.fromkeys(names[module] for module in ran if module in inside))
        first = next(module for module in ran if module in inside)
        # Of several modules around the same layers the innermost holds the least besides.
        found.setdefault(layers, OwnHead(head, first, layers))
    return sorted(found.values(), key=lambda head: -len(head.layers))


def is_head(candidate: OwnHead, watch: Watch, last: nn.Module, labels: Tensor) -> bool:
    """Return whether a candidate does on its features what the model does, and can be measured.

    Args:
        candidate: What may be the head.
        watch: A run in which the inputs of its first layer and the outputs of ``last`` were kept.
        last: The last layer that ran.
        labels: Class indices, (B,).
    """
    features, expected = watch.inputs[candidate.watched], watch.outputs[last]
    try:
        with Watch([last], keep=True) as again:
            candidate.head(features)
        same = torch.allclose(again.outputs[last], expected, rtol=1e-3, atol=1e-5)
        return same and candidate.measure(features, labels).reason is None
    except (RuntimeError, ValueError, TypeError, IndexError, KeyError):
        return False  # it takes something else, or is no chain


def _ancestors(model: nn.Module, name: str) -> Iterator[nn.Module]:
    """The module of that name and those around it, from the inside out."""
    parts = name.split(".") if name else []
    for count in range(len(parts), -1, -1):
        yield model.get_submodule(".".join(parts[:count]))


def _perceptron_end(module: nn.Module) -> nn.Module | None:
    """The module if it is a perceptron, or else the end of a sequence that is one."""
    if not isinstance(module, nn.Sequential):
        return module if _is_perceptron(module) else None
    children = list(module)
    start = len(children)
    while start > 0 and _is_perceptron(children[start - 1]):
        start -= 1
    # What has no weights and stands before the first layer, such as pooling, belongs to the features.
    while start < len(children) and not any(True for _ in children[start].parameters()):
        start += 1
    return nn.Sequential(*children[start:]) if start < len(children) else None


def _is_perceptron(module: nn.Module) -> bool:
    """Whether all parameters are those of linear layers, batch normalisation or a probe."""
    if isinstance(module, nn.Linear | nn.BatchNorm1d | NeuralCapacitanceProbe):
        return True
    own = any(True for _ in module.parameters(recurse=False))
    return not own and all(_is_perceptron(child) for child in module.children())
