"""Where the study is kept: what a configuration may say, and whose study is replaced."""

from pathlib import Path

import optuna
import pytest
from pydantic import ValidationError

from neurocap_search.config import SamplerConfig
from neurocap_search.errors import UserError
from neurocap_search.tune.search_storage import open_storage
from tests.tune.test_searcher import ask_and_tell, make


def address(kind: str, folder: Path) -> str:
    return f"journal:{folder}/study.log" if kind == "journal" else f"sqlite:///{folder}/study.db"


@pytest.mark.parametrize("kind", ["journal", "sqlite"])
def test_another_program_can_read_the_study_of_a_running_search(kind: str, tmp_path: Path) -> None:
    url = address(kind, tmp_path)
    search = make(storage=url, study_name="mine")
    ask_and_tell(search, 2)
    search.suggest("running")
    study = optuna.load_study(study_name="mine", storage=open_storage(url))
    assert [trial.state.name for trial in study.trials] == ["COMPLETE", "COMPLETE", "RUNNING"]
    assert [trial.user_attrs["neurocap:trial"] for trial in study.trials] == ["0", "1", "running"]


@pytest.mark.parametrize("kind", ["journal", "sqlite"])
def test_a_search_that_is_played_again_rebuilds_its_study(kind: str, tmp_path: Path) -> None:
    url = address(kind, tmp_path)
    first = ask_and_tell(make(storage=url, study_name="mine"), 4)
    make(storage=url, study_name="other").suggest("a")
    search = make(storage=url, study_name="mine")
    assert ask_and_tell(search, 3) == first[:3]
    names = [summary.study_name for summary in optuna.get_all_study_summaries(storage=open_storage(url))]
    assert sorted(names) == ["mine", "other"]
    assert len(optuna.load_study(study_name="mine", storage=open_storage(url)).trials) == 3


def test_a_study_of_another_program_is_not_overwritten(tmp_path: Path) -> None:
    url = address("sqlite", tmp_path)
    optuna.create_study(study_name="mine", storage=url).ask()
    with pytest.raises(
        UserError, match="the study 'mine' there was made by another program and is not overwritten"
    ):
        make(storage=url, study_name="mine")
    assert len(optuna.load_study(study_name="mine", storage=url).trials) == 1


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("sqlite:////no/such/folder/study.db", "unable to open database file"),
        ("journal:/no/such/folder/study.log", "No such file or directory"),
        ("nosql://host/study", "Can't load plugin"),
    ],
)
def test_a_storage_that_cannot_be_opened_is_named(url: str, message: str) -> None:
    with pytest.raises(
        UserError, match=rf"search\.storage: {url} cannot be opened: .*{message}.*leave search\.storage out"
    ):
        open_storage(url)


def test_paths_become_absolute_so_that_a_search_can_be_resumed_from_elsewhere() -> None:
    for given, kept in [
        ("journal:study.log", f"journal:{Path.cwd()}/study.log"),
        ("journal:/var/study.log", "journal:/var/study.log"),
        ("sqlite:///study.db", f"sqlite:///{Path.cwd()}/study.db"),
        ("sqlite:///study.db?timeout=60", f"sqlite:///{Path.cwd()}/study.db?timeout=60"),
        ("sqlite:////var/study.db", "sqlite:////var/study.db"),
        ("postgresql://host/study", "postgresql://host/study"),
        ("mysql+pymysql://host/study", "mysql+pymysql://host/study"),
    ]:
        assert SamplerConfig(storage=given).storage == kept
    assert SamplerConfig().storage is None


@pytest.mark.parametrize("url", ["study.db", "journal:", "", "runs/study.db", "c:study.db"])
def test_what_is_no_storage_is_refused(url: str) -> None:
    with pytest.raises(
        ValidationError, match=rf"'{url}' is no storage; give journal:PATH, or a database URL"
    ):
        SamplerConfig(storage=url)


@pytest.mark.parametrize(
    "url", ["postgresql://me:secret@host/study", "postgresql://host/study?password=secret"]
)
def test_secrets_are_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="storage holds a name or password") as caught:
        SamplerConfig(storage=url)
    assert "PGPASSWORD" in str(caught.value)
