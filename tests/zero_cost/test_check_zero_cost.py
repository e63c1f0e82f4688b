"""The check against published scores, on a dozen cells of NAS-Bench-201 with half the channels."""

import json
import subprocess
import sys

import pytest

from tests.conftest import ROOT, SHARED, environment

TABLE = SHARED / "nas_tables" / "zc_nasbench201.json.gz"
IMAGES = SHARED / "cifar10" / "train_0.npz"


@pytest.mark.skipif(
    not (TABLE.exists() and IMAGES.exists()),
    reason="needs nas_tables/zc_nasbench201.json.gz and cifar10/train_0.npz in ../shared/data",
)
def test_a_dozen_cells_rank_much_as_published():
    command = [sys.executable, str(ROOT / "scripts" / "check_zero_cost.py"), str(SHARED), "--json"]
    command += ["--cells", "12", "--channels", "8"]
    process = subprocess.run(
        command, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=300, check=False
    )
    assert process.returncode == 0, process.stderr[-3000:]
    found = json.loads(process.stdout)
    rows = {row["proxy"]: row for row in found["proxies"]}
    assert found["cells"] == 12
    assert rows["parameters"]["ours_published"] == pytest.approx(1)
    assert rows["synflow"]["ours_published"] > 0.9
    for name in ("multiply_adds", "grad_norm", "snip", "jacob_cov", "nwot"):
        assert rows[name]["ours_published"] > 0.6, name
    assert not any(row["undefined"] for row in rows.values())
