"""One of the workers of a data-parallel trial."""

import gc
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ray
import torch

from neurocap_search.prediction import Report
from neurocap_search.training import Training
from neurocap_search.training.distributed import ALONE
from neurocap_search.training.rendezvous import find_store, join_group, open_store
from neurocap_search.training.settings import pick_device
from neurocap_search.training.task import Task


class Worker:
    """Trains one network after another together with the other workers; runs as a Ray actor.

    Args:
        rank: Number of this worker, from 0; worker 0 evaluates, measures and writes checkpoints.
        task: What all trials share.
    """

    def __init__(self, rank: int, task: Task) -> None:
        torch.set_num_threads(task.threads)
        self._rank, self._task = rank, task
        self._group = ALONE
        self._training: Training | None = None
        self._reports: Iterator[Report] = iter(())

    def node(self) -> tuple[str, str]:
        """Return id and address of the node this worker is on."""
        return ray.get_runtime_context().get_node_id(), ray.util.get_node_ip_address()

    def listen(self, address: str) -> int:
        """Open the store in which the workers find one another and return its port."""
        self._store, port = open_store(address)
        return port

    def join(self, size: int, host: str, port: int, address: str) -> None:
        """Join the other workers through the store of worker 0."""
        store = self._store if self._rank == 0 else find_store(host, port)
        device = pick_device(self._task.training.device)
        self._group = join_group(store, self._rank, size, address, device)

    def begin(self, config: dict[str, Any], checkpoint: dict[str, bytes] | None) -> None:
        """Begin a trial, or take it up from the files of a checkpoint; the trial before is forgotten."""
        self._training, self._reports = None, iter(())
        free_memory()
        self._training = self._task.start(config, self._group)
        if checkpoint is not None:
            with tempfile.TemporaryDirectory() as folder:
                write_files(Path(folder), checkpoint)
                self._training.load(Path(folder))
        self._reports = self._training.reports(self._task.early_stops)

    def next_report(self) -> Report | None:
        """Train on and return the next report, or None after the last."""
        return next(self._reports, None)

    def checkpoint(self) -> dict[str, bytes]:
        """Return the files of a checkpoint: the trial's folder may be on another node."""
        if self._training is None:
            raise RuntimeError("Nothing is being trained; call begin first.")
        with tempfile.TemporaryDirectory() as folder:
            self._training.save(Path(folder))
            return read_files(Path(folder))


def read_files(folder: Path) -> dict[str, bytes]:
    """Return the contents of the files in a folder by name."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def write_files(folder: Path, files: dict[str, bytes]) -> None:
    """Write what :func:`read_files` returned."""
    for name, content in files.items():
        (folder / name).write_bytes(content)


def free_memory() -> None:
    """Give the memory of a network that is no longer needed back to the GPU."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
