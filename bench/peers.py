"""The peers: a bare query, tea-tasting, pandas with statsmodels. Four metrics each."""

from __future__ import annotations

import importlib
import math
from pathlib import Path
from typing import Any

import duckdb

RATES = ("converted", "refunded")
MEANS = ("revenue", "seconds")


def bare_load(csv: Path, database: Path) -> int:
    """``read_csv`` into a table of a fresh file, nothing checked."""
    database.unlink(missing_ok=True)
    connection = duckdb.connect(str(database), config={"threads": 2, "memory_limit": "1GB"})
    connection.execute(f"CREATE TABLE units AS SELECT * FROM read_csv('{csv}')")
    row = connection.execute("SELECT count(*) FROM units").fetchone()
    connection.close()
    return int(row[0]) if row else 0


def bare_moments(cursor: Any, table: str, columns: dict[str, str]) -> list[Any]:
    """Counts, sums, means and variances by arm, on the table our analysis reads."""
    rates = ", ".join(f"count({columns[m]}), sum({columns[m]})" for m in RATES)
    means = ", ".join(
        f"count({columns[m]}), avg({columns[m]}), var_samp({columns[m]})" for m in MEANS
    )
    return list(
        cursor.execute(
            f"SELECT arm, count(*), {rates}, {means} FROM {table} GROUP BY arm"
        ).fetchall()
    )


def warm_tea_tasting() -> None:
    """Load the library, so that its import is not counted."""
    importlib.import_module("tea_tasting")


def tea_tasting_table(table: Any) -> Any:
    """Analyse a table in memory with tea-tasting."""
    import tea_tasting as tt  # noqa: PLC0415  as above

    experiment = tt.Experiment(
        converted=tt.Proportion("converted"),
        refunded=tt.Proportion("refunded"),
        revenue=tt.Mean("revenue"),
        seconds=tt.Mean("seconds"),
        sample_ratio=tt.SampleRatio(),
    )
    return experiment.analyze(table, control="control")


def pandas_statsmodels(frame: Any) -> dict[str, float]:
    """The same four comparisons by hand, as most notebooks do it."""
    from scipy.stats import chisquare  # noqa: PLC0415  as above
    from statsmodels.stats.proportion import (  # noqa: PLC0415
        confint_proportions_2indep,
        proportion_confint,
        proportions_ztest,
    )
    from statsmodels.stats.weightstats import CompareMeans, DescrStatsW  # noqa: PLC0415

    control = frame[frame["variant"] == "control"]
    treatment = frame[frame["variant"] == "treatment"]
    answer = {}
    for name in RATES:
        x = [int(treatment[name].sum()), int(control[name].sum())]
        n = [len(treatment), len(control)]
        answer[name] = float(proportions_ztest(x, n)[1])
        confint_proportions_2indep(x[0], n[0], x[1], n[1], method="newcomb")
        for successes, trials in zip(x, n, strict=True):
            proportion_confint(successes, trials, method="wilson")
    for name in MEANS:
        pair = CompareMeans(DescrStatsW(treatment[name]), DescrStatsW(control[name]))
        answer[name] = float(pair.ttest_ind(usevar="unequal")[1])
        pair.tconfint_diff(usevar="unequal")
    answer["sample_ratio"] = float(chisquare([len(control), len(treatment)]).pvalue)
    answer["duplicates"] = float(frame["user_id"].duplicated().sum())
    return {name: value for name, value in answer.items() if math.isfinite(value)}
