"""One channel to stand for each sum of channels, as residual connections make them."""

from collections.abc import Sequence

from neurocap_search.network_science.layers.channel_sources import Source, WiredLayer

Shortcut = tuple[Source, Source]
"""A channel that is added as it is, and the channel that stands for the sum."""


class ChannelSums:
    """Reduces the sources of a layer's input to one main source a channel, the others joined to it.

    Where several channels are added, the main one is the end of the longest path of weight layers from the
    network's input (of equal ones, the one that ran last): the residual branch, not its shortcut. The rule
    does not depend on which branch ran first: the projection of a residual block runs after the main branch
    in torchvision's networks and before it in others. Each other summand is joined to the main one once.
    A sum that is itself a summand counts as one, through its own main source: of x0 + x2 + x4, where a layer
    read x0 + x2 before, only x2 is joined to x4.

    Not for telling sums from products: a gate that multiplies a channel is taken for a summand.

    Args:
        layers: the layers of a network in the order of running, all with known sources.

    Attributes:
        inputs: for each layer, the main source of each channel of its input.
        shortcuts: the pairs of joined channels, in the order in which layers met them. A sum that reaches
            no weight layer is not among them.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from neurocap_search.network_science.layers.channel_sources import trace_wiring
        >>> class Residual(nn.Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.inner, self.last = nn.Linear(1, 1), nn.Linear(1, 1)
        ...     def forward(self, x):
        ...         return self.last(x + self.inner(x))
        >>> sums = ChannelSums(trace_wiring(Residual(), torch.zeros(1, 1)))
        >>> sums.inputs, sums.shortcuts
        ([[(-1, 0)], [(0, 0)]], [((-1, 0), (0, 0))])
    """

    def __init__(self, layers: Sequence[WiredLayer]) -> None:
        self.inputs: list[list[Source]] = []
        self._shortcuts: dict[Shortcut, None] = {}
        self._depths = {-1: 0}
        self._mains: dict[frozenset[Source], Source] = {}
        self._sums_of: dict[Source, list[frozenset[Source]]] = {}
        for number, layer in enumerate(layers):
            mains = [self._main(sources) for sources in layer.sources or ()]
            self._depths[number] = 1 + max(self._depths[main[0]] for main in mains)
            self.inputs.append(mains)

    @property
    def shortcuts(self) -> list[Shortcut]:
        """The pairs of joined channels."""
        return list(self._shortcuts)

    def _main(self, sources: frozenset[Source]) -> Source:
        if sources not in self._mains:
            main, *others = sorted(sources, key=self._order, reverse=True)
            self._join(others, main)
            self._mains[sources] = main
            self._sums_of.setdefault(main, []).append(sources)
        return self._mains[sources]

    def _join(self, others: list[Source], main: Source) -> None:
        left = set(others)
        for source in others:  # The deepest first: it is the main source of any sum that it is part of.
            if source in left:
                self._shortcuts[source, main] = None
                known = [part for part in self._sums_of.get(source, ()) if part <= left]
                left -= max(known, key=len, default={source})

    def _order(self, source: Source) -> tuple[int, Source]:
        return self._depths[source[0]], source
