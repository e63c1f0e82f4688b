"""The paths between the weight layers of a network, run without the layers themselves."""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.nn import functional

from neurocap_search.network_science.layers.layer_tap import LayerTap
from neurocap_search.network_science.layers.weight_operator import WeightOperator


@dataclass(frozen=True, eq=False)
class Call:
    """One run of a weight layer on a batch.

    Attributes:
        operator: the layer.
        input: z, what it received.
        output: a, what it gave.
        error: e, the gradient of the summed loss at its output.

    Example:
        >>> z = torch.ones(1, 1)
        >>> Call(WeightOperator("fc", z), z, z, z).operator.name
        'fc'
    """

    operator: WeightOperator
    input: Tensor
    output: Tensor
    error: Tensor


class Paths:
    """The paths between the layers of a network for one batch, with the layers cut out.

    Args:
        network: the network, in evaluation mode.
        inputs: the batch.
        calls: its layers as they ran on the batch.

    Example:
        >>> net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 2))
        >>> two, three = torch.ones(1, 2), torch.ones(1, 3)
        >>> first = Call(WeightOperator("0", net[0].weight), two, three, three)
        >>> paths = Paths(net, two, [first, Call(WeightOperator("2", net[2].weight), three, two, two)])
        >>> arriving, reached = paths.pull()
        >>> arriving[0].tolist(), arriving[1], reached
        ([[2.0, 2.0, 2.0]], None, [(1,), ()])
        >>> paths.push()
        [None, tensor([[2., 2., 2.]])]
    """

    def __init__(self, network: nn.Module, inputs: Tensor, calls: list[Call]) -> None:
        self.network, self.inputs, self.calls = network, inputs, calls
        self._arriving: list[Tensor] = []

    def pull(self, *, signs: bool = False) -> tuple[list[Tensor | None], list[tuple[int, ...]]]:
        """Send J' e of every layer back to the outputs of the layers before it.

        Args:
            signs: whether random signs are put on the values, which then cannot cancel by structure.

        Returns:
            What arrives at each layer's output, None where nothing can; and the numbers of the layers that
            each output reaches.
        """
        if not self._arriving:
            self._leaves = [call.output.detach().requires_grad_() for call in self.calls]
            with torch.enable_grad():
                self._arriving = self._run(lambda n: self._leaves[n].clone())
        ends = [n for n, z in enumerate(self._arriving) if z.grad_fn is not None]
        if not ends:
            return [None] * len(self.calls), [()] * len(self.calls)
        seeds = [self._seed(n, signs=signs) for n in ends]
        arriving = [self._arriving[n] for n in ends]
        pulled = torch.autograd.grad(arriving, self._leaves, seeds, allow_unused=True, retain_graph=True)
        return list(pulled), _followers(self._arriving, self._leaves)

    def push(self, *, signs: bool = False) -> list[Tensor | None]:
        """Send J z of every layer on to the inputs of the layers after it, by forward-mode differentiation.

        Args:
            signs: whether random signs are put on the values, which then cannot cancel by structure.

        Returns:
            What arrives at each layer's input, None where nothing can.

        Raises:
            ValueError: if an operation has no forward-mode derivative.
        """

        def output(n: int) -> Tensor:
            operator, z = self.calls[n].operator, self.calls[n].input
            tangent = _random_signs(operator.ones_forward(z.abs()), n) if signs else operator.ones_forward(z)
            return _dual(self.calls[n].output.clone(), tangent.contiguous())

        with torch.no_grad(), forward_ad.dual_level(), warnings.catch_warnings():
            # PyTorch 2.14 warns of its own use of torch.jit when it loads its forward-mode rules.
            warnings.filterwarnings("ignore", "`torch.jit.script", FutureWarning)
            try:
                return [_tangent(z) for z in self._run(output)]
            except NotImplementedError as error:
                said = str(error).split(".")[0]
                raise ValueError(
                    f"network: expected operations with a derivative in forward mode, received one without "
                    f"({said}); measure the part of the network without it (a recurrent layer?)"
                ) from None

    def _seed(self, n: int, *, signs: bool) -> Tensor:
        operator, shape, e = self.calls[n].operator, self.calls[n].input.shape, self.calls[n].error
        if signs:
            return _random_signs(operator.ones_backward(e.abs(), shape), n)
        return operator.ones_backward(e, shape)

    def _run(self, output: Callable[[int], Tensor]) -> list[Tensor]:
        """Run the network with given outputs in place of the layers, and return what reaches their inputs."""
        for copies in (False, True):
            tap = _PathTap(self.network, output, copies=copies)
            with tap:
                self.network(self.inputs.clone())
            if tap.intact:
                break
        return tap.reached


class _PathTap(LayerTap):
    """Hands out given outputs in place of the layers, and keeps what reaches their inputs."""

    def __init__(self, network: nn.Module, output: Callable[[int], Tensor], *, copies: bool) -> None:
        super().__init__(network)
        self.reached: list[Tensor] = []
        self._versions: list[int] = []
        self._output, self._copies = output, copies

    @property
    def intact(self) -> bool:
        """Whether nothing that was kept has been overwritten in place."""
        return all(z._version == v for z, v in zip(self.reached, self._versions, strict=True))

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run batch normalisation as the affine map it is in evaluation mode: twice as fast forwards."""
        if func is functional.batch_norm:
            return _affine(*args, **(kwargs or {}))
        return super().__torch_function__(func, types, args, kwargs)

    def on_layer(self, operator: WeightOperator, z: Tensor) -> Tensor:
        """Keep what reaches the layer, and go on with the given output."""
        z = z.clone() if self._copies else z
        self.reached.append(z)
        self._versions.append(z._version)
        return self._output(len(self.reached) - 1)


def _affine(
    x: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Batch normalisation by running statistics; by those of the batch as PyTorch does it."""
    if training or running_mean is None or running_var is None:
        return functional.batch_norm(x, running_mean, running_var, weight, bias, training, momentum, eps)
    scale = torch.rsqrt(running_var + eps) * (1.0 if weight is None else weight.detach())
    shift = (0.0 if bias is None else bias.detach()) - running_mean * scale
    shape = (1, -1, *[1] * (x.ndim - 2))
    return (x * scale.view(shape)).add_(shift.view(shape))


def _dual(primal: Tensor, tangent: Tensor) -> Tensor:
    dual: Tensor = forward_ad.make_dual(primal, tangent)  # type: ignore[no-untyped-call]
    return dual


def _tangent(dual: Tensor) -> Tensor | None:
    tangent: Tensor | None = forward_ad.unpack_dual(dual).tangent  # type: ignore[no-untyped-call]
    return tangent


_SIGNS = 65_521
"""Random signs are drawn once and repeated: a prime number of them, so that they fall on no grid."""


def _random_signs(values: Tensor, seed: int) -> Tensor:
    generator = torch.Generator(values.device).manual_seed(seed)
    drawn = torch.randint(2, (_SIGNS,), generator=generator, device=values.device).to(values.dtype) * 2 - 1
    signs = drawn.repeat(-(-values.numel() // _SIGNS))[: values.numel()]
    return values * signs.view(values.shape)


def _followers(reached: list[Tensor], leaves: list[Tensor]) -> list[tuple[int, ...]]:
    """Which layers each layer's output reaches, read off the graph of the paths."""
    number = {id(leaf): n for n, leaf in enumerate(leaves)}
    followers: list[list[int]] = [[] for _ in leaves]
    for m, z in enumerate(reached):
        for leaf in _leaves_below(z):
            if id(leaf) in number:  # not a weight of a normalisation layer
                followers[number[id(leaf)]].append(m)
    return [tuple(layers) for layers in followers]


def _leaves_below(z: Tensor) -> Iterator[Tensor]:
    seen, stack = set(), [z.grad_fn]
    while stack:
        node = stack.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if hasattr(node, "variable"):
            yield node.variable
        stack.extend(following for following, _ in node.next_functions)
