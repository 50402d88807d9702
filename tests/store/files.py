"""Small files for the loader: text in, staged rows out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from experiments_core.domain.source import ColumnMapping, Dialect, Mapping, Role, Shape
from experiments_core.store import facts
from experiments_core.store.database import Database
from experiments_core.store.staged import Staged
from experiments_core.tabular.census import Census

ROLES = {
    "user_id": Role.UNIT,
    "variant": Role.VARIANT,
    "converted": Role.OUTCOME,
    "revenue": Role.VALUE,
    "seen": Role.TIME,
    "country": Role.SEGMENT,
    "before": Role.COVARIATE,
}


def mapping_of(header: str, dialect: Dialect | None = None, **changes: Any) -> Mapping:
    """Roles by the usual names; ``changes`` are fields of the mapping."""
    dialect = dialect or Dialect()
    columns = tuple(
        ColumnMapping(
            name,
            place,
            ROLES.get(name, Role.IGNORE),
            blank="exclude",
            time_format="iso" if name == "seen" else "",
        )
        for place, name in enumerate(header.split(dialect.delimiter))
    )
    return replace(Mapping(Shape.UNIT, dialect, columns, control="control"), **changes)


def change(mapping: Mapping, name: str, **changes: Any) -> Mapping:
    """Change one column of a mapping."""
    columns = tuple(
        replace(column, **changes) if column.name == name else column
        for column in mapping.columns
    )
    return replace(mapping, columns=columns)


def load(db: Database, text: str, mapping: Mapping, **more: Any) -> Staged:
    """Stage a file."""
    path = db.side / "uploads" / f"{db.new_id()}.txt"
    path.write_text(text, encoding="utf-8")
    census = Census(ord(mapping.dialect.delimiter), max(0, mapping.dialect.header_line - 1))
    census.feed(text.encode())
    return facts.load_csv(
        db, path, mapping, import_id=db.new_id(), structure=census.finish(), **more
    )


def rows_of(db: Database, staged: Staged) -> list[tuple[Any, ...]]:
    """Unit, arm, time and values of the staged rows, in their order."""
    return list(facts.preview(db, staged, rows=10_000))


def rules_of(staged: Staged) -> dict[str, tuple[int, tuple[int, ...]]]:
    """Rule -> rows and lines."""
    return {broken.rule: (broken.rows, broken.lines) for broken in staged.broken}
