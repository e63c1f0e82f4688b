"""What Ray writes of a failure, as one line."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from neurocap_search.tracking import TrialState
from neurocap_search.tune.failures import error_reason, failure_of

TRACEBACK = """ray::ImplicitFunc.train() (pid=1, repr=train)
  File "loop.py", line 8, in train
    raise error
"""


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            TRACEBACK + "neurocap_search.training.loop.DivergedError: The loss is nan.",
            "DivergedError: The loss is nan.",
        ),
        (
            TRACEBACK + "RuntimeError: CUDA error: x\nCompile with `TORCH_USE_CUDA_DSA`.",
            "RuntimeError: CUDA error: x",
        ),
        (TRACEBACK + "torch.cuda.OutOfMemoryError: Tried to allocate", "OutOfMemoryError: Tried to allocate"),
        (TRACEBACK + "AssertionError", "AssertionError"),
        ("The actor died unexpectedly.\n\tpid: 3\nWorker exit type: X", "The actor died unexpectedly."),
        ("", "failed without an error message"),
    ],
)
def test_the_reason_is_the_last_error_raised(text: str, reason: str) -> None:
    assert error_reason(text) == reason


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("The actor died unexpectedly before finishing this task.", TrialState.INTERRUPTED),
        ("Task was killed due to the node running low on memory.", TrialState.INTERRUPTED),
        ("Failed to retrieve object 00ff.", TrialState.INTERRUPTED),
        (TRACEBACK + "ray.exceptions.ActorUnavailableError: gone", TrialState.INTERRUPTED),
        (TRACEBACK + "neurocap_search.training.distributed.PeerLostError: gone", TrialState.INTERRUPTED),
        (TRACEBACK + "torch.OutOfMemoryError: no memory", TrialState.FAILED),
        (TRACEBACK + "RuntimeError: wrong shape", TrialState.FAILED),
    ],
)
def test_what_was_lost_says_nothing_of_the_architecture(tmp_path: Path, text: str, state: TrialState) -> None:
    file = tmp_path / "error.txt"
    file.write_text(f"Failure # 1 (occurred at 12:00)\n{text}\n")
    found, reason = failure_of(SimpleNamespace(error_file=str(file), storage=object()))
    assert found is state
    assert reason
