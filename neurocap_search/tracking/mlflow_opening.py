"""Opening an MLflow store: which addresses are taken, how long an answer may take, where artifacts go."""

import threading
from collections.abc import Callable
from pathlib import Path

from neurocap_search.config import carries_secret
from neurocap_search.errors import UserError
from neurocap_search.tracking.redaction import one_line, redacted

_SERVER_ANSWERS_WITHIN = 5.0
_FILE_OPENS_WITHIN = 120.0  # making a new sqlite file takes seconds, on a busy machine many


def opened(uri: str, call: Callable[[], None]) -> None:
    """Make the first call to a store, and explain what is wrong if it fails or does not return.

    Raises:
        UserError: If the address holds a secret, or the store cannot be used or does not answer.
    """
    if carries_secret(uri):
        raise UserError(
            f"The tracking URI {redacted(uri)} holds a secret; leave it out and set "
            "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN."
        )
    try:
        _within(_SERVER_ANSWERS_WITHIN if uri.startswith("http") else _FILE_OPENS_WITHIN, call)
    except Exception as error:  # each kind of store has its own errors
        hint = "" if "://" in uri else " Begin it with http:// if it is a server's."
        raise UserError(
            f"tracking.uri: MLflow cannot use {redacted(uri)}: {one_line(error)}.{hint} Start the server, "
            "mend the address, or leave tracking.uri out to keep the record here."
        ) from None


def _within(seconds: float, call: Callable[[], None]) -> None:
    """Make a call that may hang; after ``seconds`` it is left to itself."""
    errors: list[Exception] = []

    def run() -> None:
        try:
            call()
        except Exception as error:
            errors.append(error)

    thread = threading.Thread(target=run, name="mlflow-open", daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise TimeoutError(f"no answer within {seconds:.0f} seconds")
    if errors:
        raise errors[0]


def artifact_place(uri: str) -> str | None:
    """Return where a local store keeps artifacts: beside itself, not in the working directory."""
    if not uri.startswith("sqlite:///"):
        return None
    return (Path(uri.removeprefix("sqlite:///")).absolute().parent / "mlartifacts").as_uri()
