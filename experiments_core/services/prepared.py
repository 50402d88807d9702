"""The one text that is read: what it was made from, and how a draft remembers that."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from experiments_core.services.uploads import Upload
from experiments_core.services.workbooks import Sheet
from experiments_core.tabular.answers import Choice, Question
from experiments_core.tabular.detection import Notice


@dataclass(frozen=True, slots=True)
class Part:
    """One file as it came.

    Attributes:
        file: Its name among the stored files.
        name: As shown.
        sheets: Of a workbook; none of a text.
    """

    file: str
    name: str
    sheets: tuple[Sheet, ...] = ()


@dataclass(frozen=True, slots=True)
class Prepared:
    """The text that is read, and what there is to choose about it.

    Attributes:
        upload: The text.
        parts: Files that it is made from; none when it is a file as it came.
        asks: Questions about the making; those whose field is filled in are answered.
        notes: What was done.
    """

    upload: Upload
    parts: tuple[Part, ...] = ()
    asks: tuple[Question, ...] = ()
    notes: tuple[Notice, ...] = ()


def to_document(prepared: Prepared) -> dict[str, Any]:
    """What a draft keeps of it, as plain JSON values."""
    return {
        "parts": [asdict(part) for part in prepared.parts],
        "asks": [asdict(ask) for ask in prepared.asks],
        "notes": [asdict(note) for note in prepared.notes],
    }


def parts_of(document: dict[str, Any]) -> tuple[Part, ...]:
    """The parts that :func:`to_document` wrote."""
    return tuple(
        Part(one["file"], one["name"], tuple(map(_sheet, one["sheets"])))
        for one in document.get("parts", ())
    )


def _sheet(document: dict[str, Any]) -> Sheet:
    return Sheet(document["place"], document["name"], tuple(document["head"]))


def asks_of(document: dict[str, Any]) -> tuple[Question, ...]:
    """The questions that :func:`to_document` wrote."""
    return tuple(
        Question(**one | {"choices": tuple(Choice(**choice) for choice in one["choices"])})
        for one in document.get("asks", ())
    )


def notes_of(document: dict[str, Any]) -> tuple[Notice, ...]:
    """The notes that :func:`to_document` wrote."""
    return tuple(
        Notice(**one | {"lines": tuple(one["lines"])}) for one in document.get("notes", ())
    )
