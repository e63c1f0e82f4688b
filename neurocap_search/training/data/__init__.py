"""The images a search works on."""

from neurocap_search.training.data.images import ImageData, RawImages, Split, split_images
from neurocap_search.training.data.sources import load_images, read_npz

__all__ = ["ImageData", "RawImages", "Split", "load_images", "read_npz", "split_images"]
