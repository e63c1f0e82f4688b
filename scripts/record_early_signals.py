"""Measure more of the first epochs than a recording does: does anything else tell how a network will end?

    python scripts/record_early_signals.py configs/bank/fashion-mlp.yaml data.root=data --output early
    python scripts/record_early_signals.py configs/bank/mnist-mlp.yaml --output early --marks 1 2 --part 0/2

Trains the architectures of a recorded task again, for their first epochs only, and measures at marks within
them: the matrices behind beta_eff layer by layer (sums, norms, spectra, change since the last mark), how far
the features tell the classes apart, a closed-form head on them, and weights averaged over half an epoch. Each
network is a line of JSON; a second start goes on where the first ended. ``--part 0/2`` takes every second
network, so that two processes share the work. ``scripts/compare_early_signals.py`` says what it was worth.
"""

import argparse
import json
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from early_signals.short_training import ShortTraining

from neurocap_search.config_reader import read_as
from neurocap_search.errors import UserError
from neurocap_search.traces.population import Candidate, draw_population
from neurocap_search.traces.record_config import RecordConfig
from neurocap_search.traces.recorder import make_task
from neurocap_search.training.task import Task

MARKS = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)


def record_network(task: Task, number: int, candidate: Candidate, marks: Sequence[float]) -> dict[str, Any]:
    """Return what was measured of one network at each mark, and why it ended early if it did."""
    torch.set_num_threads(1)
    start = time.process_time()
    config = {"architecture": candidate.architecture, "training": candidate.training}
    found: dict[str, dict[str, float]] = {}
    failure = None
    try:
        training = ShortTraining(task.start(config), task.settings(config), task.seed)
        found.update((str(mark), measured) for mark, measured in training.run(marks))
    except Exception as error:  # whatever it is, it is a result of this network
        failure = f"{type(error).__name__}: {error}"
    return {"trial": number, "marks": found, "failure": failure, "seconds": time.process_time() - start}


def main(arguments: Sequence[str] | None = None) -> int:
    """Record what is missing; return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("config", type=Path, help="of the recorded task, for example one of configs/bank")
    parser.add_argument("overrides", nargs="*", help="as of neurocap record")
    parser.add_argument("--output", type=Path, required=True, help="folder of the JSON lines")
    parser.add_argument("--marks", type=float, nargs="+", default=list(MARKS), help="in epochs")
    parser.add_argument("--part", default="0/1", help="which part of the networks, of how many")
    options = parser.parse_intermixed_args(arguments)
    try:
        _record(options)
    except UserError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2
    return 0


def _record(options: argparse.Namespace) -> None:
    part, parts = _part(options.part)
    config = read_as(RecordConfig, options.config, options.overrides)
    task = make_task(config)
    candidates = draw_population(config.space, config.population.architectures, config.population.seed)
    options.output.mkdir(parents=True, exist_ok=True)
    file = options.output / f"{config.name}.{part}.jsonl"
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    done = {json.loads(line)["trial"] for line in lines}
    with file.open("a", encoding="utf-8") as out:
        for number, candidate in enumerate(candidates):
            if number % parts == part and number not in done:
                print(
                    json.dumps(record_network(task, number, candidate, options.marks)), file=out, flush=True
                )
                print(f"\r{config.name}: network {number + 1} of {len(candidates)}", end="", file=sys.stderr)


def _part(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d+)/(\d+)", text)
    if match is None or not int(match[1]) < int(match[2]):
        raise UserError(f"--part: expected a number from 0 and of how many, such as 0/2, received {text!r}.")
    return int(match[1]), int(match[2])


if __name__ == "__main__":
    sys.exit(main())
