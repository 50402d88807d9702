from __future__ import annotations

import pytest

from experiments_core.analysis.results import ExperimentResult
from tests.charts import examples


@pytest.fixture
def result() -> ExperimentResult:
    """The example of the pictures: orders up, refunds not shown to be safe."""
    return examples.shorter_checkout()
