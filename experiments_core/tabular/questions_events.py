"""What an event log leaves open: which event is the exposure, which counts, for how long."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from experiments_core.domain.source import Mapping, Role, Shape
from experiments_core.tabular import names
from experiments_core.tabular.answers import Choice, Question
from experiments_core.tabular.columns import Kind
from experiments_core.tabular.detection import Detection
from experiments_core.tabular.questions_roles import column_choices
from experiments_core.tabular.spellings import spellings
from experiments_core.tabular.text import listed

WINDOWS = ((1, "1 day"), (7, "7 days"), (14, "14 days"), (30, "30 days"))


def events(seen: Detection, mapping: Mapping) -> Iterator[Question]:
    """First the column of events; then the exposure, the conversion and the window."""
    if mapping.shape is not Shape.EVENTS:
        return
    event = mapping.first(Role.EVENT)
    if event is None:
        yield _column(seen)
        return
    kinds = list(spellings(seen.rows, event.position))
    likely = next((kind for kind in kinds if names.is_exposure(kind)), "")
    if not mapping.exposure_event:
        yield _exposure(event.name, kinds, likely)
    if not mapping.conversion_events:
        others = [kind for kind in kinds if kind not in {mapping.exposure_event, likely}]
        yield _conversion(mapping, event.name, kinds, others)
    if not mapping.window and mapping.named(Role.TIME):
        yield _window()


def _column(seen: Detection) -> Question:
    texts = [c for c in seen.columns if c.kind is Kind.TEXT and 1 < len(c.values) < 100]
    return Question(
        "EVENT_COLUMN",
        f"role.{Role.EVENT}",
        "Which column says what happened?",
        column_choices(texts),
    )


def _exposure(column: str, kinds: Sequence[str], likely: str) -> Question:
    return Question(
        "EXPOSURE_EVENT",
        "exposure_event",
        f"Which event of “{column}” says that a unit met its arm? The first counts.",
        (
            *(Choice(kind, kind) for kind in kinds),
            Choice("any", "Any: the first row of a unit"),
        ),
        likely or "any",
        free=True,
    )


def _conversion(
    mapping: Mapping, column: str, kinds: list[str], others: Sequence[str]
) -> Question:
    unit = mapping.first(Role.UNIT)
    return Question(
        "CONVERSION_EVENT",
        "conversion_events",
        f"This is an event log: several rows per {unit.name if unit else 'unit'}, and "
        f"column “{column}” says what happened ({listed(kinds)}). Which event is the "
        "conversion?",
        tuple(Choice(kind, kind) for kind in others or kinds),
        others[0] if len(others) == 1 else "",
        free=True,
    )


def _window() -> Question:
    return Question(
        "CONVERSION_WINDOW",
        "window",
        "How long after its first exposure does what a unit does count?",
        (
            Choice("all", "To the end of the file"),
            *(Choice(str(24 * days), label) for days, label in WINDOWS),
        ),
        "all",
        free=True,
    )
