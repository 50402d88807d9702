"""One variant, written in several ways."""

from __future__ import annotations

from collections.abc import Sequence

from experiments_core.tabular.sniff import Row
from experiments_core.tabular.text import arm_fold, fold


def spellings(rows: Sequence[Row], position: int) -> dict[str, int]:
    """Arms in the sample, one spelling for each, by how often they occur."""
    groups: dict[str, dict[str, int]] = {}
    for row in rows:
        cell = row.cells[position]
        if fold(cell):
            group = groups.setdefault(arm_fold(cell), {})
            group[cell.strip()] = group.get(cell.strip(), 0) + 1
    found = {best_spelling(group): sum(group.values()) for group in groups.values()}
    return dict(sorted(found.items(), key=lambda pair: -pair[1]))


def best_spelling(counts: dict[str, int]) -> str:
    """The spelling to keep: the most frequent, then the one without capitals."""
    return min(counts, key=lambda text: (-counts[text], text != text.lower(), text))
