"""Data-parallel training, its workers being threads that speak over the loopback interface."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from neurocap_search.config import DataConfig, TrainingConfig
from neurocap_search.prediction import Report
from neurocap_search.training import DivergedError, ImageData, Training, load_images
from neurocap_search.training.distributed import PeerLostError, WorkerGroup
from neurocap_search.training.rendezvous import find_store, join_group, open_store
from search_spaces import MlpSpace

HOST = "127.0.0.1"
Answer = TypeVar("Answer")


@pytest.fixture(scope="module")
def data() -> ImageData:
    return load_images(DataConfig(train_size=99, validation_size=50, test_size=10))


def together(size: int, work: Callable[[WorkerGroup], Answer], *, stay: bool = True) -> list[Answer]:
    """Do the work as each of the workers of a group, at once; they stay until all are done."""
    master, port = open_store(HOST)
    groups = []

    def run(rank: int) -> Answer:
        store = master if rank == 0 else find_store(HOST, port)
        group = join_group(store, rank, size, HOST, torch.device("cpu"))
        if stay:
            groups.append(group)
        return work(group)

    # The threads share one random generator; what they leave of it is not to be seen elsewhere.
    with torch.random.fork_rng(devices=[]), ThreadPoolExecutor(size) as threads:
        return [future.result(60) for future in [threads.submit(run, rank) for rank in range(size)]]


def build(data: ImageData, seed: int = 0, **changes: Any) -> nn.Module:
    architecture = {"space": "mlp", "widths": [16], "activation": "relu", "normalisation": "none"}
    return MlpSpace().build(
        architecture | {"dropout": 0.0} | changes, data.input_shape, data.num_classes, seed
    )


def settings(**changes: Any) -> TrainingConfig:
    return TrainingConfig(**({"epochs": 3, "batch_size": 32, "probe_samples": 32} | changes))


def compared(reports: list[Report]) -> list[dict[str, float]]:
    return [{k: v for k, v in r.metrics.items() if k != "measure_seconds"} for r in reports]


@given(st.integers(1, 40), st.integers(1, 7))
def test_the_parts_of_a_batch_are_the_batch_and_none_is_a_single_image(images: int, size: int) -> None:
    batch = torch.arange(images)
    parts = [WorkerGroup(rank, size).part(batch) for rank in range(size)]
    assert torch.equal(torch.cat(parts), batch)
    lengths = [len(part) for part in parts]
    assert images == 1 or 1 not in lengths
    used = [length for length in lengths if length]
    assert max(used) - min(used) <= 1
    assert len(used) == max(1, min(size, images // 2))


# 99 images: with 32 the last batch has 3 (one worker is idle), with 49 it has one, which is left out.
@pytest.mark.parametrize(("size", "batch_size"), [(2, 32), (3, 32), (2, 49), (3, 4)])
@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_several_workers_train_as_one_does(data: ImageData, size: int, batch_size: int, optimizer) -> None:
    chosen = settings(batch_size=batch_size, optimizer=optimizer, learning_rate=0.01)
    alone = compared(list(Training(build(data), data, chosen, seed=3).reports((0.5,))))

    models = [build(data) for _ in range(size)]  # here: threads would draw weights from one generator

    def work(group: WorkerGroup) -> tuple[list[Report], dict[str, torch.Tensor]]:
        model = models[group.rank]
        return list(Training(model, data, chosen, seed=3, group=group).reports((0.5,))), model.state_dict()

    answers = together(size, work)
    for mine, theirs in zip(compared(answers[0][0]), alone, strict=True):
        assert mine.keys() == theirs.keys()
        assert mine == pytest.approx(theirs, rel=1e-4, abs=1e-6)
    for reports, weights in answers[1:]:
        assert all(torch.equal(weights[name], tensor) for name, tensor in answers[0][1].items())
        for mine, first in zip(compared(reports), compared(answers[0][0]), strict=True):
            names = {"train_loss", "train_accuracy", "learning_rate", "parameters"}
            assert mine == {name: first[name] for name in names}


def test_worker_0_gives_the_others_its_weights_and_buffers(data: ImageData) -> None:
    models = [build(data, seed=rank, normalisation="batch") for rank in range(2)]

    def work(group: WorkerGroup) -> dict[str, torch.Tensor]:
        model = models[group.rank]
        for buffer in model.buffers():
            buffer.fill_(group.rank)
        Training(model, data, settings(), seed=0, group=group)
        return {name: tensor.clone() for name, tensor in model.state_dict().items()}

    first, second = together(2, work)
    expected = build(data, seed=0, normalisation="batch")
    assert all(torch.equal(second[name], tensor) for name, tensor in first.items())
    assert all(torch.equal(first[name], tensor) for name, tensor in expected.named_parameters())
    assert not any(buffer.any() for name, buffer in first.items() if "running" in name)


def test_batch_normalisation_takes_its_statistics_from_the_worker_s_own_part(data: ImageData) -> None:
    def work(group: WorkerGroup) -> tuple[torch.Tensor, list[torch.Tensor]]:
        model = build(data, normalisation="batch")
        list(Training(model, data, settings(epochs=1), seed=0, group=group).reports())
        return next(iter(model.buffers())), list(model.parameters())

    (first, weights), (second, others) = together(2, work)
    assert not torch.equal(first, second)
    assert all(torch.equal(a, b) for a, b in zip(weights, others, strict=True))


def test_a_gradient_that_no_worker_has_stays_none_and_one_that_a_worker_has_reaches_all() -> None:
    def work(group: WorkerGroup) -> list[torch.Tensor | None]:
        weights = [nn.Parameter(torch.zeros(2)) for _ in range(3)]
        weights[0].grad = torch.full((2,), group.rank + 1.0)
        if group.rank == 1:
            weights[1].grad = torch.tensor([5.0, 6.0])
        group.sum_gradients(weights)
        return [weight.grad for weight in weights]

    for both, one, none in together(2, work):
        assert torch.equal(both, torch.full((2,), 3.0))
        assert torch.equal(one, torch.tensor([5.0, 6.0]))
        assert none is None


def test_an_unused_weight_decays_no_more_than_with_one_worker(data: ImageData) -> None:
    def train(group: WorkerGroup | None) -> torch.Tensor:
        model = build(data)
        model.spare = nn.Parameter(torch.ones(2))
        further = {} if group is None else {"group": group}
        list(
            Training(
                model, data, settings(weight_decay=0.1, graph_measures=False), seed=0, **further
            ).reports()
        )
        return model.spare.detach()

    assert torch.equal(train(None), torch.ones(2))
    assert all(torch.equal(spare, torch.ones(2)) for spare in together(2, train))


def test_a_network_diverges_for_all_workers_alike(data: ImageData) -> None:
    def work(group: WorkerGroup) -> str:
        with pytest.raises(DivergedError) as caught:
            list(Training(build(data), data, settings(learning_rate=1e30), seed=0, group=group).reports())
        return str(caught.value)

    first, second = together(2, work)
    assert first == second
    assert "The training loss is" in first


def test_dropout_masks_differ_between_workers_and_are_those_of_before_for_the_first(data: ImageData) -> None:
    seeds = []
    for rank in range(3):
        training = Training(build(data), data, settings(), seed=7, group=WorkerGroup(rank, 3))
        seeds.append(training._dropout_seed(2))
    assert seeds[0] == 9
    assert len(set(seeds)) == 3


def test_a_peer_that_has_gone_is_told_from_an_error_of_the_training() -> None:
    def work(group: WorkerGroup) -> str | None:
        if group.rank == 1:
            return None  # its group ends with the last reference to it
        with pytest.raises(PeerLostError) as caught:
            group.total(torch.zeros(1))
        return str(caught.value)

    assert together(2, work, stay=False)[0].startswith("A worker of the trial no longer answers: ")


def test_workers_on_one_node_listen_on_the_loopback_interface_only() -> None:
    psutil = pytest.importorskip("psutil")

    def listening() -> set[tuple[str, int]]:
        found = psutil.Process().net_connections(kind="inet")
        return {tuple(c.laddr) for c in found if c.status == psutil.CONN_LISTEN}

    before = listening()

    def work(group: WorkerGroup) -> set[tuple[str, int]]:
        group.total(torch.zeros(1))
        return listening() - before

    for opened in together(2, work):
        assert opened
        assert {host for host, _ in opened} == {HOST}
