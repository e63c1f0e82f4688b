"""Messages of libraries without the secrets that they may repeat."""

import os
import re

_IN_ADDRESS = re.compile(r"://[^/\s@]+@")
_IN_QUERY = re.compile(r"(?i)([?&;][^=&;\s]*(?:token|password|passwd|pwd|secret|key)[^=&;\s]*=)[^&;\s'\")]+")
_IN_HEADER = re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]+")
_VARIABLES = ("MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_PASSWORD")


def redacted(text: str) -> str:
    """Return a text without passwords and tokens: of addresses, queries, headers and MLflow's variables.

    Example:
        >>> redacted("cannot reach http://me:pw@host/api?token=abc&run=1 (Bearer xyz)")
        'cannot reach http://***@host/api?token=***&run=1 (Bearer ***)'
    """
    text = _IN_ADDRESS.sub("://***@", text)
    text = _IN_QUERY.sub(r"\1***", text)
    text = _IN_HEADER.sub(r"\1 ***", text)
    for name in _VARIABLES:
        if secret := os.environ.get(name):
            text = text.replace(secret, "***")
    return text


def one_line(error: BaseException) -> str:
    """Return the first line of an error, short and without secrets."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return redacted(lines[0])[:160]
