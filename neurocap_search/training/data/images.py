"""The images a search works on, in memory."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate

from neurocap_search.config import DataConfig
from neurocap_search.errors import UserError


@dataclass(frozen=True)
class RawImages:
    """Images and labels as a source gives them.

    Attributes:
        images: Shape (n, height, width) or (n, height, width, channels), any numeric type.
        labels: Shape (n,), integers from 0.
    """

    images: NDArray[np.generic]
    labels: NDArray[np.generic]

    def __post_init__(self) -> None:
        if self.images.ndim not in (3, 4) or len(self.images) != len(self.labels):
            raise UserError(
                "Images must have shape (n, height, width) or (n, height, width, channels) and one label "
                f"each, received images {self.images.shape} and labels {self.labels.shape}."
            )


@dataclass(frozen=True)
class Split:
    """Normalised images of one purpose.

    Attributes:
        images: float32, shape (n, channels, height, width).
        labels: int64, shape (n,).
    """

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def to(self, device: torch.device) -> "Split":
        """Return the split on ``device``."""
        return Split(self.images.to(device), self.labels.to(device))


@dataclass(frozen=True)
class ImageData:
    """Training, validation and test images of one task, normalised by the training images."""

    train: Split
    validation: Split
    test: Split
    num_classes: int

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Shape of one image: (channels, height, width)."""
        channels, height, width = self.train.images.shape[1:]
        return channels, height, width

    def to(self, device: torch.device) -> "ImageData":
        """Return all splits on ``device``."""
        train, validation, test = (part.to(device) for part in (self.train, self.validation, self.test))
        return ImageData(train, validation, test, self.num_classes)


def split_images(train: RawImages, test: RawImages, config: DataConfig) -> ImageData:
    """Draw validation and training images from ``train``, resize and normalise all.

    Mean and standard deviation are those of the drawn training images, for each channel.

    Raises:
        UserError: If more images are asked for than there are.
    """
    order = np.random.default_rng(config.seed).permutation(len(train.labels))
    held = config.validation_size or len(order) // 5
    used = config.train_size or len(order) - held
    if held + used > len(order) or min(held, used) < 1:
        raise UserError(
            f"data: {used} training and {held} validation images were asked for, but there are "
            f"{len(order)}. Lower data.train_size or data.validation_size."
        )
    tested = config.test_size or len(test.labels)
    if tested > len(test.labels):
        raise UserError(f"data.test_size: there are {len(test.labels)} test images, received {tested}.")
    parts = [_take(train, order[held : held + used]), _take(train, order[:held]), _take(test, slice(tested))]
    return _normalise([_resize(part, config.image_size) for part in parts])


def _take(raw: RawImages, index: NDArray[np.int64] | slice) -> Split:
    images = torch.from_numpy(np.ascontiguousarray(raw.images[index])).float()
    images = images.unsqueeze(1) if images.ndim == 3 else images.permute(0, 3, 1, 2)
    labels = torch.from_numpy(np.asarray(raw.labels[index]).astype(np.int64))
    return Split(images.contiguous(), labels)


def _resize(split: Split, size: int | None) -> Split:
    if size is None:
        return split
    return Split(interpolate(split.images, size=(size, size), mode="area"), split.labels)


def _normalise(parts: list[Split]) -> ImageData:
    pixels = parts[0].images
    mean = pixels.mean(dim=(0, 2, 3), keepdim=True)
    scale = pixels.std(dim=(0, 2, 3), keepdim=True).clamp_min(1e-6)
    train, validation, test = (Split((part.images - mean) / scale, part.labels) for part in parts)
    num_classes = int(max(part.labels.max() for part in parts)) + 1
    return ImageData(train, validation, test, num_classes)
