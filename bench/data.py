"""Make the files the measurements read: always the same rows, one per unit, four metrics."""

from __future__ import annotations

from pathlib import Path

import duckdb

ROWS = """
    SELECT
        'u' || printf('%09d', i) AS user_id,
        if(hash('arm' || i) % 2 = 0, 'control', 'treatment') AS variant,
        strftime(
            TIMESTAMP '2026-05-01' + INTERVAL (i * 1209600 // $units) SECOND,
            '%Y-%m-%d %H:%M:%S'
        ) AS first_seen,
        CAST(hash('converted' || i) % 1000 < 105 AS INTEGER) AS converted,
        CAST(hash('refunded' || i) % 1000 < 31 AS INTEGER) AS refunded,
        if(converted = 1, round(10 + (hash('revenue' || i) % 9000) / 100.0, 2), 0) AS revenue,
        round((hash('seconds' || i) % 60000) / 1000.0, 1) AS seconds,
        ['DE', 'US', 'FR', 'PL'][CAST(1 + hash('country' || i) % 4 AS INTEGER)] AS country
    FROM range($units) AS numbers(i)
"""


def make_file(folder: Path, units: int) -> Path:
    """Write ``units`` rows as CSV and return the path; an existing file is kept."""
    path = folder / f"units_{units}.csv"
    if not path.exists():
        connection = duckdb.connect()
        rows = ROWS.replace("$units", str(units))
        connection.execute(f"COPY ({rows}) TO '{path}' (HEADER, DELIMITER ',')")
        connection.close()
    return path
