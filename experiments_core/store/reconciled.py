"""What holding two tables of units against each other says."""

from __future__ import annotations

from dataclasses import dataclass, field

from experiments_core.domain.source import Role


@dataclass(frozen=True, slots=True)
class Side:
    """One table of units.

    Attributes:
        table: With unit, arm, first_ts and the columns below.
        columns: Header -> (column, role).
        left_out: Query of ``unit, rule`` of units that were left out; empty when unknown.
        duplicates: Rows left out as copies or further rows of a unit.
    """

    table: str
    columns: dict[str, tuple[str, Role]]
    left_out: str = ""
    duplicates: int = 0


@dataclass(frozen=True, slots=True)
class Case:
    """One unit that shows a difference; what is not there is None or empty."""

    unit: str
    line: int | None
    a: str | None
    b: str | None


@dataclass(frozen=True, slots=True)
class Why:
    """Units that differ for one reason.

    Attributes:
        code: ``ONLY_IN_A``, ``ONLY_IN_B``, ``OTHER_VARIANT``, ``OTHER_OUTCOME``,
            ``DUPLICATES``, ``ZONE_SHIFT``, ``OUTSIDE_WINDOW``, ``LATE``, ``FILTERED`` or
            ``ID_FORMAT``.
        side: ``a`` or ``b`` when the unit is on that side only, else empty.
        units: How many.
        detail: Column, rule or shift that it is about.
        cases: The first 100.
    """

    code: str
    side: str
    units: int
    detail: str = ""
    cases: tuple[Case, ...] = ()


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What two sources say about the same units.

    Attributes:
        units: Units of A and of B.
        both: Units on both sides.
        arms: Arm -> units of A and of B, under the names of A.
        sums: Measure -> arm -> sum in A and in B.
        whys: Reasons, with counts.
        names: Name of an arm in B -> its name in A, where they differ.
        compared: Columns that both have.
    """

    units: tuple[int, int]
    both: int
    arms: dict[str, tuple[int, int]]
    sums: dict[str, dict[str, tuple[float, float]]]
    whys: tuple[Why, ...]
    names: dict[str, str] = field(default_factory=dict)
    compared: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for side, units in zip("ab", self.units, strict=True):
            alone = sum(why.units for why in self.whys if why.side == side)
            if self.both + alone != units:
                message = (
                    f"{units} units of {side}, but {self.both} + {alone} are accounted for"
                )
                raise RuntimeError(message)
