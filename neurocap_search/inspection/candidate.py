"""Measuring the network of a trial: its head beside the whole."""

import copy

import torch

from neurocap_search.inspection.measures import EpochMeasures, measure_network
from neurocap_search.inspection.subject import Step
from neurocap_search.network_science import Capacitance
from neurocap_search.prediction import Report
from neurocap_search.training import ImageData, evaluate
from search_spaces.network import CandidateNetwork

WHOLE_IMAGES = 32
"""Training images on which the whole network is measured."""


def measure_candidate(
    network: CandidateNetwork,
    data: ImageData,
    probe_samples: int,
    step: Step,
    report: Report | None = None,
) -> EpochMeasures:
    """Measure a network of a search as it is now, on a copy of it on the CPU.

    Args:
        network: The network, on any device and in any mode.
        data: The images of the search, on the CPU.
        probe_samples: Training images on which the head is measured, as in the search.
        step: Told the name of each part.
        report: Of the training at this epoch; None stands for the initial network, which is evaluated on
            the validation images.
    """
    still = copy.deepcopy(network).cpu().eval()
    report = report or Report(0, evaluate(still, data.validation, "val"))
    images, labels = (part[:WHOLE_IMAGES] for part in (data.train.images, data.train.labels))
    head = measure_head(still, data, probe_samples)
    return measure_network(
        still, images, labels, epoch=int(report.epoch), metrics=report.metrics, head=head, step=step
    )


@torch.no_grad()
def measure_head(network: CandidateNetwork, data: ImageData, probe_samples: int) -> Capacitance:
    """Measure the head as the search does, and keep the reason of a value that is none."""
    images, labels = (part[:probe_samples] for part in (data.train.images, data.train.labels))
    try:
        return network.head.measure(network.forward_features(images), labels)
    except ValueError as error:
        return Capacitance(float("nan"), float("nan"), float("nan"), str(error))


def candidate_images(data_name: str, probe_samples: int) -> str:
    """Say on what the measures of a search's network are taken."""
    return (
        f"the head on at most {probe_samples} training images of {data_name}, the whole network on at most "
        f"{WHOLE_IMAGES}"
    )
