"""The Ray cluster a search runs on: an existing one, or one of its own on this machine."""

import contextlib
import logging
import os
from collections.abc import Iterator

# Set before Ray is imported: Ray reads them once.
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")
# Tables and MLflow hold all that Ray's own loggers would write, and those cost 1.4 ms a result.
os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")

import ray

from neurocap_search.config import ResourcesConfig
from neurocap_search.errors import UserError


@contextlib.contextmanager
def ray_cluster(config: ResourcesConfig) -> Iterator[None]:
    """Connect to Ray, or start it here, for the duration of the block.

    A Ray that the program had already started is used and left running.

    Raises:
        UserError: If the cluster cannot be reached or can never run a single trial.
    """
    mine = not ray.is_initialized()
    if mine:
        _start(config)
    try:
        _check_room(config)
        yield
    finally:
        if mine:
            ray.shutdown()


def _start(config: ResourcesConfig) -> None:
    quiet = {"include_dashboard": False} if config.address is None else {}
    try:
        ray.init(
            address=config.address or "local",
            num_cpus=config.num_cpus if config.address is None else None,
            log_to_driver=False,
            logging_level=logging.ERROR,
            **quiet,
        )
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise UserError(
            f"resources.address: no Ray cluster answers at {config.address!r}: {error}. Start one with "
            "'ray start --head' or leave resources.address out to run on this machine."
        ) from None


def _check_room(config: ResourcesConfig) -> None:
    """Refuse a trial that no node can hold: Ray would wait for ever."""
    wanted = {"CPU": config.cpus_per_trial, "GPU": config.gpus_per_trial}
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    if not any(all(node.get(k, 0) >= v for k, v in wanted.items()) for node in nodes):
        largest = {k: max((node.get(k, 0) for node in nodes), default=0) for k in wanted}
        raise UserError(
            f"resources: a trial asks for {wanted['CPU']:g} CPUs and {wanted['GPU']:g} GPUs, but the largest "
            f"node has {largest['CPU']:g} CPUs and {largest['GPU']:g} GPUs. Lower resources.cpus_per_trial "
            "or resources.gpus_per_trial."
        )
