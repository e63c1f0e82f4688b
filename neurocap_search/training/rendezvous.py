"""How the workers of a data-parallel training find one another."""

import os
import socket

import torch
from torch import distributed
from torch.distributed import PrefixStore, ProcessGroup, Store, TCPStore  # type: ignore[attr-defined]

from neurocap_search.training.distributed import WorkerGroup


def open_store(address: str) -> tuple[Store, int]:
    """Open the store in which workers find one another, and return it with its port.

    The port is free and the socket bound to ``address`` alone, on which PyTorch by itself would not insist.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listening = socket.create_server((address, 0), family=family)
    port = listening.getsockname()[1]
    store = TCPStore(
        address, port, is_master=True, wait_for_workers=False, master_listen_fd=listening.detach()
    )
    return store, port


def find_store(address: str, port: int) -> Store:
    """Return the store that another worker has opened."""
    return TCPStore(address, port, is_master=False)


def join_group(store: Store, rank: int, size: int, address: str, device: torch.device) -> WorkerGroup:
    """Join the others and return the group; waits until all have joined.

    PyTorch's default process group is left alone: it is one for each process and cannot be bound to an
    address.

    Args:
        store: The same for all, see :func:`open_store`.
        rank: Number of this worker, from 0.
        size: Number of workers.
        address: Of this worker's node, the loopback address if all workers are on one node.
        device: NCCL carries the sums between GPUs, Gloo all else.
    """
    connect = _nccl if device.type == "cuda" else _gloo
    return WorkerGroup(rank, size, connect(PrefixStore("workers", store), rank, size, address))


# Both answer the calls of a ProcessGroup that are used here; PyTorch's stubs do not say so.


def _gloo(store: Store, rank: int, size: int, address: str) -> ProcessGroup:
    gloo = distributed.ProcessGroupGloo
    options = gloo._Options()  # type: ignore[attr-defined]
    options._devices = [gloo.create_device(hostname=address)]
    return gloo(store, rank, size, options)  # type: ignore[return-value]


def _nccl(store: Store, rank: int, size: int, address: str) -> ProcessGroup:
    if address == "127.0.0.1":
        os.environ.setdefault("NCCL_SOCKET_IFNAME", "lo")
    nccl = distributed.ProcessGroupNCCL
    return nccl(store, rank, size, nccl.Options())  # type: ignore[return-value]
