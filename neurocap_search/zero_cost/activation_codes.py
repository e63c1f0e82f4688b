"""NWOT: how differently the ReLUs of a network answer the samples of a batch."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from neurocap_search.zero_cost.checks import check_inputs
from neurocap_search.zero_cost.network_copy import NetworkCopy
from neurocap_search.zero_cost.score import UndefinedScoreError, scored

_RELUS: set[Any] = {functional.relu, torch.relu, torch.relu_, Tensor.relu, Tensor.relu_, functional.relu6}
_RELUS |= {functional.leaky_relu, functional.leaky_relu_, functional.prelu, functional.rrelu}


@scored
@torch.no_grad()
def nwot(model: nn.Module, inputs: Tensor) -> float:
    r"""Neural architecture search without training (NASWOT): log-determinant of the codes' agreement.

    Each sample has a binary code: which inputs of the network's ReLUs it makes positive. With N_A such inputs
    and the Hamming distance d of two codes,

    .. math:: \log \det K, \qquad K_{ij} = N_A - d(c_i, c_j).

    ReLU, ReLU6, LeakyReLU, PReLU and RReLU count, as modules or as functions.

    When not to use it: for networks without them; and it grows with the number of ReLUs and samples.

    Source: arXiv 2006.04647, section 3 (from its second version on).

    Args:
        model: Any network from one tensor to outputs (B, C).
        inputs: (B, ...), on the model's device.

    Returns:
        The score; NaN with a reason if there is no ReLU or the codes do not tell all samples apart.

    Raises:
        ValueError: If there is no sample.

    Example:
        >>> net = nn.Sequential(nn.Linear(2, 2, bias=False), nn.ReLU())
        >>> _ = nn.init.eye_(net[0].weight)
        >>> x = torch.tensor([[1.0, -1.0], [1.0, 1.0]])  # codes 10 and 11: K = [[2, 1], [1, 2]]
        >>> round(nwot(net, x), 4)
        1.0986
    """
    check_inputs(inputs)
    with _Agreement() as agreement:
        NetworkCopy(model)(inputs.detach().clone())
    if agreement.total is None:
        raise UndefinedScoreError("the network has no ReLU")
    eigenvalues = torch.linalg.eigvalsh(agreement.total)
    if eigenvalues[0] <= 1e-12 * eigenvalues[-1]:
        raise UndefinedScoreError("the ReLUs do not tell all samples apart: their codes' kernel is singular")
    return float(eigenvalues.log().sum())


class _Agreement(TorchFunctionMode):
    """A context that counts at how many ReLUs each two samples agree; total is (B, B), on the CPU."""

    def __init__(self) -> None:
        super().__init__()
        self.total: Tensor | None = None

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func in _RELUS or _is_relu6(func, *args, **kwargs):
            agreement = _agreement(args[0] if args else kwargs["input"])
            self.total = agreement if self.total is None else self.total + agreement
        return func(*args, **kwargs)


def _is_relu6(func: Any, *args: Any, **kwargs: Any) -> bool:
    """Whether a call is the one by which PyTorch's module computes ReLU6."""
    return func is functional.hardtanh and (args[1:2] == (0,) or kwargs.get("min_val") == 0)


def _agreement(values: Tensor) -> Tensor:
    signs = 2 * (values.flatten(1) > 0).float() - 1
    return (signs.shape[1] + (signs @ signs.T).cpu().double()) / 2
