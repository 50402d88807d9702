"""Read every row of a file under a mapping, into staging: for uploads and for notebooks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from experiments_core.domain.source import Mapping, Role, Shape
from experiments_core.domain.text import grouped
from experiments_core.services.checked import Checked, refuse_one_arm
from experiments_core.services.checking_totals import check_totals
from experiments_core.services.import_remarks import Context, warnings_of
from experiments_core.services.import_report import ImportReport, Remark, RuleCount, by_rule
from experiments_core.services.uploads import read_structure
from experiments_core.store import facts
from experiments_core.store.database import Database
from experiments_core.store.staged import Staged
from experiments_core.store.watch import SILENT, Watch
from experiments_core.tabular.found import Found
from experiments_core.tabular.rejects import Reject
from experiments_core.tabular.structure import Structure
from experiments_core.tabular.text import listed

SHOWN_REJECTS = 100
FIXED = (Role.UNIT, Role.VARIANT, Role.TIME)


def check_file(
    db: Database,
    path: Path,
    mapping: Mapping,
    *,
    import_id: str,
    structure: Structure | None = None,
    known_arms: dict[str, str] | None = None,
    context: Context | None = None,
    unit_key: bytes | None = None,
    watch: Watch = SILENT,
) -> Checked:
    """Read a clean text file into staging.

    Args:
        db: The workspace, or one in memory.
        path: UTF-8 with line feeds.
        mapping: Says at least the variant and one measure.
        import_id: Names the staging table.
        structure: The census under this dialect, if it is at hand.
        known_arms: Folded spelling -> variant of the experiment.
        context: Notices and dates for the report.
        unit_key: Key under which unit ids are hashed; None keeps them as they are.
        watch: Progress and cancel.

    Raises:
        InvalidInputError: the file as a whole cannot be used.
        CancelledError: somebody stopped it.
    """
    structure = structure or read_structure(path, mapping.dialect)
    context = replace(
        context or Context(), blank_lines=(structure.blank_lines, structure.blank_count)
    )
    if mapping.kept_as is Shape.TOTALS:
        return check_totals(
            db, path, mapping,
            import_id=import_id, structure=structure, known_arms=known_arms, context=context,
        )  # fmt: skip
    staged = facts.load_csv(
        db, path, mapping,
        import_id=import_id, structure=structure, known_arms=known_arms, watch=watch,
        runs=context.runs, unit_key=unit_key,
    )  # fmt: skip
    return report_units(db, staged, mapping, context)


def report_units(db: Database, staged: Staged, mapping: Mapping, context: Context) -> Checked:
    """Turn what was staged into a report.

    Raises:
        InvalidInputError: fewer than two variants are left.
    """
    rules = tuple(_with_units(rule, staged) for rule in by_rule(staged.broken))
    refuse_one_arm(staged.arms, mapping, rules)
    report = ImportReport(
        rows_read=staged.rows_read,
        rows_used=staged.rows_used,
        rows_left_out=staged.rows_left_out,
        units=staged.units,
        arms=staged.arms,
        by_rule=rules,
        warnings=warnings_of(staged, mapping, context),
        preview=_preview(db, staged, mapping),
        rejects_total=staged.rows_left_out,
        first_rejects=_first_rejects(db, staged.rejects),
        crossed_units=staged.crossed,
        effects=staged.effects,
    )
    if mapping.shape is Shape.EVENTS:
        report = replace(report, warnings=(*report.warnings, _about_events(mapping)))
    columns = tuple(
        {"name": c.name, "role": c.role.value, "column": c.column}
        | ({"repeats": "rows"} if mapping.columns[c.position].repeats == "rows" else {})
        for c in staged.columns
    )
    found = Found(staged.arms, staged.blanks, staged.repeated, staged.contradicted)
    return Checked(
        report, staged.table, staged.rejects, columns, staged.content_hash, found,
        has_crossed=bool(staged.crossed_units),
    )  # fmt: skip


def _about_events(mapping: Mapping) -> Remark:
    """How events became units."""
    counted = listed(list(mapping.conversion_events))
    hours = mapping.window
    long = "" if hours in {"", "all"} else f", if it came within {float(hours):g} hours"
    exposure = mapping.exposure_event
    first = "the first row of a unit" if exposure == "any" else f"its first “{exposure}”"
    return Remark(
        "EVENTS_COUNTED",
        f"Each unit counts once, from {first} on: converted when it has {counted} afterwards"
        f"{long}.",
    )


def _with_units(rule: RuleCount, staged: Staged) -> RuleCount:
    """Rows of crossed units are told by units: that is what people count."""
    if rule.rule != "UNIT_IN_TWO_ARMS":
        return rule
    units = f"{grouped(staged.crossed)} unit{' was' if staged.crossed == 1 else 's were'}"
    return replace(rule, message=f"{units} in more than one variant: {rule.message}")


def _preview(
    db: Database, staged: Staged, mapping: Mapping
) -> tuple[tuple[str, ...], tuple[tuple[Any, ...], ...]]:
    """The first rows under the file's own names; what is not mapped is not shown."""
    fixed = [next((c.name for c in mapping.named(role)), "") for role in FIXED]
    titles = [*fixed, *(column.name for column in staged.columns)]
    kept = [place for place, title in enumerate(titles) if title]
    rows = tuple(tuple(row[place] for place in kept) for row in facts.preview(db, staged))
    return tuple(titles[place] for place in kept), rows


def _first_rejects(db: Database, table: str) -> tuple[Reject, ...]:
    if not table:
        return ()
    with db.read() as cursor:
        rows = facts.rejects_of(cursor, "", table, most=SHOWN_REJECTS)
    return tuple(Reject(*row) for row in rows)
