"""What ``import experiments_core`` gives, and what it costs."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import experiments_core as ec
from experiments_core.domain.access import LOCAL
from experiments_core.services import samples
from experiments_core.services.workspace import open_workspace


@pytest.mark.slow
def test_a_copied_workspace_is_read_without_the_app(tmp_path: Path):
    path = tmp_path / "copy.duckdb"
    with open_workspace(path) as ws:
        samples.load_samples(ws, LOCAL)
    with ec.open_workspace(path) as ws:
        assert "shorter-checkout" in ws.experiments()
        report = ws.look("shorter-checkout")
        assert report.verdict.code == "better"
        assert ws.look("shorter-checkout", 1).result == report.result
        assert "w = " in report["paid_order"].explain().numbers
        found = report.robustness("paid_order")
        assert found.planned.p_value == pytest.approx(report["paid_order"].p_value, rel=1e-12)
        assert report.calibrate("paid_order", shuffles=100).units > 0


def test_every_public_name_resolves_and_is_documented():
    assert ec.__version__
    for name in ec.__all__:
        assert inspect.getdoc(getattr(ec, name))
        assert name in dir(ec)
    with pytest.raises(AttributeError, match="no attribute 'analyse'"):
        _ = ec.analyse


def test_importing_the_package_loads_nothing_heavy():
    code = (
        "import sys, experiments_core; experiments_core.Proportion; "
        "print([m for m in ('duckdb', 'pandas', 'scipy', 'pyarrow') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
