"""Mappings as plain JSON values and back."""

from __future__ import annotations

from collections.abc import Mapping as Table
from dataclasses import asdict
from typing import Any

from experiments_core.domain.source import ColumnMapping, Dialect, Mapping, Role, Shape


def mapping_to_document(mapping: Mapping) -> dict[str, Any]:
    """Write a mapping."""
    return asdict(mapping)


def mapping_from_document(document: Table[str, Any]) -> Mapping:
    """Read a mapping that was written by :func:`mapping_to_document`."""
    columns = tuple(
        ColumnMapping(**column | {"role": Role(column["role"])})
        for column in document["columns"]
    )
    lists = {
        name: tuple(document.get(name, ())) for name in ("conversion_events", "experiments")
    }
    rest = {
        **document,
        "columns": columns,
        "shape": Shape(document["shape"]),
        **lists,
    }
    return Mapping(**rest | {"dialect": Dialect(**document["dialect"])})
