"""One little test of two arms, and the call that judges it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import experiments_core as ec

RATE = [ec.Proportion("converted")]
BOTH = [ec.Proportion("converted"), ec.Mean("revenue", role="secondary", unit="USD")]


def frame(count: int = 1000, arms: tuple[str, ...] = ("control", "B")) -> pd.DataFrame:
    rows = range(count)
    return pd.DataFrame({
        "user": [f"u{i}" for i in rows],
        "group": [arms[i % len(arms)] for i in rows],
        "converted": [int((i * 37) % 100 < 20 + 8 * (i % len(arms))) for i in rows],
        "revenue": [float((i * 13) % 50) for i in rows],
        "country": [("DE", "FR", None)[i % 3] for i in rows],
        "phase": [1 + (i >= count // 2) for i in rows],
    })  # fmt: skip


def analyse(data: Any, **told: Any) -> Any:
    return ec.analyze(data, **{"variant": "group", "metrics": BOTH} | told)


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    path = tmp_path / "checkout.csv"
    frame().to_csv(path, index=False)
    return path
