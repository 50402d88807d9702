"""What holding two sources of one experiment against each other gives; plain values."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict, dataclass, field
from typing import Any

from experiments_core.store.reconciled import Case
from experiments_core.tabular.text import neutral

COLUMNS = ("reason", "detail", "unit", "line")


@dataclass(frozen=True, slots=True)
class Reason:
    """Units (or, of totals, a difference of counts) with one reason.

    Attributes:
        code: See :class:`experiments_core.store.reconciliation.Why`; ``UNEXPLAINED`` for a
            difference of totals that nothing known accounts for.
        units: How many.
        message: One sentence.
        side: ``a`` or ``b`` when the units are on that side only.
        detail: Column, rule or shift.
        cases: The first 100.
    """

    code: str
    units: int
    message: str
    side: str = ""
    detail: str = ""
    cases: tuple[Case, ...] = ()


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What two sources say about one experiment.

    Attributes:
        names: What A and B are called.
        basis: ``units`` when units were paired, ``totals`` when only counts were compared.
        units: Of A and of B.
        both: Units on both sides; None for totals.
        arms: Arm -> units of A and of B.
        sums: Measure -> arm -> sum in A and in B.
        reasons: Every difference.
        compared: Columns that both have.
    """

    names: tuple[str, str]
    basis: str
    units: tuple[int, int]
    both: int | None
    arms: dict[str, tuple[int, int]]
    sums: dict[str, dict[str, tuple[float, float]]]
    reasons: tuple[Reason, ...]
    compared: tuple[str, ...] = field(default=())

    @property
    def agree(self) -> bool:
        """Whether both say the same about every unit."""
        differing = [one for one in self.reasons if one.code != "DUPLICATES"]
        same = all(a == b for a, b in self.arms.values())
        return same and not differing

    @property
    def new(self) -> int:
        """Units only in B."""
        return sum(one.units for one in self.reasons if one.side == "b")

    @property
    def gone(self) -> int:
        """Units only in A."""
        return sum(one.units for one in self.reasons if one.side == "a")

    def to_document(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)

    def to_csv(self, *, for_spreadsheet: bool = True) -> bytes:
        """One line per unit that differs (the first 100 of each reason)."""
        target = io.StringIO()
        writer = csv.writer(target, lineterminator="\r\n")
        writer.writerow((*COLUMNS, *self.names))
        for reason in self.reasons:
            for case in reason.cases or (Case("", None, None, None),):
                cells = [reason.code, reason.detail, case.unit, case.line, case.a, case.b]
                texts = ["" if cell is None else str(cell) for cell in cells]
                writer.writerow([neutral(t) for t in texts] if for_spreadsheet else texts)
        return target.getvalue().encode("utf-8-sig" if for_spreadsheet else "utf-8")
