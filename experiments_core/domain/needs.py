"""What a metric needs of the one query: groups of columns that share one n."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MomentNeed:
    """One group of columns that share one n.

    Attributes:
        key: The metric's key.
        shape: ``counts`` (n and x of a 0/1 column), ``moments`` (centred, of the columns) or
            ``quantile`` (of the rows of the first column).
        columns: Source columns, the outcome first.
        missing: ``exclude`` or ``zero``.
        skewness: Whether the third moment of the first column is wanted too.
        covariates: Source columns known before exposure, one number or the two of a ratio;
            they join the columns, and where one is missing the mean over all arms stands in.
        cap: Larger values of the first column count as this.
        cap_share: The same, as the quantile over all arms at this share.
        q: For a quantile: which.
    """

    key: str
    shape: str
    columns: tuple[str, ...]
    missing: str = "exclude"
    skewness: bool = False
    covariates: tuple[str, ...] = ()
    cap: float | None = None
    cap_share: float | None = None
    q: float | None = None

    @property
    def capped(self) -> bool:
        """Whether large values are cut."""
        return self.cap is not None or self.cap_share is not None
