"""Images: sources, splits, normalisation and what is said of unusable ones."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from neurocap_search.config import DataConfig
from neurocap_search.errors import UserError
from neurocap_search.training.data import RawImages, load_images, read_npz, split_images
from tests.conftest import SHARED


def test_digits_are_split_without_overlap_and_normalised_by_the_training_images() -> None:
    data = load_images(DataConfig(source="digits"))
    sizes = [len(split) for split in (data.train, data.validation, data.test)]
    assert sum(sizes) == len(load_digits().target) == 1797
    assert data.input_shape == (1, 8, 8)
    assert data.num_classes == 10
    assert data.train.images.mean().item() == pytest.approx(0, abs=1e-5)
    assert data.train.images.std().item() == pytest.approx(1, abs=1e-5)
    # Distinct images in all: no image of one part stands in another (digits holds no duplicates).
    rows = torch.cat([split.images.flatten(1) for split in (data.train, data.validation, data.test)])
    assert len(torch.unique(rows, dim=0)) == 1797


def test_the_seed_draws_the_split() -> None:
    first, again, other = (load_images(DataConfig(seed=seed)).train.labels for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def make_raw(n: int, channels: int | None) -> RawImages:
    shape = (n, 8, 8) if channels is None else (n, 8, 8, channels)
    rng = np.random.default_rng(0)
    return RawImages(rng.integers(0, 256, shape, dtype=np.uint8), np.arange(n) % 4)


@pytest.mark.parametrize(("channels", "expected"), [(None, 1), (1, 1), (3, 3)])
def test_channels_come_first(channels: int | None, expected: int) -> None:
    raw = make_raw(40, channels)
    data = split_images(raw, raw, DataConfig(train_size=20, validation_size=10, test_size=5))
    assert data.train.images.shape == (20, expected, 8, 8)
    assert [len(data.validation), len(data.test)] == [10, 5]


def test_resizing_averages_areas() -> None:
    raw = make_raw(10, 3)
    config = DataConfig(train_size=8, validation_size=2, image_size=4)
    small = split_images(raw, raw, config).test.images
    large = split_images(raw, raw, config.model_copy(update={"image_size": None})).test.images
    blocks = large.unfold(2, 2, 2).unfold(3, 2, 2).mean(dim=(4, 5))
    # Both are normalised, by different numbers: equal up to a scale and shift for each channel.
    for channel in range(3):
        pair = torch.stack([small[:, channel].flatten(), blocks[:, channel].flatten()])
        assert torch.corrcoef(pair)[0, 1].item() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (DataConfig(train_size=39, validation_size=2), "39 training and 2 validation images were asked for"),
        (DataConfig(test_size=41), "data.test_size: there are 40 test images, received 41."),
    ],
)
def test_too_many_images(config: DataConfig, message: str) -> None:
    with pytest.raises(UserError, match=message):
        split_images(make_raw(40, None), make_raw(40, None), config)


def images(n: int = 4, **changes: Any) -> RawImages:
    return RawImages(**({"images": np.zeros((n, 8, 8)), "labels": np.arange(n) % 2} | changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": np.zeros(3, int)}, r"received images \(4, 8, 8\) and labels \(3,\)"),
        ({"labels": np.zeros((4, 1), int)}, r"labels \(4, 1\)"),
        ({"images": np.zeros((4, 64))}, r"received images \(4, 64\)"),
        ({"labels": np.full(4, 0.5)}, "labels must be integers from 0, received float64 such as"),
        ({"labels": np.array(["cat"] * 4)}, "labels must be integers from 0, received <U3"),
        ({"labels": np.array([-1, 0, 1, 2])}, "labels must be integers from 0, received int64"),
        ({"images": np.full((4, 8, 8), np.nan)}, "images must be finite numbers"),
        ({"n": 0}, "there are no images"),
    ],
)
def test_arrays_that_are_no_images_with_labels(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        images(**changes)


@pytest.mark.parametrize(
    ("train", "test", "message"),
    [
        (
            images(10),
            images(images=np.zeros((4, 9, 9))),
            r"training images of shape \(8, 8\) and test images",
        ),
        (images(10), images(images=np.zeros((4, 8, 8, 3))), "do not go together"),
        (images(10, labels=np.full(10, 1)), images(), r"cover the classes 0, 1, 2, \.\.\."),
        (
            images(10, labels=np.full(10, 0)),
            images(labels=np.zeros(4, int)),
            r"without a gap .* received \[0\] and \[0\]",
        ),
        (images(10, labels=np.arange(10) % 2 * 2), images(labels=np.zeros(4, int)), r"received \[0, 2\]"),
    ],
)
def test_sets_that_do_not_go_together(train: RawImages, test: RawImages, message: str) -> None:
    with pytest.raises(UserError, match=message):
        split_images(train, test, DataConfig())


def test_npz_by_both_names(tmp_path: Path) -> None:
    images, labels = np.arange(128, dtype=np.uint8).reshape(2, 8, 8), np.array([0, 1])
    np.savez(tmp_path / "a.npz", x=images, y=labels)
    np.savez(tmp_path / "b.npz", images=images, labels=labels)
    for name in ("a.npz", "b.npz"):
        assert np.array_equal(read_npz(tmp_path / name).images, images)


def test_npz_packed_by_differences_is_undone_exactly(tmp_path: Path) -> None:
    red, green, blue = np.random.default_rng(0).integers(0, 256, (3, 5, 6, 7), dtype=np.uint8)
    planes = np.stack([green, red - green, blue - green], 1)  # modulo 256
    packed = np.diff(np.diff(planes, axis=2, prepend=np.uint8(0)), axis=3, prepend=np.uint8(0))
    np.savez(tmp_path / "q.npz", q=packed, y=np.zeros(5, dtype=np.uint8))
    assert np.array_equal(read_npz(tmp_path / "q.npz").images, np.stack([red, green, blue], -1))


def test_npz_without_the_keys(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", pictures=np.zeros(3))
    with pytest.raises(
        UserError, match=r"needs the keys x \(or images\) and y \(or labels\), received pictures"
    ):
        read_npz(tmp_path / "a.npz")


def test_files_that_are_no_npz(tmp_path: Path) -> None:
    np.save(tmp_path / "array.npy", np.zeros(3))
    np.savez(tmp_path / "whole.npz", x=np.zeros((20, 8, 8)), y=np.zeros(20))
    (tmp_path / "cut.npz").write_bytes((tmp_path / "whole.npz").read_bytes()[:400])
    (tmp_path / "text.npz").write_text("no archive")
    for name in ("array.npy", "cut.npz", "text.npz", "absent.npz"):
        with pytest.raises(UserError, match=f"{name} cannot be read as npz"):
            read_npz(tmp_path / name)


def test_files_of_different_shapes(tmp_path: Path) -> None:
    for size in (8, 9):
        np.savez(tmp_path / f"{size}.npz", x=np.zeros((4, size, size)), y=np.arange(4) % 2)
    files = (tmp_path / "8.npz", tmp_path / "9.npz")
    with pytest.raises(UserError, match=r"different shapes, received \[\(8, 8\), \(9, 9\)\]"):
        load_images(DataConfig(source="npz", train_files=files, test_files=files[:1]))


def test_npz_is_never_unpickled(tmp_path: Path) -> None:
    np.savez(tmp_path / "evil.npz", x=np.array([{"any": "object"}], dtype=object), y=np.zeros(1))
    with pytest.raises(UserError, match="cannot be read as npz"):
        read_npz(tmp_path / "evil.npz")


@pytest.mark.skipif(
    not (SHARED / "cifar10" / "test.npz").exists(), reason="the CIFAR-10 npz files are absent"
)
def test_cifar_files_read_as_documented() -> None:
    raw = read_npz(SHARED / "cifar10" / "train_0.npz")
    assert raw.images.shape == (10000, 32, 32, 3)
    assert raw.images[0, 0, 0].tolist() == [59, 62, 63]
    assert raw.labels[:6].tolist() == [6, 9, 9, 4, 1, 1]


@pytest.mark.skipif(
    not (SHARED / "fashion-mnist" / "train-images-idx3-ubyte.gz").exists(), reason="Fashion-MNIST is absent"
)
def test_torchvision_by_name(tmp_path: Path) -> None:
    import gzip

    raw = tmp_path / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    for path in (SHARED / "fashion-mnist").glob("*.gz"):
        (raw / path.stem).write_bytes(gzip.decompress(path.read_bytes()))
    config = DataConfig(
        source="torchvision", name="FashionMNIST", root=tmp_path, train_size=100, image_size=14
    )
    data = load_images(config)
    assert data.input_shape == (1, 14, 14)
    assert len(data.test) == 10000
    assert torch.bincount(data.test.labels).tolist() == [1000] * 10
