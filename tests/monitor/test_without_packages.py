"""Without Lightning and transformers the room works, and says what to install."""

import subprocess
import sys

import pytest

import neurocap_search.monitor
from tests.conftest import ROOT, environment


@pytest.mark.parametrize(
    ("package", "name"),
    [("lightning", "LightningCapacitanceCallback"), ("transformers", "TransformersCapacitanceCallback")],
)
def test_a_missing_package_is_named_with_its_extra(package, name):
    code = (
        f"import sys; sys.modules[{package!r}] = None\n"  # importing it fails now, as where it is absent
        "import neurocap_search.monitor as monitor\n"
        "monitor.CapacitanceMonitor\n"
        f"try: monitor.{name}\n"
        "except ImportError as error: print(error)\n"
    )
    process = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment(), capture_output=True, text=True, check=True
    )
    assert f"pip install 'neurocap-search[{package}]'" in process.stdout


def test_the_room_itself_waits_for_no_framework():
    code = (
        "import sys, neurocap_search.monitor\n"
        "sys.exit(bool({'lightning', 'transformers', 'ray', 'optuna', 'mlflow'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'Callback'"):
        _ = neurocap_search.monitor.Callback
