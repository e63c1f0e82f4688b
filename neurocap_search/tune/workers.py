"""Several workers that train the network of a trial together, inside the trial's own resources."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import ray
from ray import tune
from ray.actor import ActorHandle
from ray.exceptions import RayTaskError

from neurocap_search.config import ResourcesConfig
from neurocap_search.prediction import Report
from neurocap_search.training.distributed import PeerLostError
from neurocap_search.training.task import Task
from neurocap_search.tune.worker import Worker, read_files, write_files

_LOOPBACK = "127.0.0.1"
_SEEK_CAUSE = 60.0
"""Seconds in which Ray is to notice that a worker died which the others miss."""


def trial_resources(config: ResourcesConfig) -> dict[str, float] | tune.PlacementGroupFactory:
    """Return what Ray Tune is to reserve for a trial: a bundle for each worker, if there are several.

    The trial's own process only waits for its workers; it needs no core of its own.
    """
    if config.workers_per_trial == 1:
        return {"cpu": config.cpus_per_trial, "gpu": config.gpus_per_trial}
    bundle = {"CPU": config.cpus_per_trial, "GPU": config.gpus_per_trial}
    return tune.PlacementGroupFactory([{}, *[bundle] * config.workers_per_trial])


class WorkerPool:
    """The workers of a trial's process, as Ray actors; they train one trial after another.

    Ray Tune captures actors that a trial starts in the trial's placement group. With it, or with the
    process that started them, they end. Between two epochs they wait; a trial that Tune stops at a report
    leaves them ready for the next.

    Args:
        task: What all trials share.
    """

    def __init__(self, task: Task) -> None:
        resources, shared = task.resources, ray.put(task)
        actor = ray.remote(num_cpus=resources.cpus_per_trial, num_gpus=resources.gpus_per_trial)(Worker)
        count = resources.workers_per_trial
        self._workers: list[ActorHandle[Worker]] = [actor.remote(rank, shared) for rank in range(count)]
        try:
            self._join()
        except BaseException:
            self.close()
            raise

    @property
    def closed(self) -> bool:
        """Whether the workers have been ended."""
        return not self._workers

    def close(self) -> None:
        """End the workers."""
        for worker in self._workers:
            ray.kill(worker)
        self._workers = []

    def all(self, method: str, *arguments: Any) -> list[Any]:
        """Call a method of all workers and return their answers.

        A pool in which a worker failed is closed: the others may wait for it for ever.

        Raises:
            Exception: What a worker raised.
            RayActorError: If a worker died.
            PeerLostError: If workers lost one another and none died.
        """
        return self._gather([getattr(worker, method).remote(*arguments) for worker in self._workers])

    def first(self, method: str, *arguments: Any) -> Any:
        """Call a method of worker 0 and return its answer; for errors see :meth:`all`."""
        return self._gather([getattr(self._workers[0], method).remote(*arguments)])[0]

    def _join(self) -> None:
        nodes, addresses = zip(*self.all("node"), strict=True)
        if len(set(nodes)) == 1:
            addresses = (_LOOPBACK,) * len(nodes)
        port, size = self.first("listen", addresses[0]), len(nodes)
        places = zip(self._workers, addresses, strict=True)
        self._gather([worker.join.remote(size, addresses[0], port, own) for worker, own in places])

    def _gather(self, answers: list[Any]) -> list[Any]:
        try:
            _wait(answers)
            return list(ray.get(answers))
        except BaseException:
            self.close()
            raise


def _wait(answers: list[Any]) -> None:
    """Wait for all answers or the first error, of which a lost peer is only a consequence."""
    waiting, lost = list(answers), None
    while waiting:
        done, waiting = ray.wait(waiting, timeout=None if lost is None else _SEEK_CAUSE)
        if not done:
            break
        try:
            ray.get(done)
        except RayTaskError as error:
            if not isinstance(error.cause, PeerLostError):
                raise error.cause from None
            lost = error.cause
    if lost is not None:
        raise lost


class ParallelTraining:
    """The training of one network by the workers of a pool; used like a ``Training``.

    Args:
        pool: The workers.
        config: The trial's ``architecture`` and ``training``.
        checkpoint: Folder of a checkpoint to go on from.
    """

    def __init__(self, pool: WorkerPool, config: dict[str, Any], checkpoint: Path | None = None) -> None:
        self._pool = pool
        files = None if checkpoint is None else ray.put(read_files(checkpoint))
        pool.all("begin", config, files)

    def reports(self, marks: Sequence[float] = ()) -> Iterator[Report]:
        """Train to the end and yield the reports of worker 0; the marks are those of the workers' task."""
        while (report := self._pool.all("next_report")[0]) is not None:
            yield report

    def save(self, folder: Path) -> None:
        """Write a checkpoint to a folder."""
        write_files(folder, self._pool.first("checkpoint"))


_pool: WorkerPool | None = None


def pool_of_this_process(task: Task) -> WorkerPool:
    """Return the workers of this process, which it keeps from trial to trial; start them if there are none.

    A process that Ray Tune uses again runs trials of one experiment only, and so of one task.
    """
    global _pool
    if _pool is None or _pool.closed:
        _pool = WorkerPool(task)
    return _pool
