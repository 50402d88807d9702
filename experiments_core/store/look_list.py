"""The looks of an experiment as lines of a list, without their cells."""

from __future__ import annotations

import json
from datetime import datetime

import duckdb

from experiments_core.analysis.body import metric_from_dict
from experiments_core.analysis.past_looks import LookLine
from experiments_core.store.catalog import from_utc

_LINES = (
    "SELECT no, taken_at, actor, trigger, verdict, views, "
    "json_extract_string(settings, '$.newest'), "
    "coalesce(CAST(json_extract(results, '$.progress.units') AS BIGINT), 0), "
    "CAST(json_extract(results, '$.final') AS BOOLEAN), "
    "list_filter(CAST(json_extract(results, '$.metrics') AS JSON[]), "
    "lambda m: json_extract_string(m, '$.key') = ?)[1] "
    "FROM looks WHERE experiment_id = ? ORDER BY no"
)


def lines(
    cursor: duckdb.DuckDBPyConnection, experiment_id: str, metric: str = ""
) -> tuple[LookLine, ...]:
    """Every look, the oldest first.

    Args:
        cursor: On the workspace.
        experiment_id: Whose looks.
        metric: Key of the metric whose numbers are wanted too.
    """
    return tuple(
        LookLine(
            no=no,
            taken_at=moment,
            actor=actor,
            trigger=trigger,
            verdict=verdict,
            views=views,
            newest=datetime.fromisoformat(newest) if newest else None,
            units=units,
            final=bool(final),
            metric=metric_from_dict(json.loads(found)) if found else None,
        )
        for no, taken_at, actor, trigger, verdict, views, newest, units, final, found in (
            cursor.execute(_LINES, [metric, experiment_id]).fetchall()
        )
        if (moment := from_utc(taken_at)) is not None
    )
