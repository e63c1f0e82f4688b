"""Search spaces as a configuration gives them: chosen by name, checked, and without loading PyTorch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

from search_spaces import AnySearchSpace, CellSpace, MlpSpace, SearchSpace

ADAPTER = TypeAdapter(AnySearchSpace)


@pytest.mark.parametrize("space", [MlpSpace(widths=[8]), CellSpace(channels=2)])
def test_a_configuration_chooses_the_space_by_name(space: SearchSpace) -> None:
    assert ADAPTER.validate_python({"name": space.name}) == type(space)()
    assert ADAPTER.validate_json(space.model_dump_json()) == space


@pytest.mark.parametrize(
    ("configuration", "message"),
    [
        ({"name": "celll"}, "does not match any of the expected tags: 'mlp', 'cell'"),
        ({"name": "mlp", "width": [16]}, "Extra inputs are not permitted"),
        ({"name": "mlp", "widths": []}, "at least 1 item"),
        ({"name": "mlp", "widths": [16, 16]}, "repeated: 16"),
        ({"name": "mlp", "activations": ["rellu"]}, "Input should be 'relu', 'tanh', 'gelu' or 'silu'"),
        ({"name": "mlp", "depth": {"low": 3, "high": 1}}, "swap them"),
        ({"name": "cell", "operations": []}, "at least 1 item"),
        ({"name": "cell", "operations": ["conv"]}, "nor_conv_3x3"),
        ({"name": "cell", "channels": 0}, "greater than 0"),
        ({"name": "cell", "head": {"depth": 3}}, "greater than or equal to 4"),
        ({"name": "cell", "head": {"size": 3}}, "Extra inputs are not permitted"),
    ],
)
def test_a_wrong_configuration_is_rejected(configuration: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        ADAPTER.validate_python(configuration)


def test_importing_the_spaces_does_not_import_torch() -> None:
    code = "import search_spaces, sys; search_spaces.MlpSpace(); raise SystemExit('torch' in sys.modules)"
    root = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0
