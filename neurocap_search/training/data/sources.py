"""Where images come from: scikit-learn's digits, torchvision by name, npz files."""

from collections.abc import Callable, Sequence
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from neurocap_search.config import DataConfig
from neurocap_search.errors import UserError, did_you_mean
from neurocap_search.training.data.images import ImageData, RawImages, split_images


def load_images(config: DataConfig) -> ImageData:
    """Load the images a configuration names.

    Raises:
        UserError: For unknown names, missing files or arrays of the wrong shape.

    Example:
        >>> load_images(DataConfig(source="digits")).input_shape
        (1, 8, 8)
    """
    train, test = _SOURCES[config.source](config)
    return split_images(train, test, config)


def _digits(config: DataConfig) -> tuple[RawImages, RawImages]:
    """Return scikit-learn's 1,797 digits of 8 x 8 pixels; a fifth, always the same, is the test part."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    # In the order of the file the last fifth comes from other writers than the rest.
    order = np.random.default_rng(0).permutation(len(digits.target))
    cut = len(order) * 4 // 5
    train, test = (RawImages(digits.images[i], digits.target[i]) for i in (order[:cut], order[cut:]))
    return train, test


def _torchvision(config: DataConfig) -> tuple[RawImages, RawImages]:
    """Return the training and test part of an image data set of torchvision."""
    import torchvision

    name = str(config.name)
    cls = getattr(torchvision.datasets, name, None)
    if cls is None:
        hint = did_you_mean(name, torchvision.datasets.__all__)
        raise UserError(f"data.name: torchvision.datasets has no {name!r}.{hint}")
    try:
        parts = [cls(str(config.root), train=train, download=config.download) for train in (True, False)]
    except (RuntimeError, OSError) as error:
        way = "check the connection" if config.download else "or data.download=true"
        raise UserError(
            f"data: {name} was not found in {config.root} ({error}). Set data.root to the folder that "
            f"holds it, {way}."
        ) from None
    except TypeError:
        raise UserError(
            f"data.name: {name} has no train and test part held in memory. MNIST, FashionMNIST, KMNIST, "
            "CIFAR10 and CIFAR100 have; convert others to npz and use data.source=npz."
        ) from None
    return _from_torchvision(parts[0]), _from_torchvision(parts[1])


def _from_torchvision(part: object) -> RawImages:
    return RawImages(np.asarray(part.data), np.asarray(part.targets))  # type: ignore[attr-defined]


def _npz(config: DataConfig) -> tuple[RawImages, RawImages]:
    return _read_all(config.train_files), _read_all(config.test_files)


def _read_all(paths: Sequence[Path]) -> RawImages:
    parts = [read_npz(path) for path in paths]
    shapes = {part.images.shape[1:] for part in parts}
    if len(shapes) > 1:
        raise UserError(f"data: the files hold images of different shapes, received {sorted(shapes)}.")
    images = np.concatenate([part.images for part in parts])
    return RawImages(images, np.concatenate([part.labels for part in parts]))


def read_npz(path: Path) -> RawImages:
    """Read images from an npz file without ever unpickling.

    Keys: ``x`` (or ``images``), shape (n, height, width[, channels]), and ``y`` (or ``labels``); or,
    for files that are packed by differences, ``q``, uint8 of shape (n, 3, height, width): the planes
    G, R-G and B-G, each differenced down and then across, all modulo 256.

    Raises:
        UserError: If the file is missing, is no npz or lacks the keys.
    """
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            arrays = {key: file[key] for key in file.files}
    except (OSError, ValueError, AttributeError, TypeError, BadZipFile) as error:
        raise UserError(f"data: {path} cannot be read as npz: {error}") from None
    images = arrays.get("x", arrays.get("images"))
    labels = arrays.get("y", arrays.get("labels"))
    if images is None and "q" in arrays:
        images = _undo_differences(arrays["q"])
    if images is None or labels is None:
        keys = ", ".join(sorted(arrays))
        raise UserError(f"data: {path} needs the keys x (or images) and y (or labels), received {keys}.")
    return RawImages(images, labels)


def _undo_differences(q: NDArray[np.uint8]) -> NDArray[np.uint8]:
    planes = np.cumsum(np.cumsum(q, 2, dtype=np.uint8), 3, dtype=np.uint8)
    green = planes[:, 0]
    return np.stack([planes[:, 1] + green, green, planes[:, 2] + green], -1)


_SOURCES: dict[str, Callable[[DataConfig], tuple[RawImages, RawImages]]] = {
    "digits": _digits,
    "torchvision": _torchvision,
    "npz": _npz,
}
