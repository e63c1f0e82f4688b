"""One trial: data, training loop, beta_eff after every epoch, weights on disk."""

from neurocap_search.torch_pair import check_torch_pair

check_torch_pair()

from neurocap_search.training.data import ImageData, load_images
from neurocap_search.training.loop import DivergedError, Training, evaluate, train
from neurocap_search.training.settings import trial_settings
from neurocap_search.training.weights import load_weights, save_weights

__all__ = [
    "DivergedError",
    "ImageData",
    "Training",
    "evaluate",
    "load_images",
    "load_weights",
    "save_weights",
    "train",
    "trial_settings",
]
