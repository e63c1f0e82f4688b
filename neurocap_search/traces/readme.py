"""The README beside recorded traces: what they are, how they were made, whose images they come from."""

from pathlib import Path

import yaml

from neurocap_search.traces.bank import load_bank
from neurocap_search.traces.schema import TaskTraces
from neurocap_search.tracking.tables import write_text

_COLUMNS = """\
One Parquet file for each task, one row for each epoch of a training, and some from within its first. Columns:

| column | meaning |
| --- | --- |
| `task`, `space` | names |
| `trial` | number of the architecture, from 0 |
| `seed` | of initial weights and order of the images |
| `epoch` | epochs trained, from 1; below 1 a share of the first, with what training had told by then |
| `architecture`, `training` | JSON: the architecture; its searched hyper-parameters |
| `description` | the architecture in a few words |
| `multiply_adds` | of one image's forward pass |
| `failure` | why the training ended; on a row of its own after its last epoch, without numbers |
| `seconds`, `cpu_seconds` | wall-clock and processor time since the epoch began, with all that is measured |
| `val_accuracy`, `train_accuracy` | shares |
| `val_loss`, `train_loss` | nats; the training loss is the mean over the epoch |
| `test_accuracy`, `test_loss` | of the last epoch only, on images that nothing was chosen by |
| `learning_rate`, `parameters` | in this epoch; weights of the network |
| `beta_eff`, `beta_numerator`, `beta_denominator` | neural capacitance of the head after the epoch |
| `degree_*`, `centrality_*` | five numbers each of the network's graph (arXiv 2111.05410) |
| `strength_*`, `fluctuation_mean` | node strength and layer fluctuation (arXiv 2110.02628) |
| `measure_seconds` | of `seconds`, what the measures took |

Nothing was pruned. Read them with `neurocap_search.traces.bank.load_bank`, or with anything that reads
Parquet; the protocol is in the metadata of each file, under `neurocap_traces`, as JSON.
"""


def write_readme(folder: Path) -> Path:
    """Describe all traces of a folder in its README.md and return it.

    Raises:
        UserError: If a file of traces cannot be read.
    """
    tasks = load_bank(folder)
    parts = ["# Recorded trainings", _COLUMNS, "## Tasks", _table(tasks), *map(_protocol, tasks.values())]
    path = folder / "README.md"
    write_text(path, "\n".join(parts))
    return path


def _table(tasks: dict[str, TaskTraces]) -> str:
    lines = ["| task | architectures | trainings | epochs | failed | images |", "| --- " * 6 + "|"]
    for name, task in tasks.items():
        architectures = len({trace.key.trial for trace in task.traces})
        failed = sum(trace.failure is not None for trace in task.traces)
        cells = [name, architectures, len(task.traces), task.epochs, failed, task.data_licence]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines) + "\n"


def _protocol(task: TaskTraces) -> str:
    libraries = ", ".join(f"{name} {version}" for name, version in task.libraries.items())
    protocol = yaml.safe_dump(dict(task.protocol), sort_keys=False)
    return f"## Protocol of {task.task}\n\n{libraries}\n\n```yaml\n{protocol}```\n"
