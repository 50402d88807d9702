"""One metric by the values of an attribute."""

from __future__ import annotations

import pytest

from experiments_core.domain.access import LOCAL
from experiments_core.domain.experiment import Experiment
from experiments_core.errors import NotFoundError
from experiments_core.services import analyses, segmenting
from experiments_core.services.workspace import Workspace


def test_segments_count_the_blank_value_and_are_corrected(ws: Workspace, running: Experiment):
    assert segmenting.segment_columns(ws, LOCAL, running.id) == ("country",)
    found = segmenting.segments(ws, LOCAL, running.id, "converted", "country")
    assert {one.value for one in found} == {"DE", "FR", "(blank)"}
    assert sum(arm.n for one in found for arm in one.arms) == 2000
    contrast = found[0].arms[1].contrast
    assert contrast.p_value_adjusted >= contrast.p_value
    view = analyses.look(ws, LOCAL, running.id)
    told = segmenting.explained_segment(
        ws, LOCAL, view, "converted", "country", value=found[0].value, variant="B"
    )
    assert told is not None
    assert told.moments[0]["n"] == found[0].arms[0].n
    with pytest.raises(NotFoundError, match="no segment column “city”"):
        segmenting.segments(ws, LOCAL, running.id, "converted", "city")
    with pytest.raises(NotFoundError, match="no metric “clicks”"):
        segmenting.segments(ws, LOCAL, running.id, "clicks", "country")


def test_every_slice_that_is_opened_is_counted_once(ws: Workspace, running: Experiment):
    assert segmenting.opened_slices(ws, LOCAL, running.id) == ()
    for metric in ("converted", "revenue", "converted"):
        segmenting.segments(ws, LOCAL, running.id, metric, "country")
    opened = segmenting.opened_slices(ws, LOCAL, running.id)
    assert [(one.metric, one.column, one.segments) for one in opened] == [
        ("converted", "country", 3),
        ("revenue", "country", 3),
    ]
