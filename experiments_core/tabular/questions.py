"""What a file cannot say by itself. Nothing is stored while a question is open."""

from __future__ import annotations

from collections.abc import Iterator

from experiments_core.domain.source import Mapping
from experiments_core.tabular import (
    questions_cells,
    questions_events,
    questions_roles,
    questions_rows,
)
from experiments_core.tabular.answers import Choice, Question
from experiments_core.tabular.detection import UNKNOWN_HEADER, Detection, open_asks
from experiments_core.tabular.found import Found
from experiments_core.tabular.text import shorten


def open_questions(
    seen: Detection, mapping: Mapping, found: Found | None = None, *, ask_finished: bool = True
) -> tuple[Question, ...]:
    """List what nobody has answered yet.

    Args:
        seen: What the sample shows.
        mapping: What has been said so far.
        found: What all rows show, once they have been read.
        ask_finished: Ask whether the test is over (not when an experiment knows).
    """
    waiting = open_asks(seen.asks, mapping.dialect)
    if waiting:
        return waiting[:1]  # the rows mean nothing before it is answered
    questions = [
        *_header(seen, mapping),
        *questions_roles.doubled(mapping),
        *questions_roles.variant(seen, mapping, found),
        *questions_rows.experiment(seen, mapping),
        *questions_roles.unit(seen, mapping),
        *questions_roles.measures(seen, mapping),
        *questions_events.events(seen, mapping),
        *questions_roles.visitors(seen, mapping),
        *questions_roles.moments(seen, mapping),
        *questions_cells.cells(seen, mapping, found),
        *questions_rows.repeats(mapping, found),
        *questions_rows.readings(mapping, found),
        *questions_rows.contradictions(mapping, found),
    ]
    if ask_finished and mapping.finished is None:
        questions.append(_finished())
    return tuple(questions)


def _header(seen: Detection, mapping: Mapping) -> Iterator[Question]:
    if mapping.dialect.header_line == UNKNOWN_HEADER:
        first = ", ".join(shorten(cell, 20) for cell in seen.rows[0].cells[:4])
        yield Question(
            "HEADER",
            "dialect.header_line",
            f"Line 1 looks like data, not like a header ({first} …). What is it?",
            (Choice("0", "Data: the file has no header"), Choice("1", "The header")),
            "0",
        )


def _finished() -> Question:
    return Question(
        "FINISHED",
        "finished",
        "Is the test over? Only then is there a verdict; before that it is a look.",
        (Choice("yes", "Yes, no more data will come"), Choice("no", "No, it is still running")),
    )
