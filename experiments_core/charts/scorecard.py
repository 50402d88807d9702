"""The chart that carries the results page: one line per comparison, one axis for all."""

from __future__ import annotations

from collections.abc import Mapping

from experiments_core.analysis.results import ExperimentResult
from experiments_core.charts.rows import scorecard_groups
from experiments_core.charts.scorecard_narrow import draw_narrow
from experiments_core.charts.scorecard_parts import Sparklines
from experiments_core.charts.scorecard_wide import draw_wide
from experiments_core.charts.theme import Figure, Tokens


def scorecard(
    result: ExperimentResult,
    tokens: Tokens,
    *,
    narrow: bool = False,
    show: str = "lift",
    names: Mapping[str, str] | None = None,
    unit: str = "user",
    sparklines: Sparklines | None = None,
) -> Figure:
    """Draw the scorecard.

    Args:
        result: The reading of the experiment.
        tokens: Colours.
        narrow: Three lines per metric, for a page under 840 px.
        show: ``lift`` or ``difference`` on the axis; the verdict is the same.
        names: Variant key -> name.
        unit: What was randomised.
        sparklines: (metric key, variant) -> cumulative lifts, oldest first.
    """
    groups = scorecard_groups(result, show=show, names=names, unit=unit)
    called = {
        arm: (names or {}).get(arm, arm) for arm in (result.reference, *result.treatments)
    }
    if narrow:
        return draw_narrow(result, groups, tokens, show=show, names=called)
    return draw_wide(result, groups, tokens, show=show, names=called, sparklines=sparklines)
