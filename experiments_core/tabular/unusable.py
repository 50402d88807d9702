"""Say at once, with the reason, that a file is no table of an A/B test."""

from __future__ import annotations

from collections.abc import Sequence

from experiments_core.domain.source import Shape
from experiments_core.errors import InvalidInputError, Problem
from experiments_core.tabular import candidates, names
from experiments_core.tabular.columns import ColumnSeen, Kind
from experiments_core.tabular.sniff import Row, Sniff
from experiments_core.tabular.text import listed, shorten


def refuse_without_variant(columns: Sequence[ColumnSeen], shape: Shape, found: Sniff) -> None:
    """Refuse a whole file of which no column can be the variant.

    Raises:
        InvalidInputError: ``NO_VARIANT_COLUMN``, ``ONE_VARIANT``, or ``ROW_BROKEN`` where rows
            of another width may hold the other variants.
    """
    if candidates.certain_variant(columns) is not None:
        return
    constant = [c for c in columns if names.is_variant(c.name) and len(c.values) == 1]
    if not constant:
        if not _some_may_be_variant(columns, shape):
            raise _no_variant_column(columns)
        return
    if found.odd is not None:
        raise _broken(found.odd, len(columns))
    raise _one_variant(constant[0])


def refuse_uncounted(columns: Sequence[ColumnSeen]) -> None:
    """Refuse a row for each variant without its number of units, which is no row per unit.

    Raises:
        InvalidInputError: ``COUNTS_NEEDED``.
    """
    variant = candidates.certain_variant(columns)
    if variant is None or not variant.unique or candidates.unit_column(columns) is not None:
        return
    others = listed([column.name for column in columns if column is not variant], 8)
    raise InvalidInputError(
        f"Each variant stands in one row, and no column counts its units; there are {others}. "
        "A rate or an amount alone does not say how sure it is.",
        code="COUNTS_NEEDED",
        hint="Add the number of units of each variant (visitors), or upload one row per unit.",
        details=(Problem("visitors", None, "REQUIRED", f"a number of units beside {others}"),),
    )


def _some_may_be_variant(columns: Sequence[ColumnSeen], shape: Shape) -> bool:
    """Of rows per unit any candidate may be it; else a number needs a name that says so."""
    found = candidates.variant_candidates(columns)
    return any(
        shape is Shape.UNIT or points > 0 or column.kind is Kind.TEXT
        for points, column in found
    )


def _no_variant_column(columns: Sequence[ColumnSeen]) -> InvalidInputError:
    one_arm = candidates.visitors_column(columns) is not None
    return InvalidInputError(
        "There is no variant column"
        + (": this file seems to hold one arm only" if one_arm else "")
        + f". Its columns are {listed([column.name for column in columns], 8)}.",
        code="NO_VARIANT_COLUMN",
        hint="Add a column that says which variant each row belongs to"
        + (", and the rows of the other arms." if one_arm else "."),
        details=(Problem("variant", None, "REQUIRED", "a variant column is needed"),),
    )


def _one_variant(column: ColumnSeen) -> InvalidInputError:
    only = column.examples[0] if column.examples else ""
    return InvalidInputError(
        f"Column “{column.name}” holds only one variant ({shorten(only)}); "
        "at least two are needed.",
        code="ONE_VARIANT",
        hint="Add the rows of the other variant.",
        details=(Problem(column.name, only, "ONE_VARIANT", "at least two variants"),),
    )


def _broken(row: Row, expected: int) -> InvalidInputError:
    told = f"has {len(row.cells)} fields; {expected} are expected"
    return InvalidInputError(
        f"Line {row.line} {told}.",
        code="ROW_BROKEN",
        hint="Correct these lines or export the file again; nothing was stored.",
        details=(Problem(f"line {row.line}", None, "ROW_BROKEN", told),),
    )
