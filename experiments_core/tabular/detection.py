"""What is this file? Dialect, columns, shape, a proposed mapping and what has to be asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from experiments_core.domain.source import Dialect, Mapping, Role, Shape
from experiments_core.domain.text import grouped
from experiments_core.tabular.answers import Question
from experiments_core.tabular.candidates import certain_control, certain_exposure
from experiments_core.tabular.columns import ColumnSeen, Kind, look
from experiments_core.tabular.encoding import UTF8, WINDOWS
from experiments_core.tabular.roles import propose
from experiments_core.tabular.shape import shape_of
from experiments_core.tabular.sniff import DELIMITER_WORDS, Row, Sniff, sniff, split
from experiments_core.tabular.spellings import spellings
from experiments_core.tabular.text import listed, shorten
from experiments_core.tabular.unusable import refuse_uncounted, refuse_without_variant

UNKNOWN_HEADER = -1
"""``header_line`` of a file of which nobody has said yet whether it has a header."""
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
    found = _sniffed(head, told, complete=complete)
    rows = with_middle(found, middle)
    columns = look(found, rows)
    chosen = told.shape if told else ""
    shape = Shape(chosen) if chosen else shape_of(columns, rows, complete=complete)
    if complete and not made.is_open:
        refuse_without_variant(columns, shape, found)
        if shape is Shape.UNIT and not chosen:
            refuse_uncounted(columns)
    dialect = Dialect(
        encoding=encoding,
        delimiter=found.delimiter,
        header_line=UNKNOWN_HEADER if found.header_doubtful else found.header_line,
        sheet=made.recipe.sheet,
        combine=made.recipe.combine,
        reshape=made.recipe.reshape,
        shape=chosen,
    )
    proposal = _proposal(shape, dialect, columns, rows)
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


def _sniffed(head: str, told: Dialect | None, *, complete: bool) -> Sniff:
    """How the text is laid out; a header that looks like data is first taken for data."""
    delimiter = told.delimiter if told else ""
    header_line = told.header_line if told and told.header_line != UNKNOWN_HEADER else None
    found = sniff(head, complete=complete, delimiter=delimiter, header_line=header_line)
    if not found.header_doubtful:
        return found
    bare = sniff(head, complete=complete, delimiter=found.delimiter, header_line=0)
    return replace(bare, header_doubtful=True)


def _proposal(
    shape: Shape, dialect: Dialect, columns: Sequence[ColumnSeen], rows: Sequence[Row]
) -> Mapping:
    """Roles, and the control and the exposure where they are beyond doubt."""
    mapping = Mapping(shape, dialect, propose(shape, columns, rows))
    variant = mapping.first(Role.VARIANT)
    if variant is not None:
        arms = list(spellings(rows, variant.position))
        mapping = replace(mapping, control=certain_control(arms))
    if shape is Shape.EVENTS:
        mapping = replace(mapping, exposure_event=certain_exposure(mapping, rows))
    return mapping


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
    variant = proposal.first(Role.VARIANT)
    unit = proposal.first(Role.UNIT)
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
