"""Lists of units as people bring them: who got what, who would get what, and back as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterator

from experiments_core.errors import InvalidInputError, Problem
from experiments_core.reports.tables import write_csv
from experiments_core.services.assignment_audit import AuditReport, Flip

UNIT_NAMES = ("unit", "unit_id", "user", "user_id", "id", "account", "device", "participant")
ARM_NAMES = ("variant", "arm", "group", "variation", "treatment", "served")
FLIP_COLUMNS = ("unit", "served", "hash_says", "upshot_gave", "why")

Row = tuple[int, list[str]]


def read_served(content: str | bytes, arms: Collection[str]) -> dict[str, str]:
    """Read who got what: two columns, or a file whose header names unit and variant.

    Args:
        content: Text with commas, semicolons or tabs; bytes are UTF-8.
        arms: Keys of the variants; a first line without one of them is the header.

    Raises:
        InvalidInputError: a line has not two fields, the header does not say which columns are
            meant, or a unit stands there twice with different arms.
    """
    rows = list(_rows(content))
    place = _places(rows, arms)
    served: dict[str, str] = {}
    for number, fields in rows[place is not None :]:
        unit, variant = _pair(number, fields, place)
        if served.setdefault(unit, variant) != variant:
            raise _refused(f"“{unit}” stands there with two variants (line {number}).", unit)
    return served


def read_units(content: str | bytes) -> list[str]:
    """Read unit ids, one a line; of a file with several columns the first is taken.

    A first line that is the name of a column (unit, user_id …) is no unit; each unit counts
    once.

    Raises:
        InvalidInputError: the bytes are not UTF-8.
    """
    units = [fields[0] for _, fields in _rows(content)]
    header = bool(units) and units[0].lower() in UNIT_NAMES
    return list(dict.fromkeys(units[header:]))


def flips_csv(report: AuditReport) -> bytes:
    """Everybody who was served something else than a hash or Upshot says, as CSV."""
    return write_csv(FLIP_COLUMNS, [_cells(flip) for flip in report.flips])


def drawn_csv(drawn: list[tuple[str, str | None, str]]) -> bytes:
    """Who would get what: unit, variant, reason."""
    return write_csv(
        ("unit", "variant", "reason"),
        [{"unit": unit, "variant": arm, "reason": why} for unit, arm, why in drawn],
    )


def _cells(flip: Flip) -> dict[str, str | int | float | bool | None]:
    return {
        "unit": flip.unit, "served": flip.served, "hash_says": flip.expected,
        "upshot_gave": flip.assigned, "why": flip.why,
    }  # fmt: skip


def _rows(content: str | bytes) -> Iterator[Row]:
    """Lines that hold something, with their numbers; blanks around fields are removed."""
    if isinstance(content, bytes):
        try:
            content = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            message = f"The list is not UTF-8 (byte {error.start + 1:,}). Save it as UTF-8."
            raise _refused(message, None) from None
    first = content.lstrip().partition("\n")[0]
    delimiter = next((mark for mark in "\t;," if mark in first), ",")
    reader = csv.reader(io.StringIO(content, newline=""), delimiter=delimiter)
    for fields in reader:
        kept = [field.strip() for field in fields]
        if any(kept):
            yield reader.line_num, kept


def _places(rows: list[Row], arms: Collection[str]) -> tuple[int, int] | None:
    """Positions of unit and variant where the first line is a header."""
    if not rows or any(field in arms for field in rows[0][1]):
        return None
    names = [name.lower() for name in rows[0][1]]
    unit = next((names.index(name) for name in UNIT_NAMES if name in names), None)
    arm = next((names.index(name) for name in ARM_NAMES if name in names), None)
    if unit is not None and arm is not None and unit != arm:
        return unit, arm
    if len(rows) > 1 and len(names) == 2 and rows[1][1][-1] in arms:
        return 0, 1
    return None


def _pair(number: int, fields: list[str], place: tuple[int, int] | None) -> tuple[str, str]:
    if place is None:
        fields = [field for field in fields if field]
        if len(fields) != 2:
            raise _refused(
                f"Line {number} has {len(fields)} fields; it needs two, or the list needs a "
                "header with the columns unit and variant.",
                len(fields),
            )
        place = 0, 1
    if max(place) >= len(fields) or not all(fields[one] for one in place):
        raise _refused(f"Line {number} lacks the unit or the variant.", number)
    return fields[place[0]], fields[place[1]]


def _refused(message: str, value: object) -> InvalidInputError:
    return InvalidInputError(message, details=(Problem("units", value, "PATTERN", message),))
