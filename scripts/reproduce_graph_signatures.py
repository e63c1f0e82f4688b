"""Does the graph of a network in its first epochs tell its final accuracy? arXiv 2111.05410 repeated.

python scripts/reproduce_graph_signatures.py --data data --processes 4

A population of LeNets is trained as in the paper; its signatures are judged beside simpler predictors.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from graph_signatures.population import Protocol
from graph_signatures.population_file import train_missing

from neurocap_search.errors import UserError


def main(arguments: Sequence[str] | None = None) -> int:
    """Train what is missing, write the page; return the exit code."""
    options = _options().parse_args(arguments)
    protocol = Protocol(**{field.name: getattr(options, field.name) for field in fields(Protocol)})
    try:
        if options.data is not None:
            train_missing(options.population, protocol, options.networks, options.data, options.processes)
        if options.document is not None:
            from graph_signatures.page import write_page

            print(write_page(options.document, options.population, options.repeats))
    except UserError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2
    return 0


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="folder of torchvision's files; without it no training")
    parser.add_argument("--networks", type=int, default=150, help="networks of the population; 360: all")
    parser.add_argument("--processes", type=int, default=1, help="networks trained at a time")
    default = Path("docs/graph_signatures/population.jsonl")
    parser.add_argument("--population", type=Path, default=default, help="file of the trained networks")
    parser.add_argument("--document", type=Path, help="page to write, such as docs/graph_signatures.md")
    parser.add_argument("--repeats", type=int, default=5, help="repetitions of the cross-validation")
    for field in fields(Protocol):
        option = f"--{field.name.replace('_', '-')}"
        parser.add_argument(option, type=type(field.default), default=field.default, help="of the training")
    return parser


if __name__ == "__main__":
    sys.exit(main())
