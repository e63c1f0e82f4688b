from collections.abc import Callable, Sequence
from itertools import pairwise

import pytest
import torch
from torch import Tensor

Head = tuple[list[Tensor], Tensor, Tensor]


@pytest.fixture(scope="session")
def random_head() -> Callable[..., Head]:
    """Random float64 weights, features and labels for layer sizes n_0 .. n_L."""

    def draw(sizes: Sequence[int], batch: int, seed: int = 0) -> Head:
        generator = torch.Generator().manual_seed(seed)

        def normal(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=generator, dtype=torch.float64)

        weights = [normal(m, n) * (2 / n) ** 0.5 for n, m in pairwise(sizes)]
        labels = torch.randint(sizes[-1], (batch,), generator=generator)
        return weights, normal(batch, sizes[0]), labels

    return draw
