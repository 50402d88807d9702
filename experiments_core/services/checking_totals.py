"""Read a file of totals, moments or bare conversions per variant into staging."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from experiments_core.domain.source import ColumnMapping, Mapping, Role, Shape
from experiments_core.domain.text import grouped
from experiments_core.errors import InvalidInputError, Problem
from experiments_core.services.arm_rows import read_arms
from experiments_core.services.checked import Checked, refuse_one_arm
from experiments_core.services.import_remarks import Context, about_reading
from experiments_core.services.import_remarks_arms import few_units, merged_names
from experiments_core.services.import_report import ImportReport, Remark, by_rule
from experiments_core.store import facts
from experiments_core.store.database import Database
from experiments_core.store.staged import Broken, Example
from experiments_core.tabular.courses import RUNNING, At, at_of
from experiments_core.tabular.found import Found
from experiments_core.tabular.rates import PERCENT, disagreements
from experiments_core.tabular.rejects import Reject, words
from experiments_core.tabular.sniff import Row, split
from experiments_core.tabular.spellings import best_spelling
from experiments_core.tabular.structure import Structure
from experiments_core.tabular.text import arm_fold, visible
from experiments_core.tabular.totals import Total

SHOWN_REJECTS = 100
PREVIEW = 50
MOST_TOTALS_BYTES = 5 * 1024 * 1024


def check_totals(
    db: Database,
    path: Path,
    mapping: Mapping,
    *,
    import_id: str,
    structure: Structure,
    known_arms: dict[str, str] | None,
    context: Context,
) -> Checked:
    """Check every row by itself and stage the good ones.

    Raises:
        InvalidInputError: the file as a whole cannot be used.
    """
    rows, lines = _totals_rows(path, mapping, structure)
    read = read_arms(rows, mapping)
    totals, rejects = read.totals, read.rejects
    totals, unknown, merged = _name_arms(totals, mapping, known_arms, rows)
    rejects = sorted([*rejects, *unknown], key=lambda reject: reject.line)
    out = {reject.line for reject in rejects}
    arms = _units(totals, mapping)
    rules = by_rule(_by_rule(rejects, lines))
    rejects = [replace(reject, line=lines[reject.line]) for reject in rejects]
    about_rates = tuple(_about_rates(totals, mapping, rows, lines))
    totals = [replace(total, line=lines[total.line]) for total in totals]
    refuse_one_arm(arms, mapping, rules)
    columns = _columns(totals, mapping)
    time = mapping.first(Role.TIME)
    shown_time = time if mapping.shape is Shape.TOTALS else None
    table = facts.stage_totals(db, import_id, totals, rejects, time)
    measured = [column["name"] for column in columns if column["role"] != Role.VISITORS]
    report = ImportReport(
        rows_read=len(rows),
        rows_used=len(rows) - len(out),
        rows_left_out=len(out),
        units=sum(arms.values()),
        arms=arms,
        by_rule=rules,
        warnings=(
            *_totals_remarks(totals, arms, merged, context, mapping),
            *(replace(one, lines=tuple(lines[n] for n in one.lines)) for one in read.remarks),
            *about_rates,
        ),
        preview=(
            ("variant", "visitors", *measured, *((shown_time.name,) if shown_time else ())),
            tuple((t.arm, t.visitors, *(_shown(t.conversions.get(n)) for n in measured),
                   *_when(t, shown_time)) for t in totals[:PREVIEW]),
        ),
        rejects_total=len(out),
        first_rejects=tuple(rejects[:SHOWN_REJECTS]),
    )  # fmt: skip
    blanks = _blank_counts(rows, mapping)
    content = facts.totals_hash(totals)
    found = Found(arms, blanks, readings=read.readings)
    return Checked(report, table, f"{table}_rejects", columns, content, found)


def _units(totals: Sequence[Total], mapping: Mapping) -> dict[str, int]:
    """Units per arm; where only conversions are known, those."""
    first = next((column.name for column in mapping.named(Role.CONVERSIONS)), "")
    arms: dict[str, int] = {}
    for total in totals:
        count = total.visitors
        if count is None:
            found = total.conversions.get(first, 0)
            count = found if isinstance(found, int) else 0
        arms[total.arm] = arms.get(total.arm, 0) + count
    return arms


def _columns(totals: Sequence[Total], mapping: Mapping) -> tuple[dict[str, str], ...]:
    """What the dataset has: visitors and conversions, or the metrics of the moments."""
    if mapping.shape is Shape.MOMENTS:
        names = dict.fromkeys(name for total in totals for name in total.conversions)
        return tuple({"name": n, "role": Role.VALUE.value, "column": ""} for n in names)
    counted = {
        **dict.fromkeys(mapping.named(Role.VISITORS), Role.VISITORS),
        **dict.fromkeys((*mapping.named(Role.CONVERSIONS), *mapping.derived), Role.CONVERSIONS),
    }
    return tuple(
        {"name": column.name, "role": counted[column].value, "column": ""}
        for column in mapping.columns
        if column in counted
    )


def _when(total: Total, time: ColumnMapping | None) -> tuple[At | None, ...]:
    if time is None:
        return ()
    return (None if total.time is None else at_of(total.time, time),)


def _shown(value: object) -> object:
    return value["mean"] if isinstance(value, dict) else value


def _totals_rows(
    path: Path, mapping: Mapping, structure: Structure
) -> tuple[list[Row], dict[int, int]]:
    """Every row, and the line of the file as it came for each line of the text that is read."""
    if path.stat().st_size > MOST_TOTALS_BYTES:
        raise InvalidInputError(
            f"A file of {_word(mapping)} has a few rows; this one is larger than 5 MB.",
            code="TOTALS_TOO_LARGE",
            hint="Read it as one row per unit.",
        )
    text = path.read_text(encoding="utf-8-sig")
    width = len(mapping.columns)
    below = mapping.dialect.header_line
    records = [
        row
        for row in split(text, mapping.dialect.delimiter, complete=True)
        if row.line >= below
    ]
    lines = {row.line: structure.line_of(number) for number, row in enumerate(records)}
    rows = [
        row for row in records if row.line > below and any(visible(cell) for cell in row.cells)
    ]
    broken = [row for row in rows if len(row.cells) != width]
    if broken:
        sentence = f"has {len(broken[0].cells)} fields; {width} are expected"
        raise InvalidInputError(
            f"Line {broken[0].line} {sentence}.",
            code="ROW_BROKEN",
            hint="Correct the line or export the file again; nothing was stored.",
            details=tuple(
                Problem(f"line {row.line}", ",".join(row.cells), "ROW_BROKEN", sentence)
                for row in broken[:5]
            ),
        )
    if not rows:
        raise InvalidInputError(
            "There are no rows below the header.", code="FILE_NO_ROWS", hint="Export it again."
        )
    return rows, lines


def _name_arms(
    totals: Sequence[Total],
    mapping: Mapping,
    known: dict[str, str] | None,
    rows: Sequence[Row],
) -> tuple[list[Total], list[Reject], dict[str, str]]:
    """One spelling per arm; rows of arms that the experiment does not have are rejected."""
    groups: dict[str, dict[str, int]] = {}
    for total in totals:
        group = groups.setdefault(arm_fold(total.arm), {})
        group[total.arm] = group.get(total.arm, 0) + 1
    chosen = {arm_fold(text): arm for text, arm in mapping.merge_variants.items()}
    best = {
        key: (known or {}).get(key) or chosen.get(key) or best_spelling(group)
        for key, group in groups.items()
    }
    name = mapping.named(Role.VARIANT)[0].name
    raw = {row.line: ",".join(row.cells) for row in rows}
    kept = [replace(total, arm=best[arm_fold(total.arm)]) for total in totals]
    unknown = [
        Reject(t.line, name, t.arm, "VARIANT_UNKNOWN", words("VARIANT_UNKNOWN", name, t.arm),
               raw[t.line])
        for t in kept if known is not None and t.arm not in known.values()
    ]  # fmt: skip
    merged = {t.arm: best[arm_fold(t.arm)] for t in totals if t.arm != best[arm_fold(t.arm)]}
    lines = {reject.line for reject in unknown}
    return [total for total in kept if total.line not in lines], unknown, merged


def _by_rule(rejects: Sequence[Reject], lines: dict[int, int]) -> list[Broken]:
    found: dict[str, list[Reject]] = {}
    for reject in rejects:
        found.setdefault(reject.rule, []).append(reject)
    return [
        Broken(
            rule,
            len({one.line for one in same}),
            tuple(dict.fromkeys(lines[one.line] for one in same))[:5],
            same[0].column,
            tuple(dict.fromkeys(one.value for one in same))[:5],
        )
        for rule, same in found.items()
    ]


def _word(mapping: Mapping) -> str:
    return "moments" if mapping.shape is Shape.MOMENTS else "totals"


def _totals_remarks(
    totals: Sequence[Total],
    arms: dict[str, int],
    merged: dict[str, str],
    context: Context,
    mapping: Mapping,
) -> list[Remark]:
    remarks = [*about_reading(context), *merged_names(merged)]
    if len(totals) > len(arms) and mapping.readings != RUNNING:
        remarks.append(Remark(
            "TOTALS_ADDED_UP",
            f"{grouped(len(totals))} rows were added up to {len(arms)} variants. If they "
            "are days, people who came back on another day are counted again.",
        ))  # fmt: skip
    if mapping.shape is Shape.COUNTS:
        remarks.append(Remark(
            "COUNTS_ONLY",
            "Only conversions are known, not of how many units: a verdict rests on the "
            "assumption that exposures followed the intended split, and there is no rate.",
        ))  # fmt: skip
    else:
        remarks += few_units(arms)
    return remarks


def _about_rates(
    totals: Sequence[Total], mapping: Mapping, rows: Sequence[Row], lines: dict[int, int]
) -> Iterator[Remark]:
    """Counts that come from a rate, and rates that contradict the counts beside them."""
    cells = {row.line: row.cells for row in rows}
    for column in mapping.derived:
        found = [total for total in totals if column.name in total.conversions]
        examples = [
            Example(
                lines[t.line], t.arm, f"{cells[t.line][column.position]} → {grouped(count)}"
            )
            for t in found[:SHOWN_REJECTS]
            for count in (t.conversions[column.name],)
        ]
        if not found:
            continue
        first = found[0]
        word = "percentage" if column.rate == PERCENT else "fraction"
        yield Remark(
            "PERCENT_DERIVED",
            f"Conversions were derived from “{column.name}”, read as a {word}: each comes out "
            f"whole, such as {grouped(first.conversions[column.name])} of "
            f"{grouped(first.visitors or 0)}.",
            tuple(dict.fromkeys(example.line for example in examples))[:5],
            len(found), column.name, tuple(examples),
        )  # fmt: skip
    for name, wrong in disagreements(mapping, rows).items():
        at = tuple(dict.fromkeys(lines[row.line] for row in wrong))
        yield Remark(
            "RATE_DISAGREES",
            f"“{name}” is not conversions divided by visitors in {grouped(len(wrong))} "
            f"row{'' if len(wrong) == 1 else 's'}; the counts were used.",
            at[:5], len(wrong), name,
        )  # fmt: skip


def _blank_counts(rows: Sequence[Row], mapping: Mapping) -> dict[int, tuple[int, int]]:
    found: dict[int, tuple[int, int]] = {}
    for column in (*mapping.named(Role.CONVERSIONS), *mapping.derived):
        lines = [row.line for row in rows if not visible(row.cells[column.position])]
        if lines:
            found[column.position] = (len(lines), lines[0])
    return found
