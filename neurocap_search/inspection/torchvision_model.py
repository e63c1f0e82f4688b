"""A network of torchvision as it begins: random weights, random images."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import torch
from torch import nn

from neurocap_search.errors import UserError, did_you_mean
from neurocap_search.inspection.measures import EpochMeasures, measure_network
from neurocap_search.inspection.subject import Step, Subject
from neurocap_search.torch_pair import check_torch_pair

PREFIX = "torchvision:"


@dataclass(frozen=True)
class ModelOptions:
    """How a model of torchvision is measured.

    Attributes:
        image_size: Pixels of a side.
        batch: Images.
        seed: Seeds weights, images and labels.
    """

    image_size: int = 224
    batch: int = 4
    seed: int = 0


class TorchvisionModel(Subject):
    """One of torchvision's classification networks with random weights.

    Not for pretrained weights: nothing is downloaded.

    Args:
        model: ``torchvision:`` and a name, such as ``torchvision:resnet18``.
        options: Images and seed.

    Raises:
        UserError: If there is no such model.

    Example:
        >>> TorchvisionModel("torchvision:resnet18", ModelOptions()).title
        'resnet18, random weights'
    """

    steps = 1

    def __init__(self, model: str, options: ModelOptions) -> None:
        check_torch_pair()
        self.name, self.options = _checked(model), options
        self.title = f"{self.name}, random weights"
        self.identity = f"{model}, {options}"
        self.folder = Path(f"inspect-{self.name}-{datetime.now():%Y%m%d-%H%M%S}")
        size = options.image_size
        self.images = f"{options.batch} random images of {size} × {size} pixels with random labels"

    def opening(self) -> list[str]:
        """Say plainly that nothing has been learned."""
        return [
            f"{self.name} of torchvision: random weights, random images: nothing learned. {self.images}, "
            f"seed {self.options.seed}."
        ]

    def measures(self, step: Step) -> Iterator[EpochMeasures]:
        """Build the network and measure it.

        Raises:
            UserError: If the network does not take such images.
        """
        from torchvision.models import get_model

        options = self.options
        draw = torch.Generator().manual_seed(options.seed)
        images = torch.randn(options.batch, 3, options.image_size, options.image_size, generator=draw)
        step("building the network")
        with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # On how the initialisation of two networks will change.
            torch.default_generator.manual_seed(options.seed)
            network = get_model(self.name, weights=None).eval()
        classes = self._classes(network, images[:1])
        labels = torch.randint(classes, (options.batch,), generator=draw)
        yield measure_network(network, images, labels, step=step)

    @torch.no_grad()
    def _classes(self, network: nn.Module, image: torch.Tensor) -> int:
        try:
            return int(network(image).shape[1])
        except (RuntimeError, AssertionError, ValueError) as error:
            size = self.options.image_size
            raise UserError(
                f"--image-size: {self.name} takes no images of {size} × {size} pixels ({error}). "
                "Try 224 or 299."
            ) from None


def _checked(model: str) -> str:
    from torchvision import models

    known = models.list_models(module=models)
    name = model.removeprefix(PREFIX)
    if not model.startswith(PREFIX):
        near = f" Did you mean {PREFIX}{model}?" if model in known else f" Try {PREFIX}resnet18."
        raise UserError(f"--model reads {PREFIX}NAME, received {model!r}.{near}")
    if name not in known:
        near = did_you_mean(name, known, PREFIX) or f" There are, for example, {', '.join(known[:3])}."
        raise UserError(f"--model: torchvision has no classification network {name!r}.{near}")
    return name
