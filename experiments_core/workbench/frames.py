"""What was read, as pandas frames: the units that count and the rows left out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

REJECT_COLUMNS = ("line", "column", "value", "rule", "message", "row")


def units_frame(cursor: Any, table: str, headers: Mapping[str, str]) -> pd.DataFrame:
    """One row per unit: unit, arm, first_ts and each column under its header."""
    listed = ", ".join(["unit", "arm", "first_ts", *headers])
    frame: pd.DataFrame = cursor.execute(f"SELECT {listed} FROM {table} ORDER BY rowid").df()
    return frame.rename(columns=dict(headers))


def rejects_frame(rows: Iterable[Sequence[Any]]) -> pd.DataFrame:
    """One row for each row that was left out."""
    import pandas as pd  # noqa: PLC0415 - most of a second, and only frames need it

    return pd.DataFrame(list(rows), columns=list(REJECT_COLUMNS))
