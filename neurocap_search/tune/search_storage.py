"""Where the sampler's study is kept, so that optuna-dashboard can show a running search."""

import optuna
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend

from neurocap_search.errors import UserError

_OURS = "neurocap:search"


def open_storage(url: str | None) -> BaseStorage | None:
    """Return the Optuna storage a configuration names, or None for one in memory.

    Args:
        url: ``journal:PATH`` or a database URL such as ``sqlite:////absolute/path.db``; see
            ``search.storage`` in :class:`~neurocap_search.config.SamplerConfig`.

    Raises:
        UserError: If it cannot be opened.

    Example:
        >>> open_storage(None) is None
        True
    """
    if url is None:
        return None
    try:
        if url.startswith("journal:"):
            return JournalStorage(JournalFileBackend(url.removeprefix("journal:")))
        return RDBStorage(url)
    except Exception as error:  # whatever the database's driver raises
        raise UserError(
            f"search.storage: {url} cannot be opened: {str(error).splitlines()[0]}. Its folder or database "
            "must exist, and Python's driver for it must be installed; leave search.storage out to keep the "
            "study in memory."
        ) from None


def make_room(storage: BaseStorage, study_name: str) -> None:
    """Delete the study a search left behind under this name; the search builds it anew as it is played.

    Raises:
        UserError: If there is such a study which no search of this project made.
    """
    try:
        study = optuna.load_study(study_name=study_name, storage=storage)
    except KeyError:
        return
    if _OURS not in study.user_attrs:
        raise UserError(
            f"search.storage: the study {study_name!r} there was made by another program and is not "
            "overwritten. Choose another storage, or delete the study."
        )
    optuna.delete_study(study_name=study_name, storage=storage)


def mark(study: optuna.Study) -> None:
    """Mark a study as one that :func:`make_room` may delete."""
    study.set_user_attr(_OURS, True)
