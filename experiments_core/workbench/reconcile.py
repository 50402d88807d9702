"""``reconcile``: two sources of one experiment, and why they differ."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from experiments_core.analysis import words
from experiments_core.domain.metric import Metric
from experiments_core.domain.source import Role
from experiments_core.services.reconciliation import Reconciliation
from experiments_core.services.reconciling import Totals, of_totals, of_units
from experiments_core.stats.moments import Counts, Moments
from experiments_core.store.database import Database
from experiments_core.store.reconciled import Side
from experiments_core.store.reconciliation import reconcile_units
from experiments_core.store.staged import Staged
from experiments_core.workbench import loading
from experiments_core.workbench.reading import database_for, source_of
from experiments_core.workbench.refusing import refusal
from experiments_core.workbench.request import Request, check
from experiments_core.workbench.totals import load_totals

OPTIONS = frozenset({
    "variant", "unit", "time", "metrics", "repeats", "crossovers", "decimal",
})  # fmt: skip
COPIES = ("UNIT_DUPLICATE_ROWS", "UNIT_REPEATED")


@dataclass(frozen=True, slots=True, repr=False)
class Differences:
    """What two sources say about one experiment; printed, it is a short report.

    Attributes:
        found: Every count, sum and reason.
    """

    found: Reconciliation

    @property
    def agree(self) -> bool:
        """Whether both say the same about every unit."""
        return self.found.agree

    @property
    def reasons(self) -> dict[str, int]:
        """Code -> units with that reason."""
        counts: dict[str, int] = {}
        for one in self.found.reasons:
            counts[one.code] = counts.get(one.code, 0) + one.units
        return counts

    def to_csv(self, *, for_spreadsheet: bool = True) -> bytes:
        """One line per unit that differs, the first 100 of each reason."""
        return self.found.to_csv(for_spreadsheet=for_spreadsheet)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return self.found.to_document()

    def __repr__(self) -> str:
        a, b = self.found.names
        ours, theirs = (words.count(units) for units in self.found.units)
        head = f"{a}: {ours} units, {b}: {theirs} units"
        if self.found.both is not None:
            head += f", {words.count(self.found.both)} in both"
        lines = [head + ("; they agree." if self.agree else ".")]
        lines += [
            f"  {words.plain(arm, 40)}: {' | '.join(map(words.count, pair))}"
            for arm, pair in self.found.arms.items()
        ]
        lines += [f"· {one.code}: {one.message}" for one in self.found.reasons]
        return "\n".join(lines)


def reconcile(
    a: Any,
    b: Any,
    *,
    variant: str,
    metrics: Iterable[Metric],
    unit: str | None = None,
    time: str | None = None,
    repeats: str = "first",
    crossovers: str = "exclude",
    decimal: str | None = None,
    theirs: Mapping[str, Any] | None = None,
    names: tuple[str, str] = ("A", "B"),
) -> Differences:
    """Hold two sources of one experiment against each other and say why they differ.

    Units are paired where both sources have one row per unit (``unit`` is named in both);
    otherwise units and sums per variant are compared.

    Args:
        a: Path, table or dict of columns, as in ``analyze``.
        b: The other source.
        variant: Column of arms.
        metrics: Measures; with ``of=`` the source holds totals per variant.
        unit: Column that identifies a unit.
        time: Column with the moment a unit was first seen; needed to see a shift of time
            zones, late rows and rows outside the other source's window.
        repeats: Several rows of one unit: as in ``analyze``.
        crossovers: Units in two arms: as in ``analyze``.
        decimal: As in ``analyze``.
        theirs: What is different in ``b``: any of ``variant``, ``unit``, ``time``,
            ``metrics`` (in the order of ``metrics``), ``repeats``, ``crossovers``,
            ``decimal``.
        names: What the sources are called in sentences.

    Raises:
        InvalidInputError: a column is missing, or an argument is unknown.
    """
    told = dict(theirs or {})
    unknown = sorted(set(told) - OPTIONS)
    if unknown:
        raise refusal(
            "theirs", unknown[0], "UNKNOWN_FIELD", f"theirs has no option “{unknown[0]}”.",
            f"Use one of {', '.join(sorted(OPTIONS))}.",
        )  # fmt: skip
    first = Request(
        metrics=tuple(metrics), variant=variant, unit=unit, time=time, repeats=repeats,
        crossovers=crossovers, decimal=decimal, leave_out_bad_rows=True,
    )  # fmt: skip
    changes: dict[str, Any] = dict(told)
    if "metrics" in changes:
        changes["metrics"] = tuple(changes["metrics"])
    second = replace(first, **changes)
    if len(first.metrics) != len(second.metrics):
        raise refusal(
            "theirs", len(second.metrics), "LENGTH",
            f"There are {len(first.metrics)} metrics, but {len(second.metrics)} in theirs.",
            "Name the same measures in the same order.",
        )  # fmt: skip
    for request in (first, second):
        check(request)
    with database_for(a, b) as db:
        return Differences(_compare(db, (a, b), (first, second), names))


def _compare(
    db: Database,
    data: tuple[Any, Any],
    requests: tuple[Request, Request],
    names: tuple[str, str],
) -> Reconciliation:
    if all(request.unit and not request.totals for request in requests):
        sides = []
        for source, request in zip(data, requests, strict=True):
            staged, _ = loading.stage_units(db, source_of(source, db), request)
            sides.append(_side(staged, request, requests[0]))
        with db.staging() as cursor:
            return of_units(reconcile_units(cursor, sides[0], sides[1]), names)
    counts, known = [], []
    for source, request in zip(data, requests, strict=True):
        totals, left_out = _totals(db, source, request, requests[0])
        counts.append(totals)
        known.append(left_out)
    return of_totals(counts[0], counts[1], names, known_a=known[0], known_b=known[1])


def _side(staged: Staged, request: Request, first: Request) -> Side:
    """A staged source; its measures under the names that they have in the first one."""
    keys = {
        theirs.columns[0]: ours.key
        for theirs, ours in zip(request.metrics, first.metrics, strict=True)
    }
    left_out, duplicates = "", 0
    if staged.rejects:
        left_out = (
            f"SELECT value AS unit, rule FROM {staged.rejects} WHERE starts_with(rule, 'UNIT_')"
        )
        duplicates = sum(one.rows for one in staged.broken if one.rule in COPIES)
    return Side(
        staged.table,
        {
            keys[c.name]: (c.column, c.role)
            for c in staged.columns
            if c.role in {Role.OUTCOME, Role.VALUE} and c.name in keys
        },
        left_out=left_out,
        duplicates=duplicates,
    )


def _totals(
    db: Database, data: Any, request: Request, first: Request
) -> tuple[Totals, dict[str, int]]:
    """Units and sums per arm, and what was left out."""
    source, left_out = source_of(data, db), {}
    if request.totals:
        loaded = load_totals(db, source, request)
    else:
        staged, mapping = loading.stage_units(db, source, request)
        loaded = loading.load_units(db, staged, mapping, request)
        left_out = {one.rule: one.rows for one in staged.broken}
    found: Totals = {}
    for key, cell in loaded.cells.items():
        sums: dict[str, float] = {}
        for ours, theirs in zip(first.metrics, request.metrics, strict=True):
            summary = cell.summaries.get(theirs.key)
            if isinstance(summary, Counts):
                sums[ours.key] = float(summary.x)
            elif isinstance(summary, Moments):
                sums[ours.key] = summary.n * summary.mean
        found[key.arm] = (cell.units, sums)
    return found, left_out
