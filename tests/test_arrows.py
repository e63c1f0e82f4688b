"""The house has one-way arrows: a room imports only from rooms below it."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "neurocap_search"

ALLOWED = {
    "network_science": set(),
    "zero_cost": {"network_science"},
    "prediction": {"network_science"},
    "pruning": {"prediction", "network_science"},
    "training": {"pruning", "prediction", "network_science", "config", "errors", "torch_pair"},
    "tracking": {"pruning", "prediction", "network_science", "config", "errors"},
    "inspection": {
        "training",
        "tracking",
        "pruning",
        "prediction",
        "network_science",
        "config",
        "config_reader",
        "errors",
        "torch_pair",
    },
    "study": {"pruning", "prediction", "network_science"},
    "monitor": {"study", "prediction", "network_science"},
    "traces": {
        "cluster",
        "training",
        "tracking",
        "pruning",
        "prediction",
        "config",
        "errors",
    },
    "rules": {"traces", "pruning", "prediction", "config", "errors"},
    "comparison": {
        "rules",
        "traces",
        "tune",
        "training",
        "tracking",
        "pruning",
        "prediction",
        "config",
        "errors",
        "cluster",
        "config_reader",
    },
    "tune": {
        "cluster",
        "training",
        "tracking",
        "pruning",
        "prediction",
        "network_science",
        "config",
        "errors",
    },
    "testing": {"pruning", "prediction"},
}
FOREIGN = {"ray", "optuna", "mlflow"}
MAY_KNOW = {
    "tune": {"ray", "optuna"},
    "tracking": {"mlflow"},
    "study": {"optuna"},
    "monitor": {"ray", "optuna"},
    "testing": {"ray"},
    "traces": {"ray", "optuna"},
    "rules": {"ray", "optuna"},
    "comparison": {"mlflow"},
}


WITHIN = {
    "layers": set(),
    "capacitance": {"layers"},
    "evolving_graph": {"layers"},
    "complex_network": {"layers"},
    "emergent": {"layers"},
}
"""The floors of network_science."""


def imported(folder: Path) -> set[str]:
    """All modules a folder's files import, in full."""
    names: set[str] = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path} imports relatively"
                names.add(node.module or "")
    return names


@pytest.mark.parametrize("room", ALLOWED)
def test_a_room_imports_only_from_rooms_below(room: str) -> None:
    ours = {name.split(".")[1] for name in imported(PACKAGE / room) if name.startswith("neurocap_search.")}
    assert ours - {room} <= ALLOWED[room]


@pytest.mark.parametrize("room", ALLOWED)
def test_only_adapters_know_the_frameworks(room: str) -> None:
    frameworks = {name.split(".")[0] for name in imported(PACKAGE / room)} & FOREIGN
    assert frameworks <= MAY_KNOW.get(room, set())


def test_search_spaces_know_nothing_of_ray_nor_mlflow() -> None:
    assert not {name.split(".")[0] for name in imported(PACKAGE.parent / "search_spaces")} & {"ray", "mlflow"}


def test_help_waits_for_neither_torch_nor_ray() -> None:
    code = (
        "import sys; from neurocap_search.cli import app; import neurocap_search.config_reader;"
        "sys.exit(bool({'torch', 'ray', 'mlflow'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("floor", WITHIN)
def test_the_measures_share_only_the_layers(floor: str) -> None:
    room = "neurocap_search.network_science."
    ours = {
        name.removeprefix(room).split(".")[0]
        for name in imported(PACKAGE / "network_science" / floor)
        if name.startswith(room)
    }
    assert ours - {floor} <= WITHIN[floor]
