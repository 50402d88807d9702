"""Values as literals of SQL, where a parameter cannot stand."""

from __future__ import annotations

from datetime import UTC, datetime


def quoted(text: str) -> str:
    """A text as a literal; a quote in it is doubled, so it cannot end the literal."""
    return "'" + text.replace("'", "''") + "'"


def moment_sql(moment: datetime) -> str:
    """A moment as a literal in UTC.

    Raises:
        ValueError: it has no time zone.
    """
    if moment.tzinfo is None:
        raise ValueError(f"{moment} has no time zone")
    naive = moment.astimezone(UTC).replace(tzinfo=None)
    return f"TIMESTAMP '{naive.isoformat(sep=' ')}'"
