"""Do our zero-cost proxies rank NAS-Bench-201 cells as published ones do, and as their accuracies?

    python scripts/check_zero_cost.py ../shared/data

Draws cells of NAS-Bench-Suite-Zero's table (arXiv 2210.03230), builds each once, computes every proxy on the
first CIFAR-10 training images and prints Spearman's rank correlation of ours with the published score of the
same proxy, and of both with the published accuracy. The networks have the published size; with one cell a
stage instead of five all but grad_norm and snip rank nearly alike, in a fraction of the time. A proxy that is
not defined for a cell ranks it last, as in the table. The data folder holds
nas_tables/zc_nasbench201.json.gz and cifar10/train_0.npz.
"""

import argparse
import ast
import gzip
import json
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import spearmanr
from torch import Tensor, nn

from neurocap_search.training.data.sources import read_npz
from neurocap_search.zero_cost import ZERO_COST_PROXIES, zero_cost_scores
from search_spaces import EDGES, CellSpace, format_cell
from search_spaces.network import seeded_weights

PUBLISHED = {
    "parameters": "params",
    "multiply_adds": "flops",
    "grad_norm": "grad_norm",
    "snip": "snip",
    "synflow": "synflow",
    "jacob_cov": "jacov",
    "nwot": "nwot",
}
"""The name of a proxy in the table."""

OPERATIONS = ("skip_connect", "none", "nor_conv_3x3", "nor_conv_1x1", "avg_pool_3x3")
"""The operations in the order of the table's codes."""

TABLE_EDGES = ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))
"""The edges in the order of the table's codes."""


def cell_of(code: str) -> str:
    """Return the notation of NAS-Bench-201 for a cell of the table.

    Example:
        >>> cell_of("(0, 2, 3, 2, 3, 1)")
        '|skip_connect~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|nor_conv_1x1~0|nor_conv_1x1~1|none~2|'
    """
    operation = dict(zip(TABLE_EDGES, (OPERATIONS[i] for i in ast.literal_eval(code)), strict=True))
    return format_cell([operation[edge] for edge in EDGES])


def classifier(code: str, space: CellSpace, seed: int) -> nn.Module:
    """Build the network of a cell with the benchmark's own head, one linear layer."""
    with seeded_weights(seed):
        backbone = space.build_backbone({"space": "cell", "cell": cell_of(code)}, (3, 32, 32))
        return nn.Sequential(backbone, nn.Linear(backbone.out_features, 10))


def read_batch(path: Path, size: int) -> tuple[Tensor, Tensor]:
    """Return the first images, normalised by their own channels, and their labels."""
    raw = read_npz(path)
    images = torch.from_numpy(raw.images[:size]).permute(0, 3, 1, 2).float()
    mean, std = images.mean((0, 2, 3), keepdim=True), images.std((0, 2, 3), keepdim=True)
    return (images - mean) / std, torch.from_numpy(raw.labels[:size].astype(np.int64))


def read_table(path: Path, cells: int, seed: int) -> dict[str, Any]:
    """Draw cells of the CIFAR-10 table."""
    with gzip.open(path, "rt") as file:
        table = json.load(file)["cifar10"]
    drawn = np.random.default_rng(seed).choice(sorted(table), size=min(cells, len(table)), replace=False)
    return {code: table[code] for code in drawn.tolist()}


def rank_correlation(left: list[float], right: list[float]) -> float:
    """Return Spearman's rho, with what is not finite in the last rank."""
    finite = [[value if math.isfinite(value) else -math.inf for value in values] for values in (left, right)]
    return float(spearmanr(*finite).statistic)


def compare(ours: list[dict[str, float]], table: dict[str, Any]) -> list[dict[str, Any]]:
    """Return one row a proxy."""
    accuracy = [entry["val_accuracy"] for entry in table.values()]
    rows = []
    for name in ours[0]:
        mine = [scores[name] for scores in ours]
        row: dict[str, Any] = {"proxy": name, "undefined": sum(map(math.isnan, mine))}
        row["ours_accuracy"] = rank_correlation(mine, accuracy)
        if key := PUBLISHED.get(name):
            theirs = [entry.get(key, {}).get("score", math.nan) for entry in table.values()]
            row["published_accuracy"] = rank_correlation(theirs, accuracy)
            row["ours_published"] = rank_correlation(mine, theirs)
        rows.append(row)
    return rows


def print_table(rows: list[dict[str, Any]]) -> None:
    """Print Spearman's rho, a row a proxy."""
    columns = ("ours_published", "published_accuracy", "ours_accuracy")
    print(
        f"{'proxy':22}" + "".join(f"{column.replace('_', ' ~ '):>22}" for column in columns) + "  undefined"
    )
    for row in rows:
        numbers = (f"{row[column]:.3f}" if column in row else "" for column in columns)
        print(
            f"{row['proxy']:22}" + "".join(f"{number:>22}" for number in numbers) + f"{row['undefined']:>11}"
        )


def main() -> None:
    """Compute, compare and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="folder with nas_tables and cifar10")
    parser.add_argument("--cells", type=int, default=100, help="how many cells are drawn")
    parser.add_argument("--channels", type=int, default=16, help="of the first stage; 16 as published")
    parser.add_argument("--cells-per-stage", type=int, default=5, help="5 as published; 1 is faster")
    parser.add_argument("--batch", type=int, default=32, help="images; 32 as published")
    parser.add_argument("--seed", type=int, default=0, help="of the draw and the weights")
    parser.add_argument("--proxies", nargs="+", default=list(ZERO_COST_PROXIES), help="which are computed")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args()
    table = read_table(options.data / "nas_tables" / "zc_nasbench201.json.gz", options.cells, options.seed)
    images, labels = read_batch(options.data / "cifar10" / "train_0.npz", options.batch)
    space = CellSpace(channels=options.channels, cells_per_stage=options.cells_per_stage)
    start = time.process_time()
    networks = (classifier(code, space, options.seed) for code in table)
    ours = [zero_cost_scores(network, images, labels, options.proxies) for network in networks]
    seconds = time.process_time() - start
    rows = compare(ours, table)
    if options.json:
        print(json.dumps({"cells": len(table), "cpu_seconds": seconds, "proxies": rows}))
    else:
        print_table(rows)
        print(f"Spearman's rho over {len(table)} cells; {seconds:.0f} CPU seconds.")


if __name__ == "__main__":
    main()
