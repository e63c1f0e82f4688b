"""A network's function with copies in place of its weights and buffers, so that nothing of it changes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.modules.batchnorm import _BatchNorm

from neurocap_search.network_science import evaluation_mode
from neurocap_search.zero_cost.score import UndefinedScoreError


class NetworkCopy:
    """Runs a network on copies of its parameters and buffers, which may be changed first.

    Gradients are taken with respect to the copies. Dropout is off, so that a score does not depend on chance;
    batch normalisation uses the batch's own statistics, for an untrained network has no others.

    Not for a network that keeps what it computes in anything but buffers, nor for scripted modules.

    Args:
        network: Any module from one tensor to outputs (B, C).
        prepare: Called with each floating-point parameter and buffer; what it returns is copied.
        batch_statistics: Whether batch normalisation uses the batch's statistics, else its own.

    Attributes:
        weights: The copies of the trainable weights of two or more dimensions: the matrices and kernels of
            linear, convolution, attention and recurrent layers, without biases and normalisations.

    Example:
        >>> net = nn.Linear(2, 1, bias=False)
        >>> copy = NetworkCopy(net, prepare=torch.ones_like)
        >>> [gradient] = copy.gradients(copy(torch.tensor([[3.0, 4.0]])).sum())
        >>> gradient.tolist(), net.weight.grad
        ([[3.0, 4.0]], None)
    """

    def __init__(
        self,
        network: nn.Module,
        *,
        prepare: Callable[[Tensor], Tensor] = torch.detach,
        batch_statistics: bool = True,
    ) -> None:
        self._network, self._batch_statistics = network, batch_statistics
        self._tensors: dict[str, Tensor] = {}
        for name, tensor in [*network.named_parameters(), *network.named_buffers()]:
            copy = (prepare if tensor.is_floating_point() else torch.detach)(tensor.detach()).clone()
            self._tensors[name] = copy.requires_grad_(tensor.requires_grad)
        trainable = [name for name, tensor in network.named_parameters() if tensor.requires_grad]
        self.weights = [self._tensors[name] for name in trainable if self._tensors[name].ndim >= 2]

    def __call__(self, inputs: Tensor) -> Tensor:
        """Return the outputs, (B, C).

        Raises:
            UndefinedScoreError: If they are something else.
        """
        with undisturbed(self._network, inputs, batch_statistics=self._batch_statistics):
            outputs = functional_call(self._network, self._tensors, (inputs,))
        if not isinstance(outputs, Tensor) or outputs.ndim != 2:
            received = tuple(outputs.shape) if isinstance(outputs, Tensor) else type(outputs).__name__
            raise UndefinedScoreError(f"the network's output is {received}, not one row of logits a sample")
        return outputs

    def gradients(self, total: Tensor) -> list[Tensor]:
        """Return the gradient of a number with respect to each of the weights, zeros where none arrives.

        Raises:
            UndefinedScoreError: If there is no trainable weight, or none that the number depends on.
        """
        if not self.weights:
            raise UndefinedScoreError("the network has no trainable weight of two or more dimensions")
        if not total.requires_grad:
            raise UndefinedScoreError("the network's output does not depend on its trainable weights")
        return list(torch.autograd.grad(total, self.weights, allow_unused=True, materialize_grads=True))


@contextmanager
def undisturbed(network: nn.Module, inputs: Tensor, *, batch_statistics: bool) -> Iterator[None]:
    """Put a network into the mode of a measurement, and it and PyTorch's random state back after.

    Example:
        >>> net = nn.Dropout()
        >>> with undisturbed(net, torch.zeros(1), batch_statistics=True):
        ...     net.training
        False
        >>> net.training
        True
    """
    accelerators = [inputs.device] if inputs.device.type == "cuda" else []
    with evaluation_mode(network), torch.random.fork_rng(devices=accelerators):
        for module in network.modules():
            if isinstance(module, _BatchNorm):
                module.training = batch_statistics
        yield
