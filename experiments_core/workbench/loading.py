"""From a file, a frame or numbers typed in to cells. Rows are read by DuckDB in memory."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from collections.abc import Mapping as Table
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta

from experiments_core.analysis.cells import Cell
from experiments_core.analysis.design import Quality
from experiments_core.analysis.segments import MOST_SEGMENTS
from experiments_core.domain.metric import Metric
from experiments_core.domain.metric_kinds import Proportion
from experiments_core.domain.source import UNKNOWN_PHASE, CellKey, Mapping
from experiments_core.domain.text import grouped
from experiments_core.errors import InvalidInputError, Problem
from experiments_core.query.cell_query import BoundNeed, CellQuery
from experiments_core.services.reading_quality import ON_PURPOSE
from experiments_core.stats.shuffles import Phase
from experiments_core.store import facts
from experiments_core.store.cells import segment_cells, unit_cells
from experiments_core.store.database import Database
from experiments_core.store.spans import unit_span
from experiments_core.store.staged import Broken, Staged
from experiments_core.store.unit_values import unit_values
from experiments_core.store.whole_cells import whole_cells
from experiments_core.tabular import numbers
from experiments_core.tabular.rejects import RULES, summary
from experiments_core.tabular.repeats import repeats_in_words
from experiments_core.tabular.text import lines_text, shorten
from experiments_core.workbench.columns import units_mapping
from experiments_core.workbench.refusing import refusal
from experiments_core.workbench.request import Request
from experiments_core.workbench.sources import Source


@dataclass(frozen=True, slots=True)
class Loaded:
    """Cells, and what was found on the way.

    Attributes:
        cells: By arm, and by phase where a column names it.
        arms: Every arm of the data.
        segments: Column -> cells by segment, and by phase as above.
        phases: Labels of the phases, in order.
        basis: ``units``, ``totals`` or ``moments``.
        data_hash: Of the rows.
        notes: What was done with rows and spellings on the way.
    """

    cells: dict[CellKey, Cell]
    arms: tuple[str, ...]
    basis: str
    quality: Quality = field(default_factory=Quality)
    segments: dict[str, dict[CellKey, Cell]] = field(default_factory=dict)
    phases: tuple[str, ...] = ()
    sql: str = ""
    data_hash: str = ""
    notes: tuple[str, ...] = ()


def stage_units(db: Database, source: Source, request: Request) -> tuple[Staged, Mapping]:
    """Stage one row per unit.

    Raises:
        InvalidInputError: a column is missing, a row breaks a rule, a unit repeats.
    """
    mapping = units_mapping(source, request)
    import_id = db.new_id()
    if source.upload is not None:
        staged = facts.load_csv(
            db,
            source.upload.path,
            mapping,
            import_id=import_id,
            structure=source.upload.structure,
        )
    else:
        staged = facts.load_frame(db, source.frame, mapping, import_id=import_id)
    _refuse_broken(staged, request, mapping)
    return staged, mapping


def load_units(db: Database, staged: Staged, mapping: Mapping, request: Request) -> Loaded:
    """Ask the one query of staged units."""
    ours = {column.name: column.column for column in staged.columns}
    query = _query(staged, request, mapping)
    if request.phases:
        query = replace(query, phase_column=ours[request.phases])
    with db.read() as cursor:
        if request.later_days:
            query = replace(query, since=_second_day(*unit_span(cursor, staged.table)))
        asked = {column: replace(query, segment=ours[column]) for column in request.segments}
        cut = {
            column: segment_cells(cursor, one, MOST_SEGMENTS) for column, one in asked.items()
        }
        first = next(iter(asked), None)
        table = (
            unit_cells(cursor, query)
            if first is None
            else whole_cells(cursor, asked[first], cut[first])
        )
    phases = _phases(table.cells) if request.phases else ()
    cells = _numbered(table.cells, phases)
    return Loaded(
        cells=cells,
        arms=tuple(sorted({key.arm for key in cells})),
        basis="units",
        quality=_quality(staged, request),
        segments={column: _numbered(found, phases) for column, found in cut.items()},
        phases=phases,
        sql=table.sql,
        data_hash=f"sha256:{staged.content_hash.removeprefix('sha256:')}",
        notes=tuple(_notes(staged, mapping)),
    )


def load_values(
    db: Database, source: Source, request: Request, arms: tuple[str, str]
) -> list[Phase]:
    """The values of every unit of two arms for the first metric, phase by phase.

    Raises:
        InvalidInputError: as for :func:`stage_units`.
    """
    staged, mapping = stage_units(db, source, request)
    ours = {column.name: column.column for column in staged.columns}
    query = _query(staged, request, mapping)
    bound = query.needs[0]
    if request.phases:
        query = replace(query, segment=ours[request.phases])
    with db.read() as cursor:
        return unit_values(cursor, query, bound, arms)


def _query(staged: Staged, request: Request, mapping: Mapping) -> CellQuery:
    ours = {column.name: column.column for column in staged.columns}
    every = {column.name for column in mapping.columns if column.repeats == "rows"}
    return CellQuery(
        staged.table,
        tuple(_bound(metric, ours, every) for metric in request.metrics),
        confidence_level=1 - request.alpha,
        rows=request.repeats == "rows",
    )


def _second_day(first: datetime | None, last: datetime | None) -> datetime | None:
    """Midnight after the first day on which units came.

    Raises:
        InvalidInputError: there is no second day.
    """
    if first is None or last is None or first.date() == last.date():
        raise refusal(
            "time", None, "REQUIRED", "Nothing says on which day a unit came.",
            "Name the column of times, over several days.",
        )  # fmt: skip
    return datetime.combine(first.date() + timedelta(days=1), time(), UTC)


def _bound(metric: Metric, ours: Table[str, str], every: Collection[str]) -> BoundNeed:
    first, *others = (ours[name] for name in metric.needs.columns)
    before = tuple(ours[name] for name in metric.covariates)
    listed = metric.needs.columns[0] in every
    return BoundNeed(metric.needs, first, tuple(others), before, listed=listed)


def _phases(cells: Table[CellKey, Cell]) -> tuple[str, ...]:
    """Labels of a phase column in their order: as numbers where they are numbers."""
    return tuple(sorted({str(key.phase) for key in cells}, key=_natural))


def _numbered(cells: Table[CellKey, Cell], labels: tuple[str, ...]) -> dict[CellKey, Cell]:
    """Phases 1, 2 … for their labels; none where there is only one."""
    places = {label: number for number, label in enumerate(labels, start=1)}
    if len(labels) == 1:
        places = dict.fromkeys(labels, UNKNOWN_PHASE)
    return {
        replace(key, phase=places.get(str(key.phase), key.phase)): cell
        for key, cell in cells.items()
    }


def _natural(label: str) -> tuple[float, str]:
    number = numbers.read(label)
    return (float("inf") if number is None else number), label


def _notes(staged: Staged, mapping: Mapping) -> Iterator[str]:
    """What a reader would want to know, although nothing is wrong."""
    for spelling, arm in staged.merged.items():
        yield f"“{shorten(spelling)}” was read as the variant “{shorten(arm)}”."
    if staged.repeated:
        rows = "each row is kept for quantiles, numbers are added up per unit"
        rule = rows if mapping.repeats == "rows" else repeats_in_words(mapping)
        yield f"{grouped(staged.repeated)} units had several rows; {rule}."
    for column in staged.currency:
        yield f"Currency signs were taken off “{shorten(column)}”."


def _quality(staged: Staged, request: Request) -> Quality:
    rejected = sum(broken.rows for broken in staged.broken if broken.rule not in ON_PURPOSE)
    return Quality(
        rows_read=staged.rows_read,
        rows_left_out=staged.rows_left_out,
        rows_rejected=rejected,
        crossed_units=staged.crossed if request.unit else None,
        crossed_left_out=request.crossovers == "exclude",
    )


def _refuse_broken(staged: Staged, request: Request, mapping: Mapping) -> None:
    """Say what is wrong with the rows, unless somebody chose to go on without them."""
    if staged.repeated and not mapping.tells_repeats:
        raise refusal(
            "repeats",
            staged.repeated,
            "UNIT_REPEATED",
            f"{grouped(staged.repeated)} units of “{request.unit}” have several rows.",
            'Say which counts: repeats="first" (in the file), "max" (converted at least once), '
            '"sum" or "mean" (of numbers), or one per column {"revenue": "sum", "*": "max"}; '
            'with quantiles of the rows "rows".',
        )
    bad = [one for one in staged.broken if RULES[one.rule].blocking]
    if not bad or request.leave_out_bad_rows:
        return
    rates = {one.columns[0] for one in request.metrics if isinstance(one, Proportion)}
    hint = "Correct them, or go on without them: leave_out_bad_rows=True."
    if any(one.rule == "OUTCOME_RANGE" and one.column in rates for one in bad):
        hint = (
            "If these are counts in totals, name the number of units: "
            'Proportion("conversions", of="visitors"). If they are numbers per unit, use Mean.'
        )
    raise InvalidInputError(
        " ".join(f"{_sentence(one)}." for one in bad),
        hint=hint,
        details=tuple(
            Problem(one.column, one.values[:3], one.rule, _sentence(one)) for one in bad
        ),
    )


def _sentence(broken: Broken) -> str:
    values = ", ".join(f"“{shorten(value)}”" for value in broken.values[:3])
    column = f" in column “{shorten(broken.column)}”" if broken.column else ""
    where = f" ({lines_text(broken.lines, broken.rows)})" if broken.lines else ""
    return f"{summary(broken.rule, broken.rows)}{column}: {values}{where}"
