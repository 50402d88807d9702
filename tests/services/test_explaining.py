"""How one number came about."""

from __future__ import annotations

import pytest

from experiments_core.domain.access import LOCAL
from experiments_core.domain.experiment import Experiment
from experiments_core.errors import NotFoundError
from experiments_core.services import explaining
from experiments_core.services.workspace import Workspace


def test_a_number_is_explained_by_formula_moments_and_query(ws: Workspace, running: Experiment):
    told = explaining.explain(ws, LOCAL, running.id, "converted", "B")
    assert "p_t = " in told.numbers
    assert told.moments[1]["conversions"] is not None
    assert told.sql.startswith("SELECT")
    assert "FROM units_" in told.sql
    with pytest.raises(NotFoundError, match="no metric “clicks”"):
        explaining.explain(ws, LOCAL, running.id, "clicks", "B")
    with pytest.raises(NotFoundError, match="not compared"):
        explaining.explain(ws, LOCAL, running.id, "converted", "control")
