"""The libraries' own messages go to a file: the screen belongs to the search."""

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path

_TALKERS = ("ray", "optuna", "mlflow", "alembic", "neurocap_search")


@contextlib.contextmanager
def logged_to(path: Path) -> Iterator[None]:
    """Send the messages of Ray, Optuna, MLflow and ours to a file for the duration of the block."""
    handler = logging.FileHandler(path, delay=True)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    loggers = [logging.getLogger(name) for name in _TALKERS]
    before = [(logger.handlers[:], logger.propagate) for logger in loggers]
    for logger in loggers:
        logger.handlers, logger.propagate = [handler], False
    try:
        yield
    finally:
        for logger, (handlers, propagate) in zip(loggers, before, strict=True):
            logger.handlers, logger.propagate = handlers, propagate
        handler.close()
