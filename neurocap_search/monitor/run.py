"""Running somebody's model so that nothing of it changes, and seeing what its layers receive."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from neurocap_search.network_science import evaluation_mode

Inputs = Tensor | Mapping[str, Any] | tuple[Any, ...]
"""What a model is called with: one tensor, named arguments or several."""


@contextmanager
def undisturbed(model: nn.Module) -> Iterator[None]:
    """Let a model run in evaluation mode without gradients; modes and random states come back after."""
    device = device_of(model)
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices), evaluation_mode(model), torch.no_grad():
        yield


def run(model: nn.Module, inputs: Inputs) -> None:
    """Run a model once for what its layers see.

    Raises:
        ValueError: If it cannot be run on such inputs.
    """
    inputs = _on_device(inputs, device_of(model))
    try:
        if isinstance(inputs, Mapping):
            model(**inputs)
        else:
            model(*inputs) if isinstance(inputs, tuple) else model(inputs)
    except (RuntimeError, ValueError, TypeError, IndexError) as error:
        raise ValueError(
            f"The model cannot be run on inputs of {_shape(inputs)}: {error} Give a batch as its forward "
            "takes it: a tensor, a tuple of arguments or a mapping of named ones."
        ) from error


class Watch:
    """A context in which the inputs of some modules are kept; the hooks are gone after it, whatever happens.

    Attributes:
        order: The modules in the order in which they ran.
        inputs: The first argument of each module's last run; only with ``keep``.
        outputs: The result of each module's last run; only with ``keep``.
    """

    def __init__(self, modules: Iterable[nn.Module], *, keep: bool) -> None:
        self._modules, self._keep = list(dict.fromkeys(modules)), keep
        self._handles: list[RemovableHandle] = []
        self.order: list[nn.Module] = []
        self.inputs: dict[nn.Module, Any] = {}
        self.outputs: dict[nn.Module, Any] = {}

    def __enter__(self) -> "Watch":
        for module in self._modules:
            self._handles.append(module.register_forward_pre_hook(self._before, with_kwargs=True))
            self._handles.append(module.register_forward_hook(self._after))
        return self

    def __exit__(self, *_: object) -> None:
        for handle in self._handles:
            handle.remove()

    def _before(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.order.append(module)
        if self._keep:
            self.inputs[module] = _copy(next(iter((*args, *kwargs.values())), None))

    def _after(self, module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        if self._keep:
            self.outputs[module] = _copy(output)


def device_of(model: nn.Module) -> torch.device:
    """Return the device of a model's parameters."""
    return next((parameter.device for parameter in model.parameters()), torch.device("cpu"))


def _copy(value: Any) -> Any:
    # A copy, because what comes after may overwrite it in place.
    return value.detach().clone() if isinstance(value, Tensor) else value


def _on_device(inputs: Any, device: torch.device) -> Any:
    if isinstance(inputs, Mapping):
        return {name: _on_device(value, device) for name, value in inputs.items()}
    if isinstance(inputs, tuple):
        return tuple(_on_device(value, device) for value in inputs)
    return inputs.to(device) if isinstance(inputs, Tensor) else inputs


def _shape(inputs: Any) -> str:
    if isinstance(inputs, Mapping):
        return ", ".join(f"{name} {_shape(value)}" for name, value in inputs.items())
    if isinstance(inputs, tuple):
        return ", ".join(_shape(value) for value in inputs)
    return f"shape {tuple(inputs.shape)}" if isinstance(inputs, Tensor) else repr(inputs)
