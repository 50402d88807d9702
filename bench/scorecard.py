"""A scorecard of twenty metrics in five segments, and the bare queries for the same moments."""

from __future__ import annotations

import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from experiments_core.analysis.design import Design, PhaseDesign
from experiments_core.analysis.engine import analyze
from experiments_core.analysis.segments import MOST_SEGMENTS, segment_results
from experiments_core.domain.experiment import Plan
from experiments_core.domain.metric import Metric, MetricRole
from experiments_core.domain.metric_kinds import Mean, Proportion, Quantile, Ratio
from experiments_core.query.cell_query import BoundNeed, CellQuery
from experiments_core.store.cells import segment_cells
from experiments_core.store.opening import open_database
from experiments_core.store.whole_cells import whole_cells

TABLE = "units_bench"
RATES, MEANS, ADJUSTED, CAPPED, RATIOS, QUANTILES = 8, 4, 2, 2, 3, 1
TURNS = 5
SEGMENT = "c98"
SECONDARY = MetricRole.SECONDARY


def measure(units: int) -> dict[str, float]:
    """Median seconds of our scorecard and of the bare queries, in turns on one table."""
    with tempfile.TemporaryDirectory(prefix="upshot-scorecard-") as name:
        file = Path(name) / "upshot.duckdb"
        with open_database(file, memory_limit="4GB") as db, db.write() as cursor:
            _fill(cursor, units)
        # Opened again, as after a restart: then the table has the statistics of one on disk.
        with open_database(file, memory_limit="4GB") as db, db.read() as cursor:
            turns = [(_seconds(_bare, cursor), _seconds(_ours, cursor)) for _ in range(TURNS)]
    bare, ours = (sorted(times)[TURNS // 2] for times in zip(*turns, strict=True))
    return {"ours": ours, "bare": bare}


def metrics() -> tuple[tuple[Metric, BoundNeed], ...]:
    """Twenty metrics and where their columns are."""
    found: list[Metric] = [
        *(
            Proportion(f"r{i}", role=SECONDARY if i else MetricRole.PRIMARY)
            for i in range(RATES)
        ),
        *(Mean(f"m{i}", role=SECONDARY) for i in range(MEANS)),
        *(Mean(f"a{i}", "before", role=SECONDARY) for i in range(ADJUSTED)),
        *(Mean(f"k{i}", cap=9.0, role=SECONDARY) for i in range(CAPPED)),
        *(Ratio(f"x{i}", "views", role=SECONDARY) for i in range(RATIOS)),
        *(Quantile(f"q{i}", 0.9, role=SECONDARY) for i in range(QUANTILES)),
    ]
    return tuple(
        (
            metric,
            BoundNeed(
                metric.needs,
                f"c{place}",
                ("c97",) if isinstance(metric, Ratio) else (),
                ("c96",) if metric.covariates else (),
            ),
        )
        for place, metric in enumerate(found)
    )


def _fill(cursor: Any, units: int) -> None:
    columns = []
    for place, (metric, _) in enumerate(metrics()):
        draw = f"hash(i * 31 + {place}) / 18446744073709551615.0"
        if isinstance(metric, Proportion):
            columns.append(f"CAST({draw} < 0.1 AS TINYINT) AS c{place}")
        else:
            columns.append(f"-3 * ln(1e-9 + {draw}) AS c{place}")
    cursor.execute(
        f"CREATE TABLE {TABLE} AS SELECT 'i' AS import_id, CAST(i AS VARCHAR) AS unit, "
        "CASE WHEN hash(i) % 2 = 0 THEN 'control' ELSE 'B' END AS arm, "
        "CAST(NULL AS TIMESTAMP) AS first_ts, "
        f"{', '.join(columns)}, "
        "-3 * ln(1e-9 + hash(i * 31 + 12) / 18446744073709551615.0) AS c96, "
        "CAST(1 + hash(i * 7) % 9 AS DOUBLE) AS c97, 'segment ' || hash(i * 3) % 5 AS c98 "
        f"FROM range({units}) AS t(i)"
    )


def _ours(cursor: Any) -> None:
    """Cells of the whole and of the segments, and every number of both."""
    known = metrics()
    query = CellQuery(TABLE, tuple(bound for _, bound in known))
    design = Design(
        arms=("control", "B"),
        reference="control",
        metrics=tuple(metric for metric, _ in known),
        phases=(PhaseDesign({"control": 1.0, "B": 1.0}),),
        plan=Plan(min_runtime_days=0),
    )
    by_segment = replace(query, segment=SEGMENT)
    cut = segment_cells(cursor, by_segment, MOST_SEGMENTS)
    analyze(whole_cells(cursor, by_segment, cut).cells, design)
    for metric, _ in known:
        segment_results(cut, design, metric, "segment")


def _bare(cursor: Any) -> None:
    """What the mathematics of a scorecard needs, as one would type it; no test of anything.

    For the whole and for the segments: one query for counts, means, variances, covariances,
    skewness of what is compared as a mean, values beyond a cap, covariates that are missing,
    and the quantile; then, once the quantile is known, the share of rows at or below it, and
    once that is known the quantiles that are its limits. Before all, the mean that stands in
    for a missing covariate.
    """
    ((fill,),) = cursor.execute(f"SELECT AVG(c96) FROM {TABLE}").fetchall()
    listed = ", ".join(part for one in metrics() for part in _typed(*one, fill))
    column = next(b.column for metric, b in metrics() if isinstance(metric, Quantile))
    for keys in ("arm", f"arm, {SEGMENT}"):
        cursor.execute(
            f"SELECT {keys}, COUNT(*), {listed} FROM {TABLE} GROUP BY {keys}"
        ).fetchall()
        cursor.execute(
            f"WITH spots AS (SELECT {keys}, quantile_cont({column}, 0.9) AS spot "
            f"FROM {TABLE} GROUP BY {keys}) "
            f"SELECT {keys}, COUNT(*), AVG(CAST({column} <= spot AS DOUBLE)) "
            f"FROM {TABLE} JOIN spots USING ({keys}) GROUP BY {keys}"
        ).fetchall()
        cursor.execute(
            f"SELECT {keys}, quantile_cont({column}, [0.899, 0.901]) "
            f"FROM {TABLE} GROUP BY {keys}"
        ).fetchall()


def _typed(metric: Metric, bound: BoundNeed, fill: float) -> list[str]:
    """The aggregates of one metric."""
    column = bound.column
    if isinstance(metric, Proportion):
        return [f"COUNT({column})", f"SUM({column})"]
    if isinstance(metric, Quantile):
        return [f"COUNT({column})"]
    parts = [f"COUNT({column})", f"AVG({column})", f"VAR_SAMP({column})"]
    others = [*bound.others, *(f"COALESCE({one}, {fill!r})" for one in bound.covariates)]
    for other in others:
        parts += [f"AVG({other})", f"VAR_SAMP({other})", f"COVAR_SAMP({column}, {other})"]
    parts += [f"COUNT(*) FILTER (WHERE {one} IS NULL)" for one in bound.covariates]
    if not others:
        compared = f"LEAST({column}, 9.0)" if metric.needs.capped else column
        parts.append(f"SKEWNESS({compared})")
    if metric.needs.capped:
        capped = f"LEAST({column}, 9.0)"
        parts += [f"AVG({capped})", f"VAR_SAMP({capped})"]
        parts.append(f"COUNT(*) FILTER (WHERE {column} > 9.0)")
    return parts


def _seconds(work: Any, cursor: Any) -> float:
    start = time.perf_counter()
    work(cursor)
    return time.perf_counter() - start
