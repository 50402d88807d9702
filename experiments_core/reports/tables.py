"""Results as flat tables: CSV for spreadsheets, JSON for programs.

Numbers are written with every digit Python has; fractions stay fractions. A number that does
not exist is an empty cell, and its reason stands in the column ``reasons``.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence

from experiments_core.analysis.contrast import Contrast
from experiments_core.analysis.results import ArmResult, ExperimentResult, MetricResult
from experiments_core.stats.estimate import Undefined
from experiments_core.tabular.text import neutral

BOM = "\ufeff"

ARM_FIELDS = ("n", "conversions", "value", "standard_deviation", "ci_lower", "ci_upper")
CONTRAST_FIELDS = (
    "difference", "difference_ci_lower", "difference_ci_upper",
    "relative_lift", "relative_lift_ci_lower", "relative_lift_ci_upper",
    "statistic", "p_value", "p_value_adjusted", "confidence_level",
    "test_method", "interval_method", "significant", "verdict", "guardrail",
)  # fmt: skip
RESULT_COLUMNS = (
    "metric", "name", "kind", "role", "preferred_direction", "unit", "reference", "variant",
    *ARM_FIELDS, *CONTRAST_FIELDS, "flags", "reasons", "look", "final", "verdict_code",
    "data_hash", "engine_version", "statistics_version", "exploring",
)  # fmt: skip

Cell = str | int | float | bool | None


def result_rows(result: ExperimentResult) -> list[dict[str, Cell]]:
    """One row per metric and arm, the control's without a comparison."""
    return [_arm_row(result, metric, arm) for metric in result.metrics for arm in metric.arms]


def write_csv(
    columns: Sequence[str], rows: Iterable[Mapping[str, Cell]], *, for_spreadsheet: bool = True
) -> bytes:
    """Write rows as UTF-8 CSV with CR LF lines.

    Args:
        columns: Header, in order.
        rows: Cells by column; a missing one is empty.
        for_spreadsheet: Start with a byte-order mark, and put an apostrophe before any text
            that a spreadsheet would run as a formula. Off for machines.
    """
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\r\n")
    writer.writerow([_cell(name, for_spreadsheet=for_spreadsheet) for name in columns])
    for row in rows:
        writer.writerow(
            [_cell(row.get(name), for_spreadsheet=for_spreadsheet) for name in columns]
        )
    return ((BOM if for_spreadsheet else "") + target.getvalue()).encode()


def write_json(body: Mapping[str, object]) -> bytes:
    """Write a body as UTF-8 JSON without nan or infinity."""
    text = json.dumps(body, ensure_ascii=False, allow_nan=False, indent=2)
    return (text + "\n").encode()


def _arm_row(result: ExperimentResult, metric: MetricResult, arm: ArmResult) -> dict[str, Cell]:
    row: dict[str, Cell] = {
        "metric": metric.key,
        "name": metric.name,
        "kind": metric.kind,
        "role": metric.role,
        "preferred_direction": metric.preferred_direction,
        "unit": metric.unit,
        "reference": result.reference,
        "variant": arm.variant,
        "look": result.look,
        "final": result.final,
        "verdict_code": result.verdict.code,
        "data_hash": result.data_hash,
        "engine_version": result.engine_version,
        "statistics_version": result.statistics_version,
        "exploring": "; ".join(result.exploring),
    }
    reasons: list[str] = []
    _fill(row, arm, ARM_FIELDS, reasons)
    if arm.contrast is not None:
        _fill(row, arm.contrast, CONTRAST_FIELDS, reasons)
        row["flags"] = " ".join(arm.contrast.flags)
    row["reasons"] = "; ".join(reasons)
    return row


def _fill(
    row: dict[str, Cell],
    source: ArmResult | Contrast,
    fields: Sequence[str],
    reasons: list[str],
) -> None:
    for name in fields:
        found = getattr(source, name)
        if isinstance(found, Undefined):
            reasons.append(f"{name}: {found.reason}")
        else:
            row[name] = found


def _cell(content: Cell, *, for_spreadsheet: bool) -> str:
    if content is None:
        return ""
    if isinstance(content, bool):
        return "true" if content else "false"
    if not isinstance(content, str):
        return str(content)
    return neutral(content) if for_spreadsheet else content
