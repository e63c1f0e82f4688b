"""Why a trial failed, and whether that says anything of its architecture."""

import re
from pathlib import Path

from ray.tune.experiment import Trial

from neurocap_search.tracking import TrialState

# Ray's words for a worker or a node that died, and for memory that ran out for all on a node together.
_LOST = (
    "The actor ",
    "The worker ",
    "Task was killed due to the node",
    "Task failed because the node",
    "Failed to retrieve object",
)
_LOST_ERRORS = (
    "ActorDiedError",
    "ActorUnavailableError",
    "NodeDiedError",
    "ObjectLostError",
    "PeerLostError",
)


def failure_of(trial: Trial) -> tuple[TrialState, str]:
    """Return how a trial that Ray gave up ended, and why in one line.

    A trial whose worker or node died is interrupted: that says nothing of the architecture, and a resumed
    search runs it again. A trial that raised has failed, which is a result.
    """
    text = _error_text(trial)
    lost = text.startswith(_LOST) or any(name in text for name in _LOST_ERRORS)
    return (TrialState.INTERRUPTED if lost else TrialState.FAILED), error_reason(text)


def _error_text(trial: Trial) -> str:
    """Return what Ray wrote of a trial's last failure, without its heading."""
    # A trial that Ray has given no directory has no file either, and asking for it would raise.
    path = trial.error_file if trial.storage is not None else None
    if path is None or not Path(path).is_file():
        return ""
    text = Path(path).read_text(encoding="utf-8", errors="replace")
    return text.rpartition("Failure # ")[2].partition("\n")[2].strip()


def error_reason(text: str) -> str:
    r"""Return the innermost error of a traceback in one line, without the module of its class.

    Example:
        >>> error_reason("  File x, line 1\ntorch.cuda.OutOfMemoryError: no memory\nTry less.")
        'OutOfMemoryError: no memory'
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    raised = [line for line in lines if re.match(r"[\w.]*(Error|Exception|Interrupt|Warning)\b", line)]
    if not raised:
        return lines[0] if lines else "failed without an error message"
    name, colon, message = raised[-1].partition(": ")
    return f"{name.rpartition('.')[2]}{colon}{message}"
