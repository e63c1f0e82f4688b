"""MLflow's stores as a search meets them: a file, a server that can be stopped, a silent socket."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from neurocap_search.tracking.mlflow_store import MlflowStore
from tests.conftest import environment


class MlflowServer:
    """A real MLflow server on loopback that keeps its file and its port when it is stopped and started."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.uri, self._folder = f"http://127.0.0.1:{self.port}", folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, unless it runs, and wait until it answers."""
        if self._process is not None:
            return
        command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(self.port)]
        command += ["--workers", "1", "--backend-store-uri", f"sqlite:///{self._folder}/db"]
        command += ["--artifacts-destination", str(self._folder / "artifacts")]
        settings = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
        with (self._folder / "log").open("a") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, env=environment() | settings, start_new_session=True
            )
        for _ in range(480):
            if self.answers():
                return
            time.sleep(0.25)
        raise TimeoutError(self.uri)

    def stop(self) -> None:
        """Kill it with all its processes."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def answers(self) -> bool:
        """Return whether it is there."""
        try:
            urllib.request.urlopen(f"{self.uri}/health", timeout=1).close()
        except OSError:
            return False
        return True


@pytest.fixture(scope="session")
def server_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    """The one server of the tests."""
    server = MlflowServer(tmp_path_factory.mktemp("server"))
    yield server
    server.stop()


@pytest.fixture
def server(server_process: MlflowServer) -> MlflowServer:
    """A server that runs."""
    server_process.start()
    return server_process


@pytest.fixture(scope="session")
def blank_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An sqlite file with MLflow's tables, which take seconds to make."""
    folder = tmp_path_factory.mktemp("blank")
    MlflowStore(folder, f"sqlite:///{folder}/blank.db", "Default")
    return folder / "blank.db"


@pytest.fixture
def database(blank_database: Path, tmp_path: Path) -> str:
    """The address of an empty store in the test's folder."""
    return new_database(blank_database, tmp_path / "store")


def new_database(blank: Path, folder: Path) -> str:
    """Return the address of an empty store in a new folder."""
    folder.mkdir(parents=True)
    shutil.copyfile(blank, folder / "mlflow.db")
    return f"sqlite:///{folder}/mlflow.db"


class SilentSocket:
    """Accepts connections and never answers."""

    def __init__(self, port: int = 0) -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        for _ in range(50):  # processes that were killed may hold the port for a moment
            with contextlib.suppress(OSError):
                self._socket.bind(("127.0.0.1", port))
                break
            time.sleep(0.1)
        self._socket.listen(64)  # the kernel completes the connections
        self.uri = f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def __enter__(self) -> "SilentSocket":
        return self

    def __exit__(self, *details: object) -> None:
        self._socket.close()
