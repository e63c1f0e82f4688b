"""The Ray cluster a search runs on: an existing one, or one of its own on this machine."""

import contextlib
import logging
import os
import socket
from collections.abc import Iterator

import ray
from ray._private import ray_constants

from neurocap_search.config import ResourcesConfig
from neurocap_search.errors import UserError

_SWITCHES = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AIR_NEW_OUTPUT": "0",  # its box of settings would stand above the live table
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    # By default a worker is given up, and its next trial with it, if the last one takes 2 s to let go.
    "TUNE_FUNCTION_THREAD_TIMEOUT_S": "300",
    # The run directory and MLflow hold all that Ray's own loggers would write at 1.4 ms a result.
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
}


@contextlib.contextmanager
def ray_cluster(config: ResourcesConfig) -> Iterator[None]:
    """Connect to Ray, or start it here, for the duration of the block.

    A Ray that the program had already started is used and left running.

    Raises:
        UserError: If the cluster cannot be reached or can never run a single trial.
    """
    mine = not ray.is_initialized()
    with _environment(_SWITCHES):
        if mine:
            _start(config)
        try:
            _check_room(config)
            yield
        finally:
            if mine:
                ray.shutdown()


@contextlib.contextmanager
def _environment(switches: dict[str, str]) -> Iterator[None]:
    """Set environment variables the user has not set, for the duration of the block."""
    added = {key: value for key, value in switches.items() if key not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for key in added:
            del os.environ[key]


def _start(config: ResourcesConfig) -> None:
    address = config.address or os.environ.get("RAY_ADDRESS")
    if address in (None, "local"):  # Ray's own word for a cluster of one's own
        _start_here(config.num_cpus)
        return
    if address.startswith("ray://"):
        raise UserError(
            f"resources.address: {address!r} is a Ray Client address, over which the record cannot be kept. "
            "Run neurocap on a node of the cluster with resources.address=auto."
        )
    try:
        _check_answer(address)
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except (OSError, RuntimeError, ValueError) as error:
        raise UserError(
            f"resources.address: no Ray cluster answers at {address!r}: {_one_line(error)} Start one with "
            "'ray start --head', or leave resources.address out to run on this machine."
        ) from None


def _check_answer(address: str) -> None:
    """Fail at once where nobody listens: Ray itself would try for minutes."""
    host, colon, port = address.rpartition(":")
    if colon and port.isdigit():
        socket.create_connection((host, int(port)), timeout=5).close()


def _start_here(num_cpus: int | None) -> None:
    """Start Ray on this machine, its servers on the loopback interface only."""
    ordinary = ray_constants.ENABLE_RAY_CLUSTER
    ray_constants.ENABLE_RAY_CLUSTER = False  # Ray's own switch, off by default on macOS and Windows
    try:
        ray.init(
            address="local",
            num_cpus=num_cpus,
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = ordinary


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]


def _check_room(config: ResourcesConfig) -> None:
    """Refuse a trial that can never run: Ray would wait for ever."""
    wanted = {"CPU": config.cpus_per_trial, "GPU": config.gpus_per_trial}
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    room = sum(_fitting(node, wanted) for node in nodes)
    if room == 0:
        largest = {k: max((node.get(k, 0) for node in nodes), default=0) for k in wanted}
        raise UserError(
            f"resources: a trial asks for {wanted['CPU']:g} CPUs and {wanted['GPU']:g} GPUs, but the largest "
            f"node has {largest['CPU']:g} CPUs and {largest['GPU']:g} GPUs. Lower resources.cpus_per_trial "
            "or resources.gpus_per_trial."
        )
    if room < config.workers_per_trial:
        raise UserError(
            f"resources: a trial asks for {config.workers_per_trial} workers of {wanted['CPU']:g} CPUs and "
            f"{wanted['GPU']:g} GPUs each, but the cluster has room for {room}. Lower "
            "resources.workers_per_trial, resources.cpus_per_trial or resources.gpus_per_trial."
        )


def _fitting(node: dict[str, float], wanted: dict[str, float]) -> int:
    """Return how many bundles of resources a node can hold."""
    return min(int(node.get(name, 0) / amount) for name, amount in wanted.items() if amount > 0)
