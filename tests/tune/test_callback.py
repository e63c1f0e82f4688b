"""What Ray writes of a failure, as one line."""

import pytest

from neurocap_search.tune.failures import error_reason

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
