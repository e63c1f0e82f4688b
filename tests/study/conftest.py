"""Studies without noise on the terminal, and the ways to make one."""

import optuna
import pytest
from optuna.storages import JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend


@pytest.fixture(autouse=True)
def quiet():
    optuna.logging.set_verbosity(optuna.logging.WARNING)


@pytest.fixture(params=["memory", "journal", "sqlite"])
def storage(request, tmp_path):
    """Each kind of storage that Optuna keeps studies in."""
    if request.param == "memory":
        return optuna.storages.InMemoryStorage()
    return open_storage(request.param, tmp_path)


def open_storage(kind, folder):
    """A storage on disk, opened as another process would."""
    if kind == "journal":
        return JournalStorage(JournalFileBackend(str(folder / "study.log")))
    return RDBStorage(f"sqlite:///{folder}/study.db", engine_kwargs={"connect_args": {"timeout": 60}})
