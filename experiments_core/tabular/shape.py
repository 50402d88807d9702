"""What is this file? Dialect, columns, shape, a proposed mapping and what has to be asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from experiments_core.domain.source import Dialect, Mapping, Role, Shape
from experiments_core.domain.text import grouped
from experiments_core.errors import InvalidInputError, Problem
from experiments_core.tabular import names, roles
from experiments_core.tabular.answers import Question
from experiments_core.tabular.columns import ColumnSeen, Kind, look
from experiments_core.tabular.encoding import UTF8, WINDOWS
from experiments_core.tabular.sniff import DELIMITER_WORDS, Row, Sniff, sniff, split
from experiments_core.tabular.text import TOTAL_WORDS, arm_fold, fold, listed, shorten

UNKNOWN_HEADER = -1
SEEN = {
    Shape.UNIT: "One row per unit",
    Shape.EVENTS: "An event log",
    Shape.TOTALS: "Totals per variant",
    Shape.MOMENTS: "Moments per variant",
    Shape.COUNTS: "Conversions per variant",
}


@dataclass(frozen=True, slots=True)
class Notice:
    """A reading choice that the person sees.

    Attributes:
        code: Stable code (``PREAMBLE_SKIPPED`` …).
        message: One sentence.
        lines: Physical lines it is about.
    """

    code: str
    message: str
    lines: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Detection:
    """What the beginning (and a few places inside) of a file says.

    Attributes:
        dialect: How bytes become fields; ``header_line`` is -1 while nobody has said whether
            the first line is a header.
        columns: What each column holds.
        proposal: A mapping to confirm or change.
        notices: Reading choices made.
        rows: Sample rows.
        rows_are_all: The sample is the whole file.
        seen: “One row per unit, about 294,000 rows, 2 variants”.
        asks: Questions about how the files become one table of rows.
    """

    dialect: Dialect
    columns: tuple[ColumnSeen, ...]
    proposal: Mapping
    notices: tuple[Notice, ...]
    rows: tuple[Row, ...]
    rows_are_all: bool
    seen: str
    asks: tuple[Question, ...] = ()


@dataclass(frozen=True, slots=True)
class Made:
    """How the text came about.

    Attributes:
        recipe: Sheet, combination and reshape that were chosen.
        asks: Questions about them.
        notes: What was done.
    """

    recipe: Dialect = field(default_factory=Dialect)
    asks: tuple[Question, ...] = ()
    notes: tuple[Notice, ...] = ()

    @property
    def is_open(self) -> bool:
        """Somebody has to choose before the rows mean anything."""
        return bool(open_asks(self.asks, self.recipe))


def open_asks(asks: Sequence[Question], recipe: Dialect) -> tuple[Question, ...]:
    """Questions about sheet, combination and reshape that are not answered."""
    return tuple(a for a in asks if not getattr(recipe, a.field.removeprefix("dialect.")))


def detect(
    head: str,
    *,
    complete: bool,
    records: int,
    middle: Sequence[str] = (),
    encoding: str = UTF8,
    sample: str = "",
    told: Dialect | None = None,
    made: Made | None = None,
) -> Detection:
    """Judge a file.

    Args:
        head: Its beginning, clean text.
        complete: ``head`` is the whole file.
        records: Records counted in the whole file, with the header.
        middle: Whole lines from further down, so that a sorted file shows all its arms.
        encoding: What the bytes were written in.
        sample: A line that was read as Windows-1252.
        told: A dialect that a person set.
        made: How the text was made, when it is not a file as it came.

    Raises:
        InvalidInputError: this is no table of an A/B test; the message says what is there.
    """
    made = made or Made()
    delimiter = told.delimiter if told else ""
    header_line = told.header_line if told and told.header_line != UNKNOWN_HEADER else None
    found = sniff(head, complete=complete, delimiter=delimiter, header_line=header_line)
    doubtful = found.header_doubtful
    if doubtful:
        found = sniff(head, complete=complete, delimiter=found.delimiter, header_line=0)
    rows = with_middle(found, middle)
    columns = columns_of(found, rows)
    chosen = told.shape if told else ""
    shape = Shape(chosen) if chosen else roles.shape_of(columns, rows, complete=complete)
    dialect = Dialect(
        encoding=encoding,
        delimiter=found.delimiter,
        header_line=UNKNOWN_HEADER if doubtful else found.header_line,
        sheet=made.recipe.sheet,
        combine=made.recipe.combine,
        reshape=made.recipe.reshape,
        shape=chosen,
    )
    mapping = roles.propose(shape, columns, rows)
    proposal = Mapping(shape, dialect, mapping)
    variant = next(iter(proposal.named(Role.VARIANT)), None)
    if not made.is_open:
        _refuse_unusable(columns, shape, found, complete=complete)
        if complete and shape is Shape.UNIT and not chosen:
            _refuse_uncounted(columns)
    if variant is not None:
        values = spellings(rows, variant.position)
        proposal = replace(proposal, control=roles.certain_control(list(values)))
    if shape is Shape.EVENTS:
        proposal = replace(proposal, exposure_event=roles.certain_exposure(proposal, rows))
    return Detection(
        dialect,
        columns,
        proposal,
        (*_notices(found, encoding, sample), *made.notes),
        rows,
        complete,
        _seen(proposal, columns, records, complete=complete),
        made.asks,
    )


def columns_of(found: Sniff, rows: Sequence[Row]) -> tuple[ColumnSeen, ...]:
    """What each column holds, second headers and totals rows left aside."""
    return look(found, _ordinary(found, rows))


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


def with_middle(found: Sniff, middle: Sequence[str]) -> tuple[Row, ...]:
    """The first rows, and whole lines from further down."""
    rows = list(found.rows)
    for piece in middle:
        rows.extend(
            Row(0, row.cells)
            for row in split(piece, found.delimiter, complete=True)
            if len(row.cells) == len(found.names)
        )
    return tuple(rows)


def _ordinary(found: Sniff, rows: Sequence[Row]) -> list[Row]:
    """Rows that are neither a second header nor a totals row."""
    header = [fold(name) for name in found.names]
    different = set().union(*(row.cells for row in rows))
    totals = {cell for cell in different if fold(cell) in TOTAL_WORDS}
    titles = {cell for cell in different if fold(cell) == header[0]}
    return [
        row
        for row in rows
        if totals.isdisjoint(row.cells)
        and not (row.cells[0] in titles and [fold(cell) for cell in row.cells] == header)
    ] or list(rows)


def _refuse_unusable(
    columns: Sequence[ColumnSeen], shape: Shape, found: Sniff, *, complete: bool
) -> None:
    """Say at once when no column can be the variant."""
    candidates = roles.variant_candidates(columns)
    if roles.certain_variant(columns) is not None or (
        candidates and shape is Shape.UNIT and not _constant_variant(columns)
    ):
        return
    if any(points > 0 or column.kind is Kind.TEXT for points, column in candidates) and (
        not _constant_variant(columns)
    ):
        return
    named = _constant_variant(columns)
    if named and complete and found.odd is not None:
        told = f"has {len(found.odd.cells)} fields; {len(columns)} are expected"
        raise InvalidInputError(
            f"Line {found.odd.line} {told}.",
            code="ROW_BROKEN",
            hint="Correct these lines or export the file again; nothing was stored.",
            details=(Problem(f"line {found.odd.line}", None, "ROW_BROKEN", told),),
        )
    if named and complete:
        only = named[0].examples[0] if named[0].examples else ""
        raise InvalidInputError(
            f"Column “{named[0].name}” holds only one variant ({shorten(only)}); "
            "at least two are needed.",
            code="ONE_VARIANT",
            hint="Add the rows of the other variant.",
            details=(Problem(named[0].name, only, "ONE_VARIANT", "at least two variants"),),
        )
    if not complete:
        return
    all_names = listed([column.name for column in columns], 8)
    one_arm = roles.visitors_column(columns) is not None
    raise InvalidInputError(
        "There is no variant column"
        + (": this file seems to hold one arm only" if one_arm else "")
        + f". Its columns are {all_names}.",
        code="NO_VARIANT_COLUMN",
        hint="Add a column that says which variant each row belongs to"
        + (", and the rows of the other arms." if one_arm else "."),
        details=(Problem("variant", None, "REQUIRED", "a variant column is needed"),),
    )


def _refuse_uncounted(columns: Sequence[ColumnSeen]) -> None:
    """A row for each variant is no row per unit: somebody has to say how many there are."""
    variant = roles.certain_variant(columns)
    if variant is None or not variant.unique or roles.unit_column(columns) is not None:
        return
    others = listed([column.name for column in columns if column is not variant], 8)
    raise InvalidInputError(
        f"Each variant stands in one row, and no column counts its units; there are {others}. "
        "A rate or an amount alone does not say how sure it is.",
        code="COUNTS_NEEDED",
        hint="Add the number of units of each variant (visitors), or upload one row per unit.",
        details=(Problem("visitors", None, "REQUIRED", f"a number of units beside {others}"),),
    )


def _constant_variant(columns: Sequence[ColumnSeen]) -> list[ColumnSeen]:
    return [c for c in columns if names.is_variant(c.name) and len(c.values) == 1]


def _notices(found: Sniff, encoding: str, sample: str) -> list[Notice]:
    notices = []
    if encoding == WINDOWS:
        notices.append(Notice(
            "ENCODING_ASSUMED",
            "The file is not UTF-8 and was read as Windows-1252, for example "
            f"“{shorten(sample)}”.",
        ))  # fmt: skip
    if found.preamble:
        lines = f"{found.preamble} line" + ("s" if found.preamble > 1 else "")
        notices.append(Notice(
            "PREAMBLE_SKIPPED",
            f"{lines} before the header skipped; the header is line {found.header_line}.",
            tuple(range(1, found.preamble + 1)),
        ))  # fmt: skip
    if found.delimiter != ",":
        word = DELIMITER_WORDS.get(found.delimiter, found.delimiter)
        notices.append(Notice("DELIMITER", f"Fields are divided by {word}."))
    return notices


def _seen(
    proposal: Mapping, columns: Sequence[ColumnSeen], records: int, *, complete: bool
) -> str:
    rows = records - (1 if proposal.dialect.header_line > 0 else 0)
    variant = next(iter(proposal.named(Role.VARIANT)), None)
    unit = next(iter(proposal.named(Role.UNIT)), None)
    kind = SEEN[proposal.shape]
    if (
        proposal.shape is Shape.UNIT
        and unit is not None
        and columns[unit.position].distinct < 0.95 * columns[unit.position].filled
    ):
        kind = f"Several rows per {unit.name}"
    text = f"{kind}, {grouped(rows)} row" + ("s" if rows != 1 else "")
    if variant is not None:
        arms = len(columns[variant.position].values)
        text += f", {arms} variants" if complete else f", {arms} or more variants"
    percent = [column.name for column in columns if column.kind is Kind.PERCENT]
    return text + (f"; {listed(percent)} in percent" if percent else "") + "."
