"""The file of a population: its protocol in the first line, then a line for each finished network."""

import json
import math
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from graph_signatures.population import Images, Protocol, Setting, load, settings, train
from neurocap_search.errors import UserError
from neurocap_search.prediction import Report
from neurocap_search.progress import progress_bar

_images: Images
"""Of a process that trains: loaded once."""


def train_missing(path: Path, protocol: Protocol, count: int, root: Path, processes: int) -> None:
    """Train what the file lacks of the first ``count`` networks."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(protocol)) + "\n", encoding="utf-8")
    _drop_unfinished(path)
    received, lines = read(path)
    if received != protocol:
        raise UserError(f"{path} holds networks trained by {received}, received {protocol}; name a new file.")
    done = {line["number"] for line in lines}
    missing = [setting for setting in settings(count) if setting.number not in done]
    if not missing:
        return
    pool = ProcessPoolExecutor(processes, get_context("spawn"), _start, (root, protocol))
    try:
        futures = [pool.submit(_train, setting, protocol) for setting in missing]
        with path.open("a", encoding="utf-8") as file, progress_bar(Console(stderr=True), "networks") as show:
            for number, future in enumerate(as_completed(futures), len(done) + 1):
                print(json.dumps(future.result()), file=file, flush=True)
                show(number, len(done) + len(missing))
    finally:
        pool.shutdown(cancel_futures=True)


def _drop_unfinished(path: Path) -> None:
    """Cut off a last line that a crash left without its end."""
    whole, end, _ = path.read_bytes().rpartition(b"\n")
    path.write_bytes(whole + end)


def _start(root: Path, protocol: Protocol) -> None:
    global _images
    torch.set_num_threads(1)
    _images = load(root, protocol)


def _train(setting: Setting, protocol: Protocol) -> dict[str, Any]:
    return train(setting, _images, protocol)


def read(path: Path) -> tuple[Protocol, list[dict[str, Any]]]:
    """Return the protocol and the finished networks in the order of their numbers."""
    try:
        first, *lines = map(json.loads, path.read_text(encoding="utf-8").splitlines())
        return Protocol(**first), sorted(lines, key=lambda line: int(line["number"]))
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UserError(f"{path} cannot be read as a population: {error!r}; name a new file.") from None


def history(line: Mapping[str, Any]) -> list[Report]:
    """Return the reports of one network."""
    curves = {name: [math.nan if v is None else v for v in curve] for name, curve in line["curves"].items()}
    epochs = len(curves["train_loss"])
    return [Report(t + 1, {name: curve[t] for name, curve in curves.items()}) for t in range(epochs)]
