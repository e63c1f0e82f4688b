"""Checks that torch and torchvision belong together, before either fails in a puzzling way."""

from importlib.metadata import PackageNotFoundError, version

from neurocap_search.errors import UserError


class TorchPairError(ImportError, UserError):
    """torch and torchvision are installed but cannot be used together."""


def check_torch_pair() -> None:
    """Import torch and torchvision, and say how to mend it if they do not fit.

    Raises:
        TorchPairError: With both versions and the command that installs a fitting pair.
    """
    try:
        import torchvision  # noqa: F401
    except (ImportError, RuntimeError, OSError) as error:
        raise TorchPairError(
            f"torch {_version('torch')} and torchvision {_version('torchvision')} cannot be used together "
            f"({error}). A CPU-only build of torch beside torchvision's ordinary wheel is the usual cause. "
            "Install a pair that belongs together: pip install --upgrade --force-reinstall 'torch!=2.13.0' "
            "torchvision"
        ) from error


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "(not installed)"
