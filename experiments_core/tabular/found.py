"""What reading every row has shown, where the sample could not."""

from __future__ import annotations

from dataclasses import dataclass, field

from experiments_core.tabular.courses import Readings


@dataclass(frozen=True, slots=True)
class Found:
    """What reading every row has shown, where the sample could not.

    Attributes:
        arms: Arms, by rows.
        blanks: Position of a column -> blank cells and the line of the first.
        repeated: Units with several rows in one arm, after exact copies were left out.
        contradicted: Position of a column that nearly always says the same as the variant ->
            rows in which it does not, by (arm, value).
        readings: Of totals and moments: what several rows of one arm look like.
    """

    arms: dict[str, int]
    blanks: dict[int, tuple[int, int]]
    repeated: int = 0
    contradicted: dict[int, dict[tuple[str, str], int]] = field(default_factory=dict)
    readings: Readings | None = None
