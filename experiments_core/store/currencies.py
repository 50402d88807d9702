"""Amounts of one column are in one currency."""

from __future__ import annotations

import duckdb

from experiments_core.errors import InvalidInputError, Problem
from experiments_core.store import conversion_numbers
from experiments_core.store.reading import Relation
from experiments_core.tabular.numbers import CURRENCIES
from experiments_core.tabular.text import listed, visible


def refuse_currencies(
    cursor: duckdb.DuckDBPyConnection, name: str, field: str, text: Relation
) -> None:
    """Refuse amounts that cannot be added.

    Args:
        cursor: On the staged texts.
        name: Header text of the column.
        field: The column in SQL.
        text: The staged texts.

    Raises:
        InvalidInputError: ``CURRENCY_MIXED``, with a cell of each currency.
    """
    rows = cursor.execute(
        f"SELECT {conversion_numbers.currency(field)} AS sign, any_value({field}) "
        f"FROM {text.sql} "
        f"WHERE {conversion_numbers.has_currency(field)} GROUP BY sign LIMIT 100"
    ).fetchall()
    examples = {CURRENCIES.get(sign, sign): str(cell) for sign, cell in rows}
    if len(examples) > 1:
        raise _mixed_currency(name, examples)


def _mixed_currency(name: str, examples: dict[str, str]) -> InvalidInputError:
    shown = listed([visible(cell) for cell in examples.values()])
    return InvalidInputError(
        f"“{name}” holds amounts in {len(examples)} currencies ({shown}), which cannot be "
        "added.",
        code="CURRENCY_MIXED",
        hint="Convert them into one currency and export again, or do not use the column.",
        details=(Problem(name, shown, "CURRENCY_MIXED", "one currency per column"),),
    )
