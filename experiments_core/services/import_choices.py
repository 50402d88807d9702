"""What somebody says about a file by the names of its columns, and as plain JSON values."""

from __future__ import annotations

from collections.abc import Mapping as Table
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from experiments_core.domain.source import Role, Shape
from experiments_core.errors import InvalidInputError, Problem

LISTS = frozenset({
    "outcomes", "values", "segments", "covariates", "conversions", "rates",
    "conversion_events", "experiments",
})  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """Columns by name; what is None or empty stays as it was proposed.

    Attributes:
        shape: What the rows are, where the columns do not tell: ``unit``, ``events``,
            ``totals``, ``moments`` or ``counts``.
        variant: Column of arms.
        unit: Column that identifies a unit; ``""`` makes each row one.
        time: Column with the moment a unit was first seen; ``""`` for none.
        outcomes: Columns of 0/1 or yes/no.
        values: Columns with a number per unit.
        segments: Attributes to cut by.
        covariates: Numbers known before the test.
        conversions: Totals per variant: converted units.
        rates: Totals per variant: share of the units that converted, where no column counts
            them.
        visitors: Totals per variant: all units.
        event: Event logs: column that says what happened.
        conversion_events: Event logs: events that count, each an outcome of its own.
        exposure_event: Event logs: the event that is an exposure, or ``any``.
        window: Event logs: hours after the first exposure, or ``all``.
        experiment_column: Column that tells several experiments apart.
        experiment: Which of them is read, ``*`` for each on its own, ``-`` for all as one.
        experiments: With ``*``: only these of them.
        zone: IANA time zone of times that do not say theirs.
        control: The arm to compare with.
        merge_variants: Spelling in the file -> the variant that it is.
        split: Intended shares by arm: percent, fractions, basis points or a ratio.
        finished: Whether the test is over.
        blank: What an empty outcome means: ``exclude`` or ``zero``.
        repeats: Several rows of one unit: ``refuse``, ``first``, ``last``, ``max``, ``sum`` or
            ``mean``.
        repeats_of: Column -> its own rule: ``sum``, ``mean``, ``max``, ``min``, ``first``,
            ``last`` or ``count``.
        crossovers: Units in two arms: ``exclude``, ``first_seen`` or ``refuse``.
        answers: Code of a question -> the answer.
        accept_defaults: Take the likeliest answer where there is one.
    """

    shape: str = ""
    variant: str = ""
    unit: str | None = None
    time: str | None = None
    outcomes: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    segments: tuple[str, ...] | None = None
    covariates: tuple[str, ...] | None = None
    conversions: tuple[str, ...] = ()
    rates: tuple[str, ...] = ()
    visitors: str = ""
    event: str = ""
    conversion_events: tuple[str, ...] = ()
    exposure_event: str = ""
    window: str = ""
    zone: str = ""
    experiment: str = ""
    experiments: tuple[str, ...] = ()
    experiment_column: str = ""
    control: str = ""
    merge_variants: dict[str, str] = field(default_factory=dict)
    split: dict[str, float] = field(default_factory=dict)
    finished: bool | None = None
    blank: str = ""
    repeats: str = ""
    repeats_of: dict[str, str] = field(default_factory=dict)
    crossovers: str = ""
    answers: dict[str, str] = field(default_factory=dict)
    accept_defaults: bool = False

    @property
    def measures(self) -> tuple[tuple[str, Role], ...]:
        """Measures that were named, with their roles."""
        named = (
            (self.outcomes, Role.OUTCOME),
            (self.values, Role.VALUE),
            (self.conversions, Role.CONVERSIONS),
            (self.rates, Role.RATE),
            ((self.visitors,) if self.visitors else (), Role.VISITORS),
        )
        return tuple((name, role) for names, role in named for name in names)


def choices_to_document(choices: Choices) -> dict[str, Any]:
    """Write choices as plain JSON values."""
    return asdict(choices)


def choices_from_document(document: Table[str, Any]) -> Choices:
    """Read what :func:`choices_to_document` wrote.

    Raises:
        InvalidInputError: a field is unknown or of the wrong type.
    """
    known = {one.name: one for one in fields(Choices)}
    given: dict[str, Any] = {}
    for name, value in document.items():
        if name not in known:
            raise refusal(name, value, "UNKNOWN_FIELD", f"“{name}” is no field of a mapping")
        given[name] = _typed(name, value)
    return Choices(**given)


def _typed(name: str, value: object) -> Any:
    if name in LISTS:
        if value is None and name in {"segments", "covariates"}:
            return None
        if isinstance(value, list | tuple) and all(isinstance(one, str) for one in value):
            return tuple(value)
        raise refusal(name, value, "TYPE", f"{name} is a list of column names")
    if name in {"split", "answers", "repeats_of", "merge_variants"}:
        if isinstance(value, dict) and all(_fits(name, one) for one in value.values()):
            return value
        raise refusal(name, value, "TYPE", f"{name} is an object")
    if name in {"finished", "accept_defaults"}:
        if isinstance(value, bool) or (value is None and name == "finished"):
            return value
        raise refusal(name, value, "TYPE", f"{name} is true or false")
    if name == "shape" and value not in {"", *Shape}:
        choices = ", ".join(Shape)
        raise refusal(name, value, "UNKNOWN_CHOICE", f"there is no shape “{value}”; {choices}")
    if isinstance(value, str) or (value is None and name in {"unit", "time"}):
        return value
    raise refusal(name, value, "TYPE", f"{name} is text")


def _fits(name: str, value: object) -> bool:
    if name != "split":
        return isinstance(value, str)
    return isinstance(value, int | float) and not isinstance(value, bool)


def refusal(
    field_name: str, value: object, rule: str, message: str, *, hint: str = ""
) -> InvalidInputError:
    """An error about one field, which says the rule as a sentence."""
    return InvalidInputError(
        f"{message[:1].upper()}{message[1:]}.",
        hint=hint,
        details=(Problem(field_name, value, rule, message),),
    )
