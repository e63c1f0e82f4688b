"""Cost of the network-science measures, as ratios within one run; medians of several repetitions.

    python scripts/benchmark_network_science.py             # all parts, a few minutes on two cores
    python scripts/benchmark_network_science.py --parts epoch,head-memory
    python scripts/benchmark_network_science.py --device cuda

NetworkX and WeightWatcher are compared where they are installed: pip install networkx weightwatcher
"""

import argparse
import copy
import logging
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
import torchvision
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from neurocap_search.config import TrainingConfig
from neurocap_search.network_science import (
    eigenvector_centrality,
    layer_fluctuation,
    lenet,
    network_capacitance,
    node_strength,
    rolled_graph,
)
from neurocap_search.training.data import Split
from neurocap_search.training.graph_measures import GraphMeasures
from neurocap_search.training.measures import EpochMeasures, measure
from search_spaces import CellSpace

SMALLEST = "|skip_connect~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|"
EMPTY = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    what: str
    seconds: float
    beside: str
    reference: float
    target: str

    def __str__(self) -> str:
        """Align the columns; the ratio is the result."""
        share = self.seconds / self.reference
        ratio = f"{share:.1%} of it" if share < 1 and "%" in self.target else f"{share:.2f} x"
        if self.target.startswith(">="):
            ratio = f"{1 / share:.0f} times faster"
        return (
            f"{self.what:<58} {self.seconds * 1e3:>10.2f} ms  beside {self.beside:<42} "
            f"{self.reference * 1e3:>11.1f} ms  {ratio:>19}  target {self.target}"
        )


def median(run: Callable[[], object], device: torch.device, repeats: int = 7) -> float:
    """Median seconds of several runs after one that is not counted."""

    def once() -> float:
        start = time.perf_counter()
        run()
        if device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() - start

    once()
    return statistics.median(once() for _ in range(repeats))


def epoch(device: torch.device) -> list[Row]:
    """The default measures beside one training epoch of the smallest cell networks on 4,000 images."""
    return [
        *_epoch(SMALLEST, "smallest cell that learns", device),
        *_epoch(EMPTY, "cell of only none", device),
    ]


def _epoch(cell: str, name: str, device: torch.device) -> list[Row]:
    split = Split(torch.randn(4000, 3, 16, 16).to(device), torch.randint(10, (4000,)).to(device))
    model = CellSpace(channels=8, cells_per_stage=1).build({"space": "cell", "cell": cell}, (3, 16, 16), 10)
    model.to(device)
    whole = median(lambda: _train(model, split), device, 5)
    model.eval()
    measures, graph = EpochMeasures(model, split, TrainingConfig()), GraphMeasures(model, split.images[:1])
    half = EpochMeasures(model, split, TrainingConfig(probe_samples=256))
    with torch.no_grad():
        features = model.forward_features(split.images[:512])
    labels, head = split.labels[:512], model.head.measure

    def row(what: str, run: Callable[[], object], target: str = "none (%)") -> Row:
        return Row(what, median(run, device, 25), f"epoch, {name}", whole, target)

    anew = partial(measure, model, split, TrainingConfig())
    return [
        row("beta_eff of the head on 512 samples, features given", partial(head, features, labels), "<= 2 %"),
        row("degree, centrality, strength, wiring known", graph.measure),
        row("all default measures, forward pass of the 512 included", measures.take, "<= 5 %"),
        row("the same with 256 samples", half.take),
        row("the same with 512 samples, wiring traced anew", anew),
    ]


def _train(model: nn.Module, split: Split) -> None:
    """One epoch, batch 50, as the training loop does it."""
    model.train()
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.01, momentum=0.9)
    for batch in torch.randperm(len(split), device=split.labels.device).split(50):
        optimizer.zero_grad(set_to_none=True)
        cross_entropy(model(split.images[batch]), split.labels[batch]).backward()
        optimizer.step()


def head_memory(device: torch.device) -> list[str]:
    """Peak memory of measuring heads of several sizes, beyond what the process held before (Linux)."""
    lines = []
    for width in (256, 512, 1024):
        parameters = 2048 * width + 2 * width * width + width * 10
        process = subprocess.run(
            [sys.executable, "-c", _PEAK, str(width)], capture_output=True, text=True, check=True
        )
        peak, own = int(process.stdout) / 1024, parameters * 8 / 2**20
        lines.append(
            f"head 2048-{width}-{width}-{width}-10: {parameters:>9,} parameters, {own:5.1f} MiB in float64; "
            f"measured with {peak:6.1f} MiB more; dense P: {float(parameters) ** 2:.0e} entries"
        )
    return lines


_PEAK = """
import pathlib, re, sys, torch
from neurocap_search.network_science import NeuralCapacitanceProbe

def kilobytes(name):
    return int(re.search(name + r":\\s+(\\d+)", pathlib.Path("/proc/self/status").read_text())[1])

torch.set_num_threads(1)
probe = NeuralCapacitanceProbe(2048, 10, width=int(sys.argv[1]))
x, y = torch.rand(256, 2048), torch.arange(256) % 10
NeuralCapacitanceProbe(8, 10, width=8).measure(x[:, :8], y)  # loads what is loaded once
pathlib.Path("/proc/self/clear_refs").write_text("5")  # forgets the peak so far
before = kilobytes("VmRSS")
probe.measure(x, y)
print(kilobytes("VmHWM") - before)
"""


def whole_network(device: torch.device) -> list[Row]:
    """beta_eff of all layers beside one forward and one backward pass."""
    rows = []
    for name, batch in (
        ("resnet18", 8),
        ("vgg16", 8),
        ("mobilenet_v2", 8),
        ("densenet121", 8),
        ("vit_b_16", 2),
    ):
        torch.manual_seed(0)
        network = getattr(torchvision.models, name)().eval().to(device)
        inputs, labels = torch.randn(batch, 3, 224, 224).to(device), torch.randint(1000, (batch,)).to(device)

        def both(network: nn.Module = network, inputs: Tensor = inputs, labels: Tensor = labels) -> None:
            network.zero_grad()
            cross_entropy(network(inputs), labels).backward()

        def ours(network: nn.Module = network, inputs: Tensor = inputs, labels: Tensor = labels) -> None:
            network_capacitance(network, inputs, labels)

        repeats = 5 if name == "resnet18" else 3
        reference, measured = median(both, device, repeats), median(ours, device, repeats)
        target = "<= 3 x" if name == "resnet18" else "none"
        rows.append(
            Row(
                f"beta_eff of {name}, {batch} at 224 x 224",
                measured,
                "forward and backward",
                reference,
                target,
            )
        )
    return rows


def networkx(device: torch.device) -> list[Row]:
    """Eigenvector centrality beside both of NetworkX, on graphs that are already built."""
    import networkx as nx

    small = _centrality("LeNet", lenet(), 32, [nx.eigenvector_centrality_numpy, nx.eigenvector_centrality])
    # NetworkX's power iteration takes minutes here.
    large = _centrality("ResNet-18", torchvision.models.resnet18(), 224, [nx.eigenvector_centrality_numpy])
    return [*small, *large]


def _centrality(name: str, network: nn.Module, size: int, rivals: list[Callable[..., object]]) -> list[Row]:
    import networkx as nx

    cpu = torch.device("cpu")
    adjacency = rolled_graph(network, torch.zeros(1, 3, size, size)).adjacency
    graph = nx.from_scipy_sparse_array(adjacency)
    ours = median(lambda: eigenvector_centrality(adjacency), cpu, 5)
    rows = []
    for rival in rivals:
        options = (
            {"max_iter": 10_000, "weight": "weight"}
            if "numpy" not in rival.__name__
            else {"weight": "weight"}
        )
        reference = median(partial(rival, graph, **options), cpu, 3)
        beside = f"NetworkX {rival.__name__}"
        rows.append(Row(f"eigenvector_centrality of {name}", ours, beside, reference, ">= 10 times"))
    return rows


def weightwatcher(device: torch.device) -> list[Row]:
    """Node strength and fluctuation of every layer beside WeightWatcher's spectra of every layer."""
    logging.disable(logging.WARNING)
    import weightwatcher as ww

    rows = []
    for name in ("resnet18", "vgg16"):
        torch.manual_seed(0)
        network, sample = getattr(torchvision.models, name)().eval(), torch.zeros(1, 3, 224, 224)

        def theirs(network: nn.Module = network) -> None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                ww.WeightWatcher(model=copy.deepcopy(network)).analyze()

        def ours(network: nn.Module = network, sample: Tensor = sample) -> None:
            layer_fluctuation(node_strength(network, sample).strengths)

        measured = median(ours, torch.device("cpu"), 5)
        reference = median(theirs, torch.device("cpu"), 3 if name == "resnet18" else 1)
        rows.append(
            Row(
                f"strength and fluctuation, all layers of {name}",
                measured,
                "WeightWatcher.analyze",
                reference,
                ">= 10 times",
            )
        )
    return rows


PARTS = {
    "epoch": epoch,
    "head-memory": head_memory,
    "whole-network": whole_network,
    "networkx": networkx,
    "weightwatcher": weightwatcher,
}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--parts", default=",".join(PARTS), help=f"some of {', '.join(PARTS)}")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    unknown = [part for part in arguments.parts.split(",") if part not in PARTS]
    if unknown:
        parser.error(f"unknown part {unknown[0]}; choose from {', '.join(PARTS)}")
    torch.set_num_threads(arguments.threads)
    device = torch.device(arguments.device)
    where = torch.cuda.get_device_name() if device.type == "cuda" else f"{arguments.threads} CPU threads"
    print(f"torch {torch.__version__}, {where}")
    for part in arguments.parts.split(","):
        try:
            for row in PARTS[part](device):
                print(row, flush=True)
        except ModuleNotFoundError as error:
            print(f"{part}: left out, {error.name} is not installed (pip install {error.name})")


if __name__ == "__main__":
    main()
