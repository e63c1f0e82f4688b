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
        shapes = f"images {self.images.shape} and labels {self.labels.shape}"
        if self.images.ndim not in (3, 4) or self.labels.shape != (len(self.images),):
            raise UserError(
                "data: images must have shape (n, height, width) or (n, height, width, channels) and labels "
                f"shape (n,), received {shapes}."
            )
        if len(self.labels) == 0:
            raise UserError(f"data: there are no images, received {shapes}.")
        if not np.issubdtype(self.labels.dtype, np.integer) or self.labels.min() < 0:
            raise UserError(
                f"data: labels must be integers from 0, received {self.labels.dtype} such as "
                f"{self.labels[0]!r}; number the classes 0, 1, 2, ..."
            )
        if not np.issubdtype(self.images.dtype, np.number) or not np.isfinite(self.images).all():
            raise UserError(f"data: images must be finite numbers, received {self.images.dtype} with others.")


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
    """Draw training and validation images from ``train``, test images from ``test``; normalise all.

    Mean and standard deviation are those of the drawn training images, for each channel.

    Raises:
        UserError: If more images are asked for than there are, if the two sets do not go together, or if
            a class has no image.
    """
    if train.images.shape[1:] != test.images.shape[1:]:
        raise UserError(
            f"data: training images of shape {train.images.shape[1:]} and test images of shape "
            f"{test.images.shape[1:]} do not go together; convert one of them."
        )
    rng = np.random.default_rng(config.seed)
    order = rng.permutation(len(train.labels))
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
    drawn = rng.permutation(len(test.labels))[:tested]
    parts = [_take(train, order[held : held + used]), _take(train, order[:held]), _take(test, drawn)]
    return _normalise([_resize(part, config.image_size) for part in parts], _num_classes(train, test))


def _num_classes(train: RawImages, test: RawImages) -> int:
    classes = np.unique(train.labels).tolist()
    if len(classes) < 2 or classes != list(range(len(classes))) or test.labels.max() >= len(classes):
        raise UserError(
            "data: the training images must cover the classes 0, 1, 2, ... without a gap and the test images "
            f"no others, received {classes} and {np.unique(test.labels).tolist()}; renumber the classes."
        )
    return len(classes)


def _take(raw: RawImages, index: NDArray[np.int64]) -> Split:
    images = torch.from_numpy(np.ascontiguousarray(raw.images[index])).float()
    images = images.unsqueeze(1) if images.ndim == 3 else images.permute(0, 3, 1, 2)
    labels = torch.from_numpy(np.asarray(raw.labels[index]).astype(np.int64))
    return Split(images.contiguous(), labels)


def _resize(split: Split, size: int | None) -> Split:
    if size is None:
        return split
    return Split(interpolate(split.images, size=(size, size), mode="area"), split.labels)


def _normalise(parts: list[Split], num_classes: int) -> ImageData:
    pixels = parts[0].images
    mean = pixels.mean(dim=(0, 2, 3), keepdim=True)
    scale = pixels.std(dim=(0, 2, 3), keepdim=True).clamp_min(1e-6)
    train, validation, test = (Split((part.images - mean) / scale, part.labels) for part in parts)
    return ImageData(train, validation, test, num_classes)
