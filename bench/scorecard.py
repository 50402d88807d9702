"""A scorecard of twenty metrics in five segments, and the bare queries for the same moments."""

from __future__ import annotations

import time
from typing import Any

from experiments_core.analysis.design import Design, PhaseDesign
from experiments_core.analysis.engine import analyze
from experiments_core.analysis.segments import segment_results
from experiments_core.domain.experiment import Plan
from experiments_core.domain.metric import (
    Mean,
    Metric,
    MetricRole,
    Proportion,
    Quantile,
    Ratio,
)
from experiments_core.query.cells import BoundNeed, CellQuery
from experiments_core.store.cells import unit_cells
from experiments_core.store.database import Database

TABLE = "units_bench"
RATES, MEANS, ADJUSTED, CAPPED, RATIOS, QUANTILES = 8, 4, 2, 2, 3, 1
TURNS = 5
SEGMENT = "c98"
SECONDARY = MetricRole.SECONDARY


def measure(units: int) -> dict[str, float]:
    """Median seconds of our scorecard and of the bare queries, in turns on one table."""
    with Database.memory(memory_limit="4GB") as db:
        with db.write() as cursor:
            _fill(cursor, units)
        with db.read() as cursor:
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
    analyze(unit_cells(cursor, query).cells, design)
    cut = unit_cells(cursor, CellQuery(TABLE, query.needs, segment=SEGMENT)).cells
    for metric, _ in known:
        segment_results(cut, design, metric, "segment")


def _bare(cursor: Any) -> None:
    """The moments that a scorecard needs, as one would type them; no cap, no fill, no test."""
    parts = ["COUNT(*)"]
    for metric, bound in metrics():
        column = bound.column
        if isinstance(metric, Proportion):
            parts += [f"COUNT({column})", f"SUM({column})"]
        elif isinstance(metric, Quantile):
            parts += [f"COUNT({column})", f"quantile_cont({column}, [0.895, 0.9, 0.905])"]
        else:
            parts += [f"COUNT({column})", f"AVG({column})", f"VAR_SAMP({column})"]
            other = next(iter((*bound.others, *bound.covariates)), None)
            if other is not None:
                parts += [
                    f"AVG({other})", f"VAR_SAMP({other})", f"COVAR_SAMP({column}, {other})"
                ]  # fmt: skip
            if metric.needs.capped:
                capped = f"LEAST({column}, 9.0)"
                parts += [f"AVG({capped})", f"VAR_SAMP({capped})"]
    listed = ", ".join(parts)
    for keys in ("arm", f"arm, {SEGMENT}"):
        cursor.execute(f"SELECT {keys}, {listed} FROM {TABLE} GROUP BY {keys}").fetchall()


def _seconds(work: Any, cursor: Any) -> float:
    start = time.perf_counter()
    work(cursor)
    return time.perf_counter() - start
