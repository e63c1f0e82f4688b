"""Random numbers of dropout, which takes them from torch's global generators."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


class DropoutStream:
    """Masks that depend on a seed alone, however often the training is left and taken up in between.

    Args:
        seed: Where the stream begins.
        device: Where the network trains.

    Example:
        >>> stream = DropoutStream(0, torch.device("cpu"))
        >>> with stream.running():
        ...     first = torch.rand(1)
        >>> _ = torch.rand(1)
        >>> with stream.running():
        ...     second = torch.rand(1)
        >>> torch.equal(torch.cat([first, second]), torch.rand(2, generator=torch.manual_seed(0)))
        True
    """

    def __init__(self, seed: int, device: torch.device) -> None:
        self._seed, self._device = seed, device
        self._states: tuple[torch.Tensor, ...] | None = None

    @contextmanager
    def running(self) -> Iterator[None]:
        """Let the stream be torch's global one for a while, which is then as it was."""
        on_gpu = self._device.type == "cuda"
        with torch.random.fork_rng(devices=[self._device] if on_gpu else []):
            if self._states is None:
                torch.manual_seed(self._seed)
            else:
                torch.set_rng_state(self._states[0])
                if on_gpu:
                    torch.cuda.set_rng_state(self._states[1], self._device)
            yield
            gpu = (torch.cuda.get_rng_state(self._device),) if on_gpu else ()
            self._states = (torch.get_rng_state(), *gpu)
