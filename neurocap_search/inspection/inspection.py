"""An inspection from end to end: measure, write, draw."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neurocap_search.inspection.figures import draw_all
from neurocap_search.inspection.measures import EpochMeasures
from neurocap_search.inspection.measures_table import Row, csv_lines, rows
from neurocap_search.inspection.output_folder import TABLE, OutputFolder
from neurocap_search.inspection.remarks import remarks
from neurocap_search.inspection.subject import Subject
from neurocap_search.network_science import Capacitance
from neurocap_search.tracking.events import finite


@dataclass(frozen=True, eq=False)
class Inspection:
    """What was inspected and found.

    Attributes:
        subject: What.
        folder: Where the files are.
        files: Their names.
        measures: Epoch by epoch.
        remarks: What was left out and why, and whether a curve came out as recorded.
    """

    subject: Subject
    folder: Path
    files: Sequence[str]
    measures: Sequence[EpochMeasures]
    remarks: Sequence[str]

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict for machines; null for what has no value."""
        found: dict[str, Any] = finite(
            {
                "subject": self.subject.identity,
                "title": self.subject.title,
                "measured_on": self.subject.images,
                "folder": str(self.folder),
                "files": list(self.files),
                "epochs": [_epoch_json(measures) for measures in self.measures],
                "remarks": list(self.remarks),
            }
        )
        return found


def inspect(
    subject: Subject,
    folder: Path | None = None,
    *,
    step: Callable[[int, str], None] = lambda done, part: None,
) -> Inspection:
    """Measure a subject, and write a table and figures.

    After each epoch the table is on the disk, so that an interrupted inspection leaves what it has measured.

    Args:
        subject: What :func:`find_subject` returns.
        folder: Where to; None takes the subject's own.
        step: Told how many epochs are done, and what comes next.

    Returns:
        What was found.

    Raises:
        UserError: If the folder holds anything else, or data or weights cannot be read.

    Example:
        >>> from tempfile import mkdtemp
        >>> from neurocap_search.inspection import find_subject
        >>> subject = find_subject(model="torchvision:squeezenet1_1", image_size=32, batch=2)
        >>> inspect(subject, Path(mkdtemp())).files[:2]
        ['measures.csv', 'capacitance.png']
    """
    output = OutputFolder(folder or subject.folder, subject.identity)
    measures: list[EpochMeasures] = []
    for measured in subject.measures(lambda part: step(len(measures), part)):
        heading = [] if measures else [Row._fields]
        output.append(TABLE, csv_lines([*heading, *rows(measured)]))
        measures.append(measured)
    step(len(measures), "drawing")
    for name, png in draw_all(subject.title, measures):
        output.image(name, png)
    said = [*subject.closing(measures), *remarks(measures)]
    found = Inspection(subject, output.path, list(output.written), measures, said)
    output.about(found.to_json())
    return found


def _epoch_json(measures: EpochMeasures) -> dict[str, Any]:
    return {
        "epoch": measures.epoch,
        **{name: value for name, value in measures.metrics.items() if name in ("val_accuracy", "val_loss")},
        "head": _capacitance_json(measures.head),
        "network": _capacitance_json(measures.whole),
        "layer_fluctuation": {name: layer.fluctuation for name, layer in measures.strengths.items()},
        "degree": measures.signature("degree") or None,
        "centrality": measures.signature("centrality") or None,
        "missing": dict(measures.missing),
    }


def _capacitance_json(measured: Capacitance | None) -> dict[str, Any] | None:
    if measured is None:
        return None
    return {
        "beta_eff": measured.value,
        "numerator": measured.numerator,
        "denominator": measured.denominator,
        "reason": measured.reason,
    }
